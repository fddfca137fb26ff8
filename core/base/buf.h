/* A growable byte buffer; its text is always NUL-terminated once something was written.
 *
 * Writers return false when memory ran out; the buffer then keeps what it had and stays `failed`, so that a long run
 * of appends needs one check at its end. */
#ifndef BORA_BASE_BUF_H
#define BORA_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include <bora/error.h>

/* Zero-initialise to start: `buf b = { 0 };`. */
typedef struct buf {
    char *data; /* NULL while empty: use buf_text() for a string */
    size_t len, cap;
    bool failed;
} buf;

bool buf_reserve(buf *b, size_t extra_bytes);
bool buf_append(buf *b, const void *data, size_t len);
bool buf_puts(buf *b, const char *text);
bool buf_putc(buf *b, char c);
bool buf_printf(buf *b, const char *fmt, ...) BORA_PRINTF(2, 3);
/* Appends a Unicode scalar value as UTF-8. */
bool buf_put_utf8(buf *b, unsigned codepoint);
/* The text so far, never NULL. */
const char *buf_text(const buf *b);
/* Hands the text (malloc'd, NUL-terminated) to the caller and empties the buffer; NULL when memory had run out. */
char *buf_take(buf *b);
/* Forgets the text and keeps the memory. */
void buf_clear(buf *b);
void buf_free(buf *b);

#endif
