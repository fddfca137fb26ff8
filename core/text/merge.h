/* Merging neighbours, best pair first: what byte-pair encoding and sentencepiece's variant of it share.
 *
 * The symbols of a word are a linked list in an array; a heap holds every pair that could merge, lowest rank first,
 * then leftmost. A merge makes at most two new pairs, so a word of n symbols costs n log n. */
#ifndef BORA_TEXT_MERGE_H
#define BORA_TEXT_MERGE_H

#include "text/tokenizer.h"

typedef struct merge_symbol {
    int32_t id;          /* -1: nothing that can merge */
    int32_t prev, next;  /* indices, -1 at the ends */
    uint32_t start, len; /* bytes of the word; len 0: merged into its left neighbour */
} merge_symbol;

typedef struct merge_entry {
    uint32_t rank;
    int32_t at;     /* the left symbol */
    int32_t merged; /* the id that the pair becomes */
} merge_entry;

/* Whether two neighbours may merge, how soon and into what. */
typedef bool (*merge_rule)(const model *m, const char *word, const merge_symbol *left, const merge_symbol *right,
                           uint32_t *rank, int32_t *merged);

/* Adds a symbol at the end of e->symbols[0..*n). */
bool merge_add(encoder *e, size_t *n, int32_t id, size_t start, size_t len, bora_error *err);
/* Merges until nothing is left to merge; what remains is the list from symbol 0 by `next`. */
bool merge_all(encoder *e, size_t n, const char *word, merge_rule rule, bora_error *err);

#endif
