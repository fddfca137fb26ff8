/* JSON written to a stream, value by value: nothing is held in memory, whole 64-bit integers stay whole, and text that
 * is not UTF-8 becomes UTF-8. */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct json {
    FILE *out;
    int depth;
    int flat;    /* the depth of the outermost array or object that is on one line; 0: none */
    bool filled; /* the innermost one has an item already */
} json;

/* `key` names the value in an object; NULL in an array and for the outermost value. */
void json_open(json *j, const char *key, char bracket);      /* '{' or '[' */
void json_open_flat(json *j, const char *key, char bracket); /* on one line, with all that it holds */
void json_close(json *j, char bracket);
void json_text(json *j, const char *key, const char *text, size_t len);
void json_string(json *j, const char *key, const char *text); /* NULL: null */
void json_int(json *j, const char *key, int64_t value);
void json_float(json *j, const char *key, double value); /* null where JSON has no such number */
void json_bool(json *j, const char *key, bool value);

#endif
