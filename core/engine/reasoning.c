/* Thinking and answer: see reasoning.h.
 *
 * Only what stands at the beginning is thinking: an answer may speak about tags. As little as possible is held back:
 * what can still become a tag, and white space of which it is not known yet whether more thinking follows. */
#include "engine/reasoning.h"

#include <string.h>

/* The pairs that published models were trained with. */
static const struct reasoning_tags {
    const char *open, *close;
} families[] = {
    { "<think>", "</think>" },
    { "[THINK]", "[/THINK]" },
    { "<thought>", "</thought>" },
    { "<seed:think>", "</seed:think>" },
    { "◁think▷", "◁/think▷" },
    { "<|START_THINKING|>", "<|END_THINKING|>" },
    { "<|inner_prefix|>", "<|inner_suffix|>" },
};

enum { N_FAMILIES = sizeof families / sizeof *families };

bool reasoning_is_tag(const char *text)
{
    for (size_t i = 0; i < N_FAMILIES; i++)
        if (strcmp(text, families[i].open) == 0 || strcmp(text, families[i].close) == 0)
            return true;
    return false;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static size_t trimmed(const char *text, size_t len)
{
    while (len > 0 && is_space(text[len - 1]))
        len--;
    return len;
}

void reasoning_follow(reasoning *r, const char *text, size_t len)
{
    len = trimmed(text, len);
    for (size_t i = 0; i < N_FAMILIES; i++) {
        size_t n = strlen(families[i].open);
        if (len >= n && memcmp(text + len - n, families[i].open, n) == 0) {
            r->tags = &families[i];
            r->state = REASONING_THINKING;
        }
    }
}

static void drop(reasoning *r, size_t n)
{
    memmove(r->held.data, r->held.data + n, r->held.len - n);
    r->held.len -= n;
}

/* Gives the first n bytes that are held. */
static void give(reasoning *r, bool thinking, size_t n)
{
    if (n > 0 && !r->stopped)
        r->stopped = !r->give(r->ctx, thinking, r->held.data, n);
    drop(r, n);
}

static void drop_space(reasoning *r)
{
    size_t n = 0;
    while (n < r->held.len && is_space(r->held.data[n]))
        n++;
    drop(r, n);
}

/* Whether the text begins with the tag (1), may begin with it once there is more (0), or does not (-1). */
static int starts_with(const char *text, size_t len, const char *tag)
{
    size_t n = strlen(tag);
    if (memcmp(text, tag, len < n ? len : n) != 0)
        return -1;
    return len >= n;
}

/* These three return true when the state has changed and the rest is to be looked at again. */

static bool begin(reasoning *r)
{
    size_t space = 0;
    while (space < r->held.len && is_space(r->held.data[space]))
        space++;
    bool wait = space == r->held.len;
    for (size_t i = 0; i < N_FAMILIES && space < r->held.len; i++) {
        int starts = starts_with(r->held.data + space, r->held.len - space, families[i].open);
        wait |= starts == 0;
        if (starts > 0) {
            drop(r, space + strlen(families[i].open));
            r->tags = &families[i];
            r->state = REASONING_THINKING;
            return true;
        }
    }
    if (!wait)
        r->state = REASONING_ANSWER;
    return !wait;
}

static bool think(reasoning *r)
{
    if (!r->begun) {
        drop_space(r);
        /* Where the prompt opened the tag already, some models do so once more. */
        int again = r->held.len ? starts_with(r->held.data, r->held.len, r->tags->open) : 0;
        if (again > 0)
            drop(r, strlen(r->tags->open));
        if (again >= 0)
            return again > 0;
    }
    const char *close = r->tags->close, *at = memmem(r->held.data, r->held.len, close, strlen(close));
    size_t end = at ? (size_t)(at - r->held.data) : r->held.len;
    if (!at)
        for (size_t tail = 1; tail < strlen(close) && tail <= r->held.len; tail++)
            if (starts_with(r->held.data + r->held.len - tail, tail, close) == 0)
                end = r->held.len - tail;
    size_t n = trimmed(r->held.data, end);
    r->begun |= n > 0;
    give(r, true, n);
    if (at) {
        drop(r, end - n + strlen(close));
        r->state = REASONING_AFTER;
    }
    return at != NULL;
}

static bool answer(reasoning *r)
{
    if (r->state == REASONING_AFTER)
        drop_space(r);
    if (r->held.len > 0) {
        r->state = REASONING_ANSWER;
        give(r, false, r->held.len);
    }
    return false;
}

bool reasoning_push(reasoning *r, const char *text, size_t len, bora_error *err)
{
    if (len == 0)
        return true;
    if (!buf_append(&r->held, text, len))
        return bora_fail_memory(err, "an answer");
    while (r->state == REASONING_BEGINNING ? begin(r) : r->state == REASONING_THINKING ? think(r) : answer(r))
        continue;
    return true;
}

void reasoning_finish(reasoning *r)
{
    if (r->held.len == 0)
        return;
    bool thinking = r->state == REASONING_THINKING;
    give(r, thinking, thinking ? trimmed(r->held.data, r->held.len) : r->held.len);
    buf_clear(&r->held);
}

void reasoning_free(reasoning *r)
{
    buf_free(&r->held);
}
