/* What the subcommands share: where messages go, how a runtime is made from settings, how output is written.
 *
 * Standard output belongs to the result of a command and to nothing else. Everything that is said about it goes to
 * standard error. A command returns false with an error; main() prints it and turns its code into the exit code. */
#ifndef COMMON_H
#define COMMON_H

#include <pthread.h>

#include <bora/runtime.h>
#include <bora/settings.h>

typedef struct cli {
    pthread_mutex_t mutex; /* guards `progress`, and standard error while a line is written */
    const bora_command *command;
    bora_settings *settings; /* what the command line says */
    bora_log_level level;    /* messages up to this one are shown */
    bool stdout_terminal, stderr_terminal;
    bool colour, stdout_colour; /* on standard error, on standard output */
    struct {
        char what[64];
        double next_s; /* when there is something to draw again */
        bool shown;
    } progress;
} cli;

/* Looks at the terminal and at the settings' verbose and quiet. */
void cli_setup(cli *c, bool verbose, bool quiet);

/* Whether it is a terminal that understands escape sequences. */
bool cli_is_terminal(int fd);

/* A line on standard error, from any thread, unless its level is not to be seen. Control characters in it are made
 * visible. */
void cli_log(cli *c, bora_log_level level, const char *fmt, ...) BORA_PRINTF(3, 4);

/* How far something is that takes long: a bar on a terminal; elsewhere a line every five seconds, and none for what is
 * quicker. done == total: it ended. */
void cli_progress(cli *c, const char *what, uint64_t done, uint64_t total);

/* Says what the settings warn of. */
void cli_warnings(cli *c, const bora_settings *settings);

/* A runtime with the plugins that `file` (settings from a launch file, or NULL) and the command line name; says what
 * both warn of. It reports to `c`, which outlives it. */
bora_runtime *cli_runtime(cli *c, const bora_settings *file, bora_error *err);

/* Writes out what was printed. False: it did not arrive. */
bool cli_flush(bora_error *err);

/* All of standard input, malloc'd and NUL-terminated. NULL with an error. */
char *cli_read_stdin(size_t *len, bora_error *err);

double cli_seconds(void); /* a clock that only runs forward */

#endif
