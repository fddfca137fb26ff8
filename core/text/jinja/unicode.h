/* Characters as Python sees them: decoding, classes, case. Text is valid UTF-8. */
#ifndef BORA_TEXT_JINJA_UNICODE_H
#define BORA_TEXT_JINJA_UNICODE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum char_case { CASE_UPPER, CASE_LOWER, CASE_TITLE, CASE_FOLD } char_case;

/* The character at *p, which moves past it. */
unsigned jinja_utf8_next(const char **p);
/* The character before *p, which moves to its first byte. */
unsigned jinja_utf8_prev(const char **p);
size_t jinja_utf8_count(const char *data, size_t len);
/* The byte offset of character `n` (<= the number of characters). */
size_t jinja_utf8_offset(const char *data, size_t len, size_t n);
size_t jinja_utf8_encode(unsigned c, char out[4]);
bool jinja_utf8_is_valid(const char *data, size_t len);

bool jinja_char_is_space(unsigned c);
bool jinja_char_is_line_end(unsigned c); /* for splitlines() */
bool jinja_char_is_alpha(unsigned c);
bool jinja_char_is_decimal(unsigned c);
bool jinja_char_is_digit(unsigned c);
bool jinja_char_is_numeric(unsigned c);
bool jinja_char_is_word(unsigned c); /* \w */
bool jinja_char_is_printable(unsigned c);
bool jinja_char_is_upper(unsigned c);
bool jinja_char_is_lower(unsigned c);
bool jinja_char_is_title(unsigned c);
bool jinja_char_is_case_ignorable(unsigned c);
/* Up to three characters; returns how many. Conditional mappings (final sigma) are the caller's. */
size_t jinja_char_to_case(unsigned c, char_case to, unsigned out[3]);

#endif
