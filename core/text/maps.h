/* Hash maps that a vocabulary needs: string to number, pair of numbers to two numbers, and a trie of byte strings. All
 * are open addressing in one block, grow by doubling, and are read-only (so shared by threads) once they are built.
 * Inserting returns false only when memory ran out. Zero-initialise to start. */
#ifndef BORA_TEXT_MAPS_H
#define BORA_TEXT_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct string_slot {
    const char *key; /* not owned; NULL: empty */
    uint32_t len, hash;
    int32_t value;
} string_slot;

typedef struct string_map {
    string_slot *slots;
    size_t cap, n; /* cap: a power of two */
} string_map;

bool string_map_reserve(string_map *m, size_t n);
/* The last value of a key wins. Keys are shorter than 4 GiB. */
bool string_map_put(string_map *m, const char *key, size_t len, int32_t value);
/* The value, or -1. */
int32_t string_map_get(const string_map *m, const char *key, size_t len);
void string_map_free(string_map *m);

typedef struct pair_slot {
    uint64_t key; /* left + 1 in the upper half; 0: empty */
    int32_t rank, id;
} pair_slot;

typedef struct pair_map {
    pair_slot *slots;
    size_t cap, n;
} pair_map;

/* `keep_first`: a pair that is there already stays as it is. left and right >= 0. */
bool pair_map_put(pair_map *m, int32_t left, int32_t right, int32_t rank, int32_t id, bool keep_first);
const pair_slot *pair_map_get(const pair_map *m, int32_t left, int32_t right);
void pair_map_free(pair_map *m);

/* Edges of the trie are pairs (node, byte) -> child; node 0 is the root. */
typedef struct trie {
    pair_map edges;
    int32_t *values; /* [n_nodes], -1: no string ends here */
    size_t n_nodes, cap;
    bool starts[256]; /* bytes that begin a string */
} trie;

/* The last value of a string wins; the empty string is ignored. */
bool trie_put(trie *t, const char *key, size_t len, int32_t value);
/* The child of `node` by the next byte, or -1. */
int32_t trie_step(const trie *t, int32_t node, char byte);
/* The longest string that is a prefix of `text`: its length (0: none) and value. */
size_t trie_longest(const trie *t, const char *text, size_t len, int32_t *value);
void trie_free(trie *t);

#endif
