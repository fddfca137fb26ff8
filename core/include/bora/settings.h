/* Settings: what a person may choose, from the command line, a launch file or a selector file.
 *
 * Every option exists once, in one table (bora_options()). The parser of the command line, the schema of the TOML
 * files, their error messages, --help, shell completions and the reference page are all read from that table, so they
 * cannot disagree. A bora_settings holds one value for each option; an option that nobody set yields its default. */
#ifndef BORA_SETTINGS_H
#define BORA_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bora/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum bora_option_type {
    BORA_OPTION_FLAG,
    BORA_OPTION_INT,
    BORA_OPTION_FLOAT,
    BORA_OPTION_STRING,
    BORA_OPTION_PATH,
    BORA_OPTION_CHOICE, /* one word of .choices */
    BORA_OPTION_LIST,   /* texts: the option may be repeated, and each text is split at .separator */
} bora_option_type;

typedef enum bora_option_status {
    BORA_OPTION_READY,
    BORA_OPTION_INERT, /* accepted, and without effect in this version: setting it leaves a warning */
    BORA_OPTION_LATER, /* known, and refused with BORA_UNSUPPORTED unless the value is the default */
} bora_option_status;

/* One option. The lists inside are words separated by single spaces; NULL is the empty list. */
typedef struct bora_option {
    const char *name;    /* "max-seqs": typed as --max-seqs, and what the getters take */
    const char *aliases; /* other long names */
    char short_name;     /* 'm' for -m; 0 for none */
    char separator;      /* of a list in one text; 0 when a text is one item */
    unsigned positional; /* the commands for which it is an argument without a name */
    bool toml_only;      /* exists in launch files alone */
    bora_option_type type;
    bora_option_status status;
    const char *value_name; /* "N", for help */
    double min, max;        /* of BORA_OPTION_INT and BORA_OPTION_FLOAT, both allowed; INFINITY for no limit */
    const char *choices;
    const char *later_choices; /* known choices that this version refuses */
    const char *default_text;  /* as it would be typed; NULL when there is none */
    const char *default_note;  /* what happens without a value, in words */
    const char *toml;          /* keys in a launch file: "runtime.max_seqs"; those under "models." are per model */
    const char *selector;      /* keys in a selector file: "gguf:tok_model_id" is key of kind gguf, "*:" of every kind,
                                  ":no_kv_cache" is a key at the top of the file */
    const char *excludes;      /* options that cannot be given together with this one */
    unsigned commands;         /* the bits of the commands that take it */
    const char *group;         /* its heading in the help */
    const char *help;          /* one line */
} bora_option;

/* A subcommand of the program. */
typedef struct bora_command {
    const char *name;
    unsigned bit;            /* in bora_option.commands */
    const char *usage;       /* what follows "bora NAME" in the usage line */
    const char *summary;     /* a few words */
    const char *description; /* a paragraph */
    const char *examples[9]; /* pairs (what it does, the line to type), then NULL */
    const char *needs[4];    /* lists of options, one of each must be given */
} bora_command;

/* The tables, in the order of the help. */
BORA_API const bora_option *bora_options(size_t *n);
BORA_API const bora_command *bora_commands(size_t *n);

/* The command of that name. NULL: BORA_USAGE, with the nearest name. */
BORA_API const bora_command *bora_command_find(const char *name, bora_error *err);

typedef struct bora_settings bora_settings;

/* Empty settings: every option has its default. NULL when memory ran out. */
BORA_API bora_settings *bora_settings_new(void);
/* An independent copy of all values (the warnings stay with the original). */
BORA_API bora_settings *bora_settings_copy(const bora_settings *settings);
BORA_API void bora_settings_free(bora_settings *settings);

/* Sets an option from text, as the command line would. A list grows by the items of `text`; anything else is replaced.
 * `origin` (NULL for "--name") stands for the option in error messages. Errors: BORA_USAGE for an unknown name, a text
 * of the wrong type or a value out of range; BORA_UNSUPPORTED for what this version does not have. */
BORA_API bool bora_settings_set(bora_settings *settings, const char *name, const char *text, const char *origin,
                                bora_error *err);

/* Values by long name. An option that was not set yields its default, and 0, false or NULL when it has none. The texts
 * belong to the settings. bora_settings_string() gives any value that is not a list as it was written. */
BORA_API bool bora_settings_is_set(const bora_settings *settings, const char *name);
BORA_API bool bora_settings_flag(const bora_settings *settings, const char *name);
BORA_API int64_t bora_settings_int(const bora_settings *settings, const char *name);
BORA_API double bora_settings_float(const bora_settings *settings, const char *name);
BORA_API const char *bora_settings_string(const bora_settings *settings, const char *name);
BORA_API size_t bora_settings_count(const bora_settings *settings, const char *name);
BORA_API const char *bora_settings_item(const bora_settings *settings, const char *name, size_t i);
/* Where the value came from, for messages: "--topk", or "file.toml:12:1: top_k"; NULL when it was not set. */
BORA_API const char *bora_settings_origin(const bora_settings *settings, const char *name);
/* The i-th warning about what was set, one line; NULL after the last. */
BORA_API const char *bora_settings_warning(const bora_settings *settings, size_t i);

/* Reads the arguments that follow the command's name: `--name value`, `--name=value`, `-x value`, `-xvalue`, `--flag`,
 * `--flag=false`, and `--` before arguments that are not options. --help and --version end the reading: look at them
 * first, for nothing behind them was read and nothing is missing. Errors: as bora_settings_set(), and BORA_USAGE for
 * unknown options (with the nearest), options that exclude each other, and what the command needs and did not get. */
BORA_API bool bora_settings_parse_args(bora_settings *settings, const bora_command *command, int argc,
                                       char *const argv[], bora_error *err);

/* Reads a selector file, the older TOML form that names one model: `bora run toml -f FILE`. What is already set wins
 * over the file, except model-type and quantized-file, which named the file itself. Afterwards the settings are those
 * of `bora run -m …` or `bora run -f …`. Relative paths are relative to the current folder. Errors: "FILE:line:column:
 * …" for anything that is not in the table (BORA_USAGE) or not in this version (BORA_UNSUPPORTED). */
BORA_API bool bora_settings_load_selector(bora_settings *settings, const char *path, bora_error *err);

/* A launch file: a command, what is shared, and one or more models. */
typedef struct bora_launch bora_launch;

/* Reads a launch file: `bora from-config -f FILE`. Relative paths inside are relative to the current folder. Errors:
 * "FILE:line:column: …" as above, and for a file without command or [[models]]. */
BORA_API bora_launch *bora_launch_load(const char *path, bora_error *err);
BORA_API void bora_launch_free(bora_launch *launch);
BORA_API const bora_command *bora_launch_command(const bora_launch *launch);
/* The settings outside [[models]]. */
BORA_API const bora_settings *bora_launch_shared(const bora_launch *launch);
/* Each model's settings are complete: the shared ones, and its own over them. Their warnings are its own alone. */
BORA_API size_t bora_launch_n_models(const bora_launch *launch);
BORA_API const bora_settings *bora_launch_model(const bora_launch *launch, size_t i);

/* The text of `bora COMMAND --help`; of `bora --help` when `command` is NULL. malloc'd; NULL when memory ran out. */
BORA_API char *bora_help_text(const bora_command *command);
/* The reference page in Markdown: every option with its keys, range and default. malloc'd. */
BORA_API char *bora_reference_page(void);

#ifdef __cplusplus
}
#endif
#endif
