/* "Did you mean …?": the known name that a misspelt word is closest to. */
#ifndef BORA_BASE_NEAREST_H
#define BORA_BASE_NEAREST_H

#include <stddef.h>

/* The one of `n` names that is the fewest edits (a letter put in, left out or changed, two neighbours swapped; ASCII
 * case does not count) away from `word`, at most a third of the word's length and at least one; the first of equals.
 * NULL when none is that close. */
const char *nearest_name(const char *word, const char *const *names, size_t n);

#endif
