/* Text from outside on its way to a person or a program. Names, metadata and answers come from files and models that
 * nobody vouches for: shown as they are they could move the cursor, rename the window or hide what they say. */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The length in bytes of the character at the beginning of `text`, and its code point; 0 where it is not UTF-8. */
size_t text_char(const char *text, size_t len, uint32_t *code);

/* Writes text on one line: what cannot be seen is written as \n, \t, \x1b, \u202e; bytes that are no UTF-8 as \xff.
 * Stops with "…" before it would exceed `max_columns` (0: no limit). Returns the columns written; `out` may be NULL to
 * count only. */
size_t text_show(FILE *out, const char *text, size_t len, size_t max_columns);

/* Writes text for reading on a terminal: as it is, lines and tabs included, but without control characters. */
void text_say(FILE *out, const char *text, size_t len);

/* A copy that is UTF-8 and holds no NUL, with U+FFFD for what was neither. malloc'd; NULL when memory ran out. */
char *text_valid(const char *text, size_t len);

#endif
