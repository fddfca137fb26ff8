/* Regular expressions of tokenizers: written for Oniguruma (Ruby syntax, UTF-8), run by PCRE2.
 *
 * A compiled expression is immutable; each thread that searches brings a regex_scratch. */
#ifndef BORA_TEXT_REGEX_H
#define BORA_TEXT_REGEX_H

#include "base/buf.h"

typedef struct regex regex;

/* Errors: BORA_FORMAT with the expression and the place. */
regex *regex_new(const char *pattern, size_t len, bora_error *err);
void regex_free(regex *re);

/* What one search needs; zero-initialise to start. */
typedef struct regex_scratch {
    void *match_data, *context;
} regex_scratch;

void regex_scratch_free(regex_scratch *scratch);

typedef enum regex_result { REGEX_NONE, REGEX_FOUND, REGEX_ERROR } regex_result;

/* The next match in well-formed `text` that starts at or after `from`, as [*start, *end). Errors: BORA_LIMIT when the
 * expression is too expensive on this text, BORA_MEMORY. */
regex_result regex_search(const regex *re, regex_scratch *scratch, const char *text, size_t len, size_t from,
                          size_t *start, size_t *end, bora_error *err);

/* Rewrites an Oniguruma expression for PCRE2 (private to regex.c; see regex_syntax.c). */
bool regex_translate(const char *pattern, size_t len, buf *out, bora_error *err);

#endif
