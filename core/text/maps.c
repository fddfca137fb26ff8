/* Hash maps by linear probing, at most two thirds full. */
#include "text/maps.h"

#include <stdlib.h>
#include <string.h>

static uint64_t mix(uint64_t h)
{
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    return h ^ h >> 32;
}

static uint32_t hash_bytes(const char *key, size_t len)
{
    uint64_t h = mix(len + 0x9e3779b97f4a7c15u);
    for (uint64_t word; len >= 8; key += 8, len -= 8) {
        memcpy(&word, key, 8);
        h = mix(h ^ word);
    }
    uint64_t tail = 0;
    memcpy(&tail, key, len);
    return (uint32_t)mix(h ^ tail);
}

/* The capacity that holds n entries, or 0 when that is absurd. */
static size_t capacity(size_t n)
{
    if (n > SIZE_MAX / 256)
        return 0;
    size_t cap = 16;
    while (cap * 2 / 3 < n)
        cap *= 2;
    return cap;
}

static string_slot *string_find(string_slot *slots, size_t cap, const char *key, size_t len, uint32_t hash)
{
    size_t i = hash & (cap - 1);
    while (slots[i].key && !(slots[i].hash == hash && slots[i].len == len && memcmp(slots[i].key, key, len) == 0))
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

bool string_map_reserve(string_map *m, size_t n)
{
    size_t cap = capacity(n);
    if (cap <= m->cap)
        return cap != 0;
    string_slot *slots = calloc(cap, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < m->cap; i++)
        if (m->slots[i].key)
            *string_find(slots, cap, m->slots[i].key, m->slots[i].len, m->slots[i].hash) = m->slots[i];
    free(m->slots);
    m->slots = slots;
    m->cap = cap;
    return true;
}

bool string_map_put(string_map *m, const char *key, size_t len, int32_t value)
{
    if (len > UINT32_MAX || !string_map_reserve(m, m->n + 1))
        return false;
    uint32_t hash = hash_bytes(key, len);
    string_slot *slot = string_find(m->slots, m->cap, key, len, hash);
    m->n += !slot->key;
    *slot = (string_slot){ .key = key, .len = (uint32_t)len, .hash = hash, .value = value };
    return true;
}

int32_t string_map_get(const string_map *m, const char *key, size_t len)
{
    if (m->n == 0 || len > UINT32_MAX)
        return -1;
    const string_slot *slot = string_find(m->slots, m->cap, key, len, hash_bytes(key, len));
    return slot->key ? slot->value : -1;
}

void string_map_free(string_map *m)
{
    free(m->slots);
    *m = (string_map){ 0 };
}

static uint64_t pair_key(int32_t left, int32_t right)
{
    return ((uint64_t)(uint32_t)left + 1) << 32 | (uint32_t)right;
}

static pair_slot *pair_find(pair_slot *slots, size_t cap, uint64_t key)
{
    size_t i = (size_t)mix(key) & (cap - 1);
    while (slots[i].key && slots[i].key != key)
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

bool pair_map_put(pair_map *m, int32_t left, int32_t right, int32_t rank, int32_t id, bool keep_first)
{
    size_t cap = capacity(m->n + 1);
    if (cap == 0)
        return false;
    if (cap > m->cap) {
        pair_slot *slots = calloc(cap, sizeof *slots);
        if (!slots)
            return false;
        for (size_t i = 0; i < m->cap; i++)
            if (m->slots[i].key)
                *pair_find(slots, cap, m->slots[i].key) = m->slots[i];
        free(m->slots);
        m->slots = slots;
        m->cap = cap;
    }
    pair_slot *slot = pair_find(m->slots, m->cap, pair_key(left, right));
    if (slot->key && keep_first)
        return true;
    m->n += !slot->key;
    *slot = (pair_slot){ .key = pair_key(left, right), .rank = rank, .id = id };
    return true;
}

const pair_slot *pair_map_get(const pair_map *m, int32_t left, int32_t right)
{
    if (m->n == 0)
        return NULL;
    const pair_slot *slot = pair_find(m->slots, m->cap, pair_key(left, right));
    return slot->key ? slot : NULL;
}

void pair_map_free(pair_map *m)
{
    free(m->slots);
    *m = (pair_map){ 0 };
}

int32_t trie_step(const trie *t, int32_t node, char byte)
{
    const pair_slot *edge = pair_map_get(&t->edges, node, (unsigned char)byte);
    return edge ? edge->id : -1;
}

static int32_t new_node(trie *t)
{
    if (t->n_nodes == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 64;
        int32_t *values = cap <= INT32_MAX ? realloc(t->values, cap * sizeof *values) : NULL;
        if (!values)
            return -1;
        t->values = values;
        t->cap = cap;
    }
    t->values[t->n_nodes] = -1;
    return (int32_t)t->n_nodes++;
}

bool trie_put(trie *t, const char *key, size_t len, int32_t value)
{
    if (len == 0)
        return true;
    int32_t node = 0;
    if (t->n_nodes == 0 && new_node(t) < 0)
        return false;
    t->starts[(unsigned char)key[0]] = true;
    for (size_t i = 0; i < len; i++) {
        int32_t child = trie_step(t, node, key[i]);
        if (child < 0) {
            child = new_node(t);
            if (child < 0 || !pair_map_put(&t->edges, node, (unsigned char)key[i], 0, child, false))
                return false;
        }
        node = child;
    }
    t->values[node] = value;
    return true;
}

size_t trie_longest(const trie *t, const char *text, size_t len, int32_t *value)
{
    size_t longest = 0;
    if (len == 0 || !t->starts[(unsigned char)text[0]])
        return 0;
    int32_t node = 0;
    for (size_t i = 0; i < len && (node = trie_step(t, node, text[i])) >= 0; i++) {
        if (t->values[node] >= 0) {
            longest = i + 1;
            *value = t->values[node];
        }
    }
    return longest;
}

void trie_free(trie *t)
{
    pair_map_free(&t->edges);
    free(t->values);
    *t = (trie){ 0 };
}
