/* TOML 1.0, strict: text to a tree of values that remember where they stood.
 *
 * Whatever the specification forbids is refused: a key defined twice, a table opened again, an inline table extended,
 * `01`, `1_`, `True`, bytes that are not UTF-8. Numbers that their type cannot hold are refused too. The time taken and
 * the memory used grow with the text, whatever is in it. */
#ifndef BORA_CONFIG_TOML_H
#define BORA_CONFIG_TOML_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

typedef enum toml_type {
    TOML_STRING,
    TOML_INT,
    TOML_FLOAT,
    TOML_BOOL,
    /* The four kinds of date and time keep their text in .string, as written but normalised: `T` between date and time,
     * `Z` in upper case, the fraction cut after nine digits and without zeros at its end. */
    TOML_OFFSET_DATETIME,
    TOML_LOCAL_DATETIME,
    TOML_LOCAL_DATE,
    TOML_LOCAL_TIME,
    TOML_ARRAY,
    TOML_TABLE,
} toml_type;

typedef struct toml_value toml_value;

/* A child of a table (key set) or of an array (key NULL). Children are a linked list in the order of the file. */
struct toml_value {
    toml_type type;
    int line, column; /* from 1, in characters; of the key (in a table) or the value (in an array) */
    const char *key;  /* UTF-8, NUL-terminated; may hold NULs */
    size_t key_len;
    toml_value *next;
    union {
        struct {
            const char *string; /* as key; a line end within it is one \n */
            size_t len;
            int first_line; /* the one that the text begins on: below the quotes when they end their line */
        };
        int64_t integer;
        double number;
        bool boolean;
        struct {
            toml_value *first;
            size_t count;
        };
    };
};

/* How deep tables and arrays may nest, the root being 0: whoever walks a tree by recursion is safe. */
enum { TOML_MAX_DEPTH = 128 };

/* Parses `len` bytes into a root table in `a`, which owns all of it. Errors: BORA_FORMAT (BORA_LIMIT for what nests too
 * deep or is too long), "name:line:column: what is wrong", and NULL. */
toml_value *toml_parse(arena *a, const char *text, size_t len, const char *name, bora_error *err);
/* The same for a whole file of at most 16 MiB. */
toml_value *toml_load(arena *a, const char *path, bora_error *err);

/* The member `name` of a table, or NULL; tolerates NULL and what is not a table. */
const toml_value *toml_get(const toml_value *table, const char *name);
/* "a string", "an integer", … for messages. */
const char *toml_type_name(toml_type type);

#endif
