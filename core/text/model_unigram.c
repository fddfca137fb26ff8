/* Unigram: of all ways to spell a text, the one whose scores add up highest (Viterbi over a trie). */
#include <stdlib.h>
#include <string.h>

#include "text/tokenizer.h"

/* The best way to spell everything up to a byte. */
typedef struct best_path {
    double score;
    size_t start; /* of its last piece; SIZE_MAX: not reached */
    int32_t id;   /* of its last piece */
} best_path;

static void reach(best_path *node, double score, size_t start, int32_t id)
{
    if (node->start == SIZE_MAX || score > node->score)
        *node = (best_path){ .score = score, .start = start, .id = id };
}

/* The last piece first: turned around here into the order of the text. */
static bool push_path(encoder *e, const char *text, size_t len, bora_error *err)
{
    const model *m = &e->t->model;
    size_t first = e->out.n;
    for (size_t end = len; end > 0;) {
        size_t start = e->paths[end].start;
        int32_t id = e->paths[end].id;
        bool unknown = m->unknown >= 0 && id == m->unknown;
        while (unknown && start > 0 && e->paths[start].id == m->unknown)
            start = e->paths[start].start;
        int32_t whole = unknown && m->relookup ? string_map_get(&m->ids, text + start, end - start) : id;
        bool bytes = whole < 0 && m->byte_fallback;
        for (size_t i = start; bytes && i < end; i++)
            bytes = m->bytes[(unsigned char)text[i]] >= 0;
        for (size_t i = end; bytes && i > start; i--)
            id_list_push(&e->out, m->bytes[(unsigned char)text[i - 1]]);
        if (!bytes)
            id_list_push(&e->out, whole >= 0 ? whole : m->unknown);
        end = start;
    }
    if (e->out.failed)
        return bora_fail_memory(err, "tokens");
    for (size_t i = first, j = e->out.n; i + 1 < j; i++) {
        int32_t swap = e->out.data[i];
        e->out.data[i] = e->out.data[--j];
        e->out.data[j] = swap;
    }
    return true;
}

bool unigram_encode(encoder *e, const char *text, size_t len, bora_error *err)
{
    const model *m = &e->t->model;
    if (len >= e->paths_cap) {
        best_path *paths = len < SIZE_MAX / sizeof *paths / 2 ? realloc(e->paths, (len + 1) * sizeof *paths) : NULL;
        if (!paths)
            return bora_fail_memory(err, "a text without a break");
        e->paths = paths;
        e->paths_cap = len + 1;
    }
    best_path *paths = e->paths;
    paths[0] = (best_path){ .start = 0 };
    for (size_t i = 1; i <= len; i++)
        paths[i].start = SIZE_MAX;
    for (size_t at = 0, w; at < len; at += w) {
        w = utf8_width(text[at]);
        bool single = false;
        int32_t node = m->pieces.n_nodes ? 0 : -1;
        for (size_t end = at; node >= 0 && end < len && (node = trie_step(&m->pieces, node, text[end])) >= 0; end++) {
            int32_t id = m->pieces.values[node];
            if (id < 0)
                continue;
            reach(&paths[end + 1], paths[at].score + e->t->tokens[id].score, at, id);
            single |= end + 1 - at == w;
        }
        if (!single) {
            if (m->unknown < 0)
                return unknown_text(e, err);
            reach(&paths[at + w], paths[at].score + m->unknown_score, at, m->unknown);
        }
    }
    return push_path(e, text, len, err);
}
