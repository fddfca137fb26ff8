/* Added tokens: found in the text before anything else looks at it.
 *
 * A tokenizer.json wants the leftmost match, and of those the longest. A GGUF wants the longest token first wherever it
 * stands, then the next shorter one in what is left. Both walk one trie. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "text/tokenizer.h"

/* Where the white space that ends before `at` begins, not before `from`. */
static size_t space_before(const char *text, size_t from, size_t at)
{
    uint32_t c;
    while (at > from) {
        size_t i = at - 1;
        while (i > from && ((unsigned char)text[i] & 0xc0) == 0x80)
            i--;
        if (!utf8_next(text + i, at - i, &c) || !char_is_space(c))
            break;
        at = i;
    }
    return at;
}

static size_t space_after(const char *text, size_t at, size_t len)
{
    uint32_t c;
    size_t w;
    while (at < len && (w = utf8_next(text + at, len - at, &c)) > 0 && char_is_space(c))
        at += w;
    return at;
}

/* Whether the character before or after `at` belongs to a word. */
static regex_result word_at(const added_tokens *added, regex_scratch *scratch, const char *text, size_t len, size_t at,
                            bool before, bora_error *err)
{
    size_t start = at, end, found_start, found_end;
    if (before ? at == 0 : at == len)
        return REGEX_NONE;
    if (before)
        do
            start--;
        while (start > 0 && ((unsigned char)text[start] & 0xc0) == 0x80);
    end = start + utf8_width(text[start]);
    return regex_search(added->word, scratch, text + start, end - start, 0, &found_start, &found_end, err);
}

static bool split_leftmost(const added_tokens *added, const trie *t, regex_scratch *scratch, const char *text,
                           size_t len, bool from_start, bool parse_special, pieces *out, bora_error *err)
{
    size_t base = out->text.len - len, done = 0;
    for (size_t i = 0; i < len;) {
        int32_t index = 0;
        size_t start = i, n = trie_longest(t, text + i, len - i, &index), end = i + n;
        if (n == 0) {
            i++;
            continue;
        }
        const added_token *token = &added->items[index];
        i = end; /* a match that is not wanted still hides what lies within it */
        if (token->special && !parse_special)
            continue;
        if (token->single_word) {
            regex_result before = word_at(added, scratch, text, len, start, true, err);
            regex_result after = word_at(added, scratch, text, len, end, false, err);
            if (before == REGEX_ERROR || after == REGEX_ERROR)
                return false;
            if (before == REGEX_FOUND || after == REGEX_FOUND)
                continue;
        }
        bool eaten = false; /* all of it was white space that the token before had taken */
        if (token->lstrip) {
            start = space_before(text, start < done ? start : done, start);
            eaten = done >= end;
        }
        if (start < done)
            start = done;
        if (token->rstrip)
            end = space_after(text, end, len);
        pieces_add(out, base + done, start - done, -1, from_start && done == 0);
        if (!eaten)
            pieces_add(out, 0, 0, token->id, false);
        done = end;
    }
    if (done < len)
        pieces_add(out, base + done, len - done, -1, from_start && done == 0);
    return true;
}

/* The token of exactly `n` bytes at `text`, or -1. */
static int32_t exactly(const trie *t, const char *text, size_t n)
{
    int32_t node = 0;
    for (size_t i = 0; i < n && node >= 0; i++)
        node = trie_step(t, node, text[i]);
    return node >= 0 ? t->values[node] : -1;
}

static bool ascii_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool split_longest(const added_tokens *added, const trie *t, const char *text, size_t len, bool from_start,
                          bool parse_special, pieces *out, bora_error *err)
{
    size_t base = out->text.len - len, n_found = 0, cap = 0, done = 0;
    struct found {
        size_t at, longest;
    } *found = NULL;       /* where tokens may start, and the longest there */
    int32_t *owner = NULL; /* per byte: 0 free, -1 taken, else the index + 1 of the token that starts here */
    bool ok = false;
    for (size_t i = 0; i < len; i++) {
        int32_t index;
        size_t n = trie_longest(t, text + i, len - i, &index);
        if (n == 0)
            continue;
        if (n_found == cap) {
            cap = cap ? cap * 2 : 64;
            struct found *more = realloc(found, cap * sizeof *found);
            if (!more)
                goto done;
            found = more;
        }
        found[n_found++] = (struct found){ i, n };
    }
    if (n_found > 0 && !(owner = calloc(len, sizeof *owner)))
        goto done;
    for (size_t k = 0; n_found > 0 && k < added->n_lengths; k++) {
        size_t n = added->lengths[k];
        for (size_t f = 0; f < n_found; f++) {
            size_t at = found[f].at, end = at + n;
            if (found[f].longest < n || owner[at] != 0)
                continue;
            int32_t index = exactly(t, text + at, n);
            if (index < 0 || (added->items[index].special && !parse_special))
                continue;
            size_t free_end = at;
            while (free_end < end && owner[free_end] == 0)
                free_end++;
            if (free_end < end)
                continue;
            if (added->items[index].lstrip)
                while (at > 0 && owner[at - 1] == 0 && ascii_space(text[at - 1]))
                    at--;
            if (added->items[index].rstrip)
                while (end < len && owner[end] == 0 && ascii_space(text[end]))
                    end++;
            for (size_t i = at; i < end; i++)
                owner[i] = -1;
            owner[at] = index + 1;
        }
    }
    for (size_t i = 0; n_found > 0 && i < len; i++) {
        if (owner[i] == 0)
            continue;
        pieces_add(out, base + done, i - done, -1, from_start && done == 0);
        if (owner[i] > 0)
            pieces_add(out, 0, 0, added->items[owner[i] - 1].id, false);
        done = i + 1;
    }
    if (done < len)
        pieces_add(out, base + done, len - done, -1, from_start && done == 0);
    ok = true;
done:
    free(found);
    free(owner);
    return ok || bora_fail_memory(err, "special tokens in a text");
}

bool added_tokens_split(const added_tokens *added, const trie *t, regex_scratch *scratch, const char *text, size_t len,
                        bool from_start, bool parse_special, pieces *out, bora_error *err)
{
    if (!buf_append(&out->text, text, len))
        return bora_fail_memory(err, "text");
    if (len == 0)
        return true;
    bool ok = true;
    if (t->n_nodes == 0)
        pieces_add(out, out->text.len - len, len, -1, from_start);
    else if (added->longest_first)
        ok = split_longest(added, t, text, len, from_start, parse_special, out, err);
    else
        ok = split_leftmost(added, t, scratch, text, len, from_start, parse_special, out, err);
    return ok && (!out->failed || bora_fail_memory(err, "text"));
}
