/* What the files of the TOML parser share: a cursor over the text that always knows where it is, and the values that
 * hold no others. toml_cursor.c moves and complains, toml_string.c and toml_scalar.c read, toml.c builds the tree. */
#ifndef BORA_CONFIG_TOML_PARSER_H
#define BORA_CONFIG_TOML_PARSER_H

#include <stdbool.h>

#include "base/buf.h"
#include "config/toml.h"

typedef struct toml_mark {
    int line, column;
} toml_mark;

typedef struct toml_cursor {
    const char *at, *end;
    const char *name;       /* of the file */
    int line;               /* of `at` */
    const char *line_start; /* where that line begins */
    const char *counted;    /* up to here the characters of the line are counted, */
    int n_counted;          /* and there were so many: a long line must not be counted again for each of its values */
    buf scratch;            /* for text that is being decoded */
    arena *arena;
    bora_error *err;
} toml_cursor;

/* Checks what must hold everywhere in the text: UTF-8, and no control characters but tabs and line ends. After this
 * the text has no NUL, so that NUL can stand for its end, and a carriage return is always half of a line end. */
bool toml_check_text(toml_cursor *c);

/* The character `ahead` bytes from here, NUL behind the end. */
static inline char toml_peek(const toml_cursor *c, size_t ahead)
{
    return ahead < (size_t)(c->end - c->at) ? c->at[ahead] : '\0';
}

static inline bool toml_at_line_end(const toml_cursor *c)
{
    return toml_peek(c, 0) == '\n' || toml_peek(c, 0) == '\r';
}

/* Moves over spaces and tabs; over one line end; over white space, line ends and comments. */
void toml_skip_blanks(toml_cursor *c);
void toml_skip_line_end(toml_cursor *c);
void toml_skip_lines(toml_cursor *c);
void toml_skip_comment(toml_cursor *c);

/* Where `at` is. */
toml_mark toml_here(toml_cursor *c);
/* BORA_FORMAT "name:line:column: …", here or at a mark. Always false. */
bool toml_fail(toml_cursor *c, const char *fmt, ...) BORA_PRINTF(2, 3);
bool toml_fail_at(toml_cursor *c, toml_mark mark, const char *fmt, ...) BORA_PRINTF(3, 4);
/* The same as BORA_LIMIT. */
bool toml_fail_limit(toml_cursor *c, const char *fmt, ...) BORA_PRINTF(2, 3);
/* What stands here, for a message: "`x`", "the end of the line", "the end of the file". */
typedef struct toml_found {
    char text[24];
} toml_found;
toml_found toml_what_is_here(const toml_cursor *c);

/* Reads the string that begins here with a quote, into the arena. Three quotes begin one of several lines. `first_line`
 * may be NULL. */
bool toml_read_string(toml_cursor *c, const char **text, size_t *len, int *first_line);
/* Reads a number, a boolean, a date or a time into `value`. */
bool toml_read_scalar(toml_cursor *c, toml_value *value);
/* Reads the date or time that the `len` bytes at `word` are. */
bool toml_read_datetime(toml_cursor *c, const char *word, size_t len, toml_value *value);

static inline bool toml_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

#endif
