/* The command line: arguments to settings, by the table of options. */
#include "config/options.h"

#include <stdio.h>
#include <string.h>

#include "base/nearest.h"

enum { NAMES_MAX = 2 * OPTIONS_MAX, NAME_BYTES = 48 };

typedef struct reader {
    bora_settings *settings;
    const bora_command *command;
    int argc, at; /* argv[at] is being read */
    char *const *argv;
    size_t n_positionals;
    bora_error *err;
} reader;

/* Whether `name` is the long name or an alias, and is typed with a dash for this command. */
static bool has_long_name(const bora_option *o, const bora_command *command, const char *name, size_t len)
{
    return option_typed_with(o, command) && !(o->positional & command->bit) &&
           ((strlen(o->name) == len && memcmp(o->name, name, len) == 0) || option_word_in(o->aliases, name, len));
}

static const bora_option *find_long(const bora_command *command, const char *name, size_t len)
{
    size_t n;
    const bora_option *all = bora_options(&n);
    for (size_t i = 0; i < n; i++)
        if (has_long_name(&all[i], command, name, len))
            return &all[i];
    return NULL;
}

static const bora_option *find_short(const bora_command *command, char letter)
{
    size_t n;
    const bora_option *all = bora_options(&n);
    for (size_t i = 0; i < n; i++)
        if (all[i].short_name == letter && option_typed_with(&all[i], command))
            return &all[i];
    return NULL;
}

/* The option that an argument names, if it is exactly that: "--seed", "-m". */
static const bora_option *find_exact(const bora_command *command, const char *arg)
{
    if (strncmp(arg, "--", 2) == 0 && arg[2])
        return find_long(command, arg + 2, strlen(arg + 2));
    return arg[0] == '-' && arg[1] && !arg[2] ? find_short(command, arg[1]) : NULL;
}

/* An option of this name that another command takes; the name of that command in `owner`. */
static const bora_option *find_elsewhere(const char *name, size_t len, const char **owner)
{
    size_t n;
    const bora_command *commands = bora_commands(&n);
    for (size_t i = 0; i < n; i++) {
        const bora_option *o = find_long(&commands[i], name, len);
        *owner = commands[i].name;
        if (o)
            return o;
    }
    return NULL;
}

/* All long names of a command's options, for nearest_name(). */
static size_t collect_names(const bora_command *command, char bytes[][NAME_BYTES], const char **names)
{
    size_t n, count = 0, len;
    const bora_option *all = bora_options(&n);
    for (size_t i = 0; i < n; i++) {
        if (!option_typed_with(&all[i], command) || (all[i].positional & command->bit))
            continue;
        names[count++] = all[i].name;
        const char *aliases = all[i].aliases;
        for (const char *word; count < NAMES_MAX && (word = option_word(&aliases, &len)); count++) {
            snprintf(bytes[count], NAME_BYTES, "%.*s", (int)len, word);
            names[count] = bytes[count];
        }
    }
    return count;
}

static bool fail_unknown(const reader *r, const char *name, size_t len)
{
    char copies[NAMES_MAX][NAME_BYTES], word[64];
    const char *names[NAMES_MAX], *owner;
    snprintf(word, sizeof word, "%.*s", (int)(len < 63 ? len : 63), name);
    if (find_elsewhere(name, len, &owner))
        return bora_fail(r->err, BORA_USAGE, "--%s is an option of `bora %s`, not of `bora %s` (see `bora %s --help`)",
                         word, owner, r->command->name, r->command->name);
    const char *near = nearest_name(word, names, collect_names(r->command, copies, names));
    return bora_fail(r->err, BORA_USAGE, "unknown option --%s%s%s%s (see `bora %s --help`)", word,
                     near ? "; did you mean --" : "", near ? near : "", near ? "?" : "", r->command->name);
}

/* The argument after the option, as its value. One that is itself an option is not taken: a forgotten value is far
 * likelier than a value that looks like that. */
static const char *take_value(reader *r, const bora_option *o, const char *label)
{
    const char *value = r->at + 1 < r->argc ? r->argv[r->at + 1] : NULL;
    if (value && !find_exact(r->command, value)) {
        r->at++;
        return value;
    }
    const char *value_name = o->value_name ? o->value_name : "VALUE";
    if (value)
        bora_fail(r->err, BORA_USAGE, "%s needs a value, and %s is an option; if it is the value, write --%s=%s", label,
                  value, o->name, value);
    else
        bora_fail(r->err, BORA_USAGE, "%s needs a value: %s %s", label, label, value_name);
    return NULL;
}

static bool put(reader *r, const bora_option *o, const char *label, const char *value)
{
    return settings_put_text(r->settings, o, (setting_origin){ .where = "", .label = label }, value, r->err);
}

static bool read_long(reader *r, const char *arg)
{
    const char *name = arg + 2, *equals = strchr(name, '='), *value = equals ? equals + 1 : NULL;
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    const bora_option *o = find_long(r->command, name, len);
    if (!o)
        return fail_unknown(r, name, len);
    char label[64];
    snprintf(label, sizeof label, "--%.*s", (int)len, name);
    if (!value)
        value = o->type == BORA_OPTION_FLAG ? "true" : take_value(r, o, label);
    return value && put(r, o, label, value);
}

static bool read_short(reader *r, const char *arg)
{
    char label[3] = { '-', arg[1], '\0' };
    const bora_option *o = find_short(r->command, arg[1]);
    if (!o)
        return bora_fail(r->err, BORA_USAGE, "unknown option %.20s (see `bora %s --help`)", arg, r->command->name);
    const char *value = arg + 2;
    if (o->type == BORA_OPTION_FLAG) {
        if (*value)
            return bora_fail(r->err, BORA_USAGE, "%s takes no value, found \"%.20s\" behind it", label, value);
        value = "true";
    } else if (!*value) {
        value = take_value(r, o, label);
    }
    return value && put(r, o, label, value);
}

static bool put_positional(reader *r, const bora_option *o, const char *arg)
{
    bora_error problem = { .code = BORA_OK };
    setting_origin origin = { .where = "", .label = o->value_name };
    if (settings_put_text(r->settings, o, origin, arg, &problem))
        return true;
    /* What stands where a word of the table is expected is likely a model. */
    const char *hint =
        o->type == BORA_OPTION_CHOICE && problem.code == BORA_USAGE ? " (a model is named by -m or -f)" : "";
    return bora_fail(r->err, problem.code, "%s%s", problem.message, hint);
}

static bool read_positional(reader *r, const char *arg)
{
    size_t n, skip = r->n_positionals++;
    const bora_option *all = bora_options(&n);
    for (size_t i = 0; i < n; i++)
        if ((all[i].positional & r->command->bit) && skip-- == 0)
            return put_positional(r, &all[i], arg);
    return bora_fail(r->err, BORA_USAGE, "unexpected argument \"%.60s\" (see `bora %s --help`)", arg, r->command->name);
}

/* What the command cannot do without: one of each list. */
static bool check_needs(const reader *r)
{
    for (size_t i = 0; i < sizeof r->command->needs / sizeof *r->command->needs && r->command->needs[i]; i++) {
        buf wanted = { 0 };
        const char *list = r->command->needs[i];
        size_t len;
        bool given = false;
        for (const char *word; !given && (word = option_word(&list, &len));) {
            char name[NAME_BYTES];
            snprintf(name, sizeof name, "%.*s", (int)len, word);
            const bora_option *o = option_find(name);
            given = bora_settings_is_set(r->settings, name);
            buf_puts(&wanted, wanted.len ? " or " : "");
            if (o->positional & r->command->bit)
                buf_puts(&wanted, o->value_name);
            else if (o->short_name)
                buf_printf(&wanted, "-%c %s", o->short_name, o->value_name);
            else
                buf_printf(&wanted, "--%s %s", o->name, o->value_name);
        }
        if (!given)
            bora_fail(r->err, BORA_USAGE, "`bora %s` needs %s (see `bora %s --help`)", r->command->name,
                      buf_text(&wanted), r->command->name);
        buf_free(&wanted);
        if (!given)
            return false;
    }
    return true;
}

bool bora_settings_parse_args(bora_settings *settings, const bora_command *command, int argc, char *const argv[],
                              bora_error *err)
{
    reader r = { .settings = settings, .command = command, .argc = argc, .argv = argv, .err = err };
    bool options_end = false;
    for (; r.at < argc; r.at++) {
        const char *arg = argv[r.at];
        bool read = true;
        if (options_end || arg[0] != '-' || !arg[1])
            read = read_positional(&r, arg);
        else if (strcmp(arg, "--") == 0)
            options_end = true;
        else if (arg[1] == '-')
            read = read_long(&r, arg);
        else
            read = read_short(&r, arg);
        if (!read)
            return false;
        if (bora_settings_flag(settings, "help") || bora_settings_flag(settings, "version"))
            return true;
    }
    return check_needs(&r) && settings_check(settings, err);
}
