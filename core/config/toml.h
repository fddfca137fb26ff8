/* TOML 1.0, strict: text to a tree of values that remember where they stood. */
#ifndef BORA_CONFIG_TOML_H
#define BORA_CONFIG_TOML_H

#include <stdint.h>

#include "base/arena.h"

typedef enum toml_type {
    TOML_STRING,
    TOML_INT,
    TOML_FLOAT,
    TOML_BOOL,
    TOML_OFFSET_DATETIME, /* the four kinds of date and time keep their text in .string, as written but normalised */
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
    int line, column; /* from 1, of the key (in a table) or the value (in an array) */
    const char *key;
    size_t key_len;
    toml_value *next;
    union {
        struct {
            const char *string; /* UTF-8, NUL-terminated; may hold NULs */
            size_t len;
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

/* Parses `len` bytes into a root table in `a`. Errors are BORA_FORMAT: "name:line:column: what is wrong". */
toml_value *toml_parse(arena *a, const char *text, size_t len, const char *name, bora_error *err);
/* The member `key` of a table, or NULL. */
const toml_value *toml_get(const toml_value *table, const char *key);
/* "a string", "an integer", … for messages. */
const char *toml_type_name(toml_type type);

#endif
