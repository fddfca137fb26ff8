/* The inside of settings.h: how the files of core/config look options up and put values. */
#ifndef BORA_CONFIG_OPTIONS_H
#define BORA_CONFIG_OPTIONS_H

#include <bora/settings.h>

#include "base/arena.h"
#include "base/buf.h"
#include "config/toml.h"

enum { OPTIONS_MAX = 192 }; /* at least as many as the table has; a test holds it to that */

enum {
    COMMAND_RUN = 1,
    COMMAND_SERVE = 2,
    COMMAND_FROM_CONFIG = 4,
    COMMAND_INSPECT = 8,
    COMMAND_TOKENIZE = 16,
    COMMAND_LOGITS = 32,
    COMMAND_PLUGINS = 64,
    COMMAND_BENCH = 128,
};

/* The next word of a space-separated list (NULL is empty), moving `list` past it; NULL and len 0 at its end. */
const char *option_word(const char **list, size_t *len);
/* Whether `text` (all of it, `len` bytes) is a word of the list. */
bool option_word_in(const char *list, const char *text, size_t len);

const bora_option *option_find(const char *name);
/* The option that has `key` ("runtime.max_seqs") among its keys in a launch file. */
const bora_option *option_by_toml(const char *key);
/* The position in the table. */
size_t option_index(const bora_option *option);
/* Whether the option can be typed on the command line of that command. */
bool option_typed_with(const bora_option *option, const bora_command *command);
/* Writes a list of words as "a, b or c". */
void option_put_words(buf *out, const char *words, const char *last_join);

/* Where a value stands and what it is called there: ("run.toml:12:1", "top_k") or ("", "--top-k"). */
typedef struct setting_origin {
    const char *where, *label;
} setting_origin;

/* Sets from text, and from a TOML value; both copy what they keep. */
bool settings_put_text(bora_settings *s, const bora_option *option, setting_origin origin, const char *text,
                       bora_error *err);
bool settings_put_toml(bora_settings *s, const bora_option *option, setting_origin origin, const toml_value *value,
                       bora_error *err);
void settings_unset(bora_settings *s, const bora_option *option);
/* Leaves a warning that `option` was given and ignored. */
bool settings_ignore(bora_settings *s, const bora_option *option, setting_origin origin, const char *why,
                     bora_error *err);
/* The rules between options: what excludes what; what model-type and format say of each other. */
bool settings_check(bora_settings *s, bora_error *err);
/* "FILE:line:column", in the arena. */
const char *settings_where(arena *a, const char *file, const toml_value *value, bora_error *err);

/* Fails with "file:line:column: …". */
bool settings_fail_at(bora_error *err, const char *file, const toml_value *at, bora_code code, const char *fmt, ...)
    BORA_PRINTF(5, 6);

/* The files of bora_launch_load() and bora_settings_load_selector(), already in memory. */
bora_launch *launch_parse(const char *text, size_t len, const char *name, bora_error *err);
bool selector_parse(bora_settings *s, const char *text, size_t len, const char *name, bora_error *err);

/* "0 to 2", "0 or more", "auto, on or off", or "". */
void help_range(buf *out, const bora_option *option);

#endif
