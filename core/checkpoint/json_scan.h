/* JSON read forward, value by value, without building a tree: a header of 100 MB costs no more memory than what is kept
 * of it, integers are exact to 64 bits, keys that come twice and NULs in strings can be seen, and an error knows its
 * byte. After the first error everything else fails too, so that a loop can be checked once, at its end. */
#ifndef BORA_CHECKPOINT_JSON_SCAN_H
#define BORA_CHECKPOINT_JSON_SCAN_H

#include "base/buf.h"
#include "checkpoint/checkpoint.h"

typedef struct json_scan {
    const ckpt_bytes *file;
    size_t pos, end; /* in the file */
    buf text;        /* the string that was read last; free it with buf_free() */
    bool failed;
    bora_error *err;
} json_scan;

/* Reads '{' or '['. */
bool scan_enter(json_scan *s, char open);
/* Whether another element follows in what was entered; reads the comma, or the closing bracket. `*n` starts at 0 and
 * counts the elements. False at the end and after an error:
 *     for (size_t n = 0; scan_more(&s, '}', &n);) { if (scan_key(&s)) … }
 *     return !s.failed; */
bool scan_more(json_scan *s, char close, size_t *n);
/* A string, decoded into s->text; it is valid UTF-8 and may hold NULs. */
bool scan_string(json_scan *s);
/* A string without NULs, and the colon. */
bool scan_key(json_scan *s);
/* A non-negative integer without fraction and exponent. */
bool scan_uint(json_scan *s, uint64_t *out);
/* Any value; nothing of it is kept. */
bool scan_skip(json_scan *s);
/* White space up to the end, and nothing else. */
bool scan_end(json_scan *s);
/* Where the next value begins. */
size_t scan_at(json_scan *s);

#endif
