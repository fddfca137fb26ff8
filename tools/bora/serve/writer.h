/* JSON written into memory, value by value, without white space: what the server answers. */
#ifndef SERVE_WRITER_H
#define SERVE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bora/error.h>

/* Zero-initialise to start. When memory runs out it keeps what it had and stays `failed`: one look at the end is
 * enough. */
typedef struct writer {
    char *data; /* NUL behind it; NULL while empty */
    size_t len, cap;
    bool failed;
    bool filled; /* the innermost array or object has an item already */
} writer;

void writer_free(writer *w);
/* Forgets the text and keeps the memory. */
void writer_clear(writer *w);

/* Bytes as they are: JSON that is ready, what stands around it. */
void put_raw(writer *w, const char *text, size_t len);
void put_format(writer *w, const char *fmt, ...) BORA_PRINTF(2, 3);

/* `key` names the value in an object; NULL in an array and for the outermost value. */
void put_open(writer *w, const char *key, char bracket); /* '{' or '[' */
void put_close(writer *w, char bracket);
void put_text(writer *w, const char *key, const char *text, size_t len); /* what is no UTF-8 becomes U+FFFD */
void put_string(writer *w, const char *key, const char *text);           /* NULL: null */
void put_int(writer *w, const char *key, int64_t value);
void put_number(writer *w, const char *key, double value); /* null where JSON has no such number */
void put_float(writer *w, const char *key, float value);   /* as short as it is still the same float */
void put_bool(writer *w, const char *key, bool value);
void put_null(writer *w, const char *key);
void put_json(writer *w, const char *key, const char *json); /* a value that is JSON already */

/* The inside of a string: escaped, without quotes. */
void put_escaped(writer *w, const char *text, size_t len);

#endif
