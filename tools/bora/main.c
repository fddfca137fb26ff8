/* bora, the command line. Each subcommand is a file of its own and a line of the table below; what they are
 * called, what they take and what their help says is in the core's table of options.
 *
 * Exit codes: 0; 1 when something failed; 2 when it was asked wrongly. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "shipped.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* The help of a command, or of the program (NULL). */
static bool print_help(FILE *out, const bora_command *command, bora_error *err)
{
    char *text = bora_help_text(command);
    if (!text)
        return bora_fail_memory(err, "the help");
    fputs(text, out);
    free(text);
    return true;
}

/* bora help [COMMAND] */
static bool help(int argc, char *argv[], bora_error *err)
{
    if (argc > 1)
        return bora_fail(err, BORA_USAGE, "`bora help` takes one command");
    const bora_command *command = argc == 1 ? bora_command_find(argv[0], err) : NULL;
    return (argc == 0 || command) && print_help(stdout, command, err);
}

static const struct {
    const char *name;
    bool (*run)(cli *c, bora_error *err);
} commands[] = {
    { "run", command_run },         { "serve", command_serve },       { "from-config", command_from_config },
    { "inspect", command_inspect }, { "tokenize", command_tokenize }, { "logits", command_logits },
    { "bench", command_bench },     { "plugins", command_plugins },   { NULL, NULL },
};

static bool run_command(cli *c, bora_error *err)
{
    for (size_t i = 0; commands[i].name; i++)
        if (strcmp(commands[i].name, c->command->name) == 0)
            return commands[i].run(c, err);
    return bora_fail(err, BORA_INTERNAL, "`bora %s` has no implementation", c->command->name);
}

/* argv starts with the command's name. */
static bool command(cli *c, int argc, char *argv[], bora_error *err)
{
    if (argv[0][0] == '-')
        return bora_fail(err, BORA_USAGE,
                         "a command comes first, its options after it: bora COMMAND %.40s; see "
                         "`bora --help`",
                         argv[0]);
    c->command = bora_command_find(argv[0], err);
    c->settings = c->command ? bora_settings_new() : NULL;
    if (c->command && !c->settings)
        return bora_fail_memory(err, "settings");
    if (!c->command || !bora_settings_parse_args(c->settings, c->command, argc - 1, argv + 1, err))
        return false;
    if (bora_settings_flag(c->settings, "help"))
        return print_help(stdout, c->command, err);
    if (bora_settings_flag(c->settings, "version"))
        return printf("bora %s\n", bora_version()) > 0;
    cli_setup(c, bora_settings_flag(c->settings, "verbose"), bora_settings_flag(c->settings, "quiet"));
    return shipped_resolve(c->settings, err) && run_command(c, err);
}

static bool is_one_of(const char *text, const char *a, const char *b)
{
    return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

static bool dispatch(cli *c, int argc, char *argv[], bora_error *err)
{
    if (argc > 1 && (strcmp(argv[1], "help") == 0 || is_one_of(argv[1], "--help", "-h")))
        return help(argc - 2, argv + 2, err);
    if (argc > 1 && is_one_of(argv[1], "--version", "-V"))
        return printf("bora %s\n", bora_version()) > 0;
    return command(c, argc - 1, argv + 1, err);
}

/* Whether the program that read our output is gone, as `head` is when it has enough. */
static bool reader_left(void)
{
    struct pollfd out = { .fd = STDOUT_FILENO };
    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

int main(int argc, char *argv[])
{
    cli c = { .mutex = PTHREAD_MUTEX_INITIALIZER };
    bora_error err = { .code = BORA_OK };
    signal(SIGPIPE, SIG_IGN); /* a write that fails is an error like any other */
    cli_setup(&c, false, false);
    if (argc < 2) {
        print_help(stderr, NULL, &err);
        return EXIT_USAGE;
    }
    bool ok = dispatch(&c, argc, argv, &err);
    ok = cli_flush(&err) && ok;
    if (!ok && !(err.code == BORA_IO && reader_left()))
        cli_log(&c, BORA_LOG_ERROR, "%s", err.message);
    bora_settings_free(c.settings);
    return ok ? 0 : err.code == BORA_USAGE ? EXIT_USAGE : EXIT_FAILED;
}
