/* The heap of pairs and the list of symbols. */
#include "text/merge.h"

#include <stdlib.h>

static bool sooner(const merge_entry *a, const merge_entry *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static bool heap_push(encoder *e, size_t *n, merge_entry entry, bora_error *err)
{
    if (*n == e->heap_cap) {
        size_t cap = e->heap_cap ? e->heap_cap * 2 : 256;
        merge_entry *heap = cap <= SIZE_MAX / sizeof *heap / 2 ? realloc(e->heap, cap * sizeof *heap) : NULL;
        if (!heap)
            return bora_fail_memory(err, "merging a word");
        e->heap = heap;
        e->heap_cap = cap;
    }
    size_t i = (*n)++;
    for (size_t up; i > 0 && sooner(&entry, &e->heap[up = (i - 1) / 2]); i = up)
        e->heap[i] = e->heap[up];
    e->heap[i] = entry;
    return true;
}

static merge_entry heap_pop(encoder *e, size_t *n)
{
    merge_entry top = e->heap[0], last = e->heap[--*n];
    size_t i = 0;
    for (size_t down; (down = 2 * i + 1) < *n; i = down) {
        if (down + 1 < *n && sooner(&e->heap[down + 1], &e->heap[down]))
            down++;
        if (!sooner(&e->heap[down], &last))
            break;
        e->heap[i] = e->heap[down];
    }
    e->heap[i] = last;
    return top;
}

bool merge_add(encoder *e, size_t *n, int32_t id, size_t start, size_t len, bora_error *err)
{
    if (*n == e->symbols_cap) {
        size_t cap = e->symbols_cap ? e->symbols_cap * 2 : 256;
        merge_symbol *symbols = cap <= INT32_MAX ? realloc(e->symbols, cap * sizeof *symbols) : NULL;
        if (!symbols)
            return bora_fail_memory(err, "merging a word");
        e->symbols = symbols;
        e->symbols_cap = cap;
    }
    int32_t i = (int32_t)(*n)++;
    if (i > 0)
        e->symbols[i - 1].next = i;
    e->symbols[i] =
        (merge_symbol){ .id = id, .prev = i - 1, .next = -1, .start = (uint32_t)start, .len = (uint32_t)len };
    return true;
}

/* Puts the pair of `left` and its right neighbour on the heap, if they may merge. */
static bool consider(encoder *e, size_t *n_heap, const char *word, int32_t left, merge_rule rule, bora_error *err)
{
    const merge_symbol *s = &e->symbols[left];
    merge_entry entry = { .at = left };
    if (s->next < 0 || !rule(&e->t->model, word, s, &e->symbols[s->next], &entry.rank, &entry.merged))
        return true;
    return heap_push(e, n_heap, entry, err);
}

bool merge_all(encoder *e, size_t n, const char *word, merge_rule rule, bora_error *err)
{
    size_t n_heap = 0;
    for (size_t i = 0; i + 1 < n; i++)
        if (!consider(e, &n_heap, word, (int32_t)i, rule, err))
            return false;
    while (n_heap > 0) {
        merge_entry top = heap_pop(e, &n_heap);
        merge_symbol *left = &e->symbols[top.at];
        if (left->len == 0 || left->next < 0)
            continue;
        merge_symbol *right = &e->symbols[left->next];
        uint32_t rank;
        int32_t merged;
        /* An entry is stale when one of its two has merged otherwise since. */
        if (!rule(&e->t->model, word, left, right, &rank, &merged) || merged != top.merged)
            continue;
        left->id = merged;
        left->len += right->len;
        left->next = right->next;
        right->len = 0;
        if (left->next >= 0)
            e->symbols[left->next].prev = top.at;
        if (left->prev >= 0 && !consider(e, &n_heap, word, left->prev, rule, err))
            return false;
        if (!consider(e, &n_heap, word, top.at, rule, err))
            return false;
    }
    return true;
}
