/* Thinking and answer: see reasoning.h.
 *
 * Only what stands at the beginning is thinking: an answer may speak about tags. As little as possible is held back:
 * what can still become a tag, and white space of which it is not known yet whether more thinking follows. */
#include "engine/reasoning.h"

#include <string.h>

/* The pairs that published models were trained with. */
static const bora_thinking_tags common[] = {
    { .begin = "<think>", .end = "</think>" },
    { .begin = "[THINK]", .end = "[/THINK]" },
    { .begin = "<thought>", .end = "</thought>" },
    { .begin = "<seed:think>", .end = "</seed:think>" },
    { .begin = "◁think▷", .end = "◁/think▷" },
    { .begin = "<|START_THINKING|>", .end = "<|END_THINKING|>" },
    { .begin = "<|inner_prefix|>", .end = "<|inner_suffix|>" },
};

enum { N_COMMON = sizeof common / sizeof *common };

/* The model's own pairs, then those of all; NULL at the end. */
static const bora_thinking_tags *pair_at(const bora_thinking_tags *own, size_t i)
{
    for (; own && own->begin; own++)
        if (i-- == 0)
            return own;
    return i < N_COMMON ? &common[i] : NULL;
}

bool reasoning_is_tag(const bora_thinking_tags *own, const char *text)
{
    const bora_thinking_tags *t;
    for (size_t i = 0; (t = pair_at(own, i)); i++) {
        if (strstr(t->begin, text) || strstr(t->end, text))
            return true;
        for (const char *const *mark = t->answer; mark && *mark; mark++)
            if (strstr(*mark, text))
                return true;
    }
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
    const bora_thinking_tags *t;
    for (size_t i = 0; (t = pair_at(r->own, i)); i++) {
        size_t n = strlen(t->begin);
        if (len >= n && memcmp(text + len - n, t->begin, n) == 0) {
            r->tags = t;
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
    const char *text = r->held.data + space;
    const bora_thinking_tags *t;
    for (size_t i = 0; space < r->held.len && (t = pair_at(r->own, i)); i++) {
        int starts = starts_with(text, r->held.len - space, t->begin);
        wait |= starts == 0;
        if (starts > 0) {
            drop(r, space + strlen(t->begin));
            r->tags = t;
            r->state = REASONING_THINKING;
            return true;
        }
        for (const char *const *mark = t->answer; mark && *mark; mark++) {
            starts = starts_with(text, r->held.len - space, *mark);
            wait |= starts == 0;
            if (starts > 0) {
                r->tags = t;
                r->state = REASONING_AFTER;
                return true;
            }
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
        int again = r->held.len ? starts_with(r->held.data, r->held.len, r->tags->begin) : 0;
        if (again > 0)
            drop(r, strlen(r->tags->begin));
        if (again >= 0)
            return again > 0;
    }
    const char *close = r->tags->end, *at = memmem(r->held.data, r->held.len, close, strlen(close));
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

/* Drops white space and the marks in front of the answer. False: there may be more of them. */
static bool drop_marks(reasoning *r)
{
    drop_space(r);
    for (const char *const *mark = r->tags->answer; mark && *mark && r->held.len > 0;) {
        int starts = starts_with(r->held.data, r->held.len, *mark);
        if (starts == 0)
            return false;
        if (starts > 0) {
            drop(r, strlen(*mark));
            drop_space(r);
            mark = r->tags->answer;
        } else {
            mark++;
        }
    }
    return true;
}

static bool answer(reasoning *r)
{
    if (r->state == REASONING_AFTER && !drop_marks(r))
        return false;
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
