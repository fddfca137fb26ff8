/* Limits for each client: see rate_limit.h. */
#include "serve/rate_limit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

enum { CLIENTS_MAX = 16384, FORGET_AT_ONCE = 4 };

struct limited_client {
    uint8_t id[16];
    double tokens, filled_s; /* how many there were then */
    int running;
    UT_hash_handle hh;
};

struct rate_limiter {
    double per_minute;
    int max_concurrent;
    limited_client *clients; /* the longest unused one first */
};

rate_limiter *rate_limiter_new(int per_minute, int max_concurrent)
{
    rate_limiter *l = calloc(1, sizeof *l);
    if (l) {
        l->per_minute = per_minute;
        l->max_concurrent = max_concurrent;
    }
    return l;
}

void rate_limiter_free(rate_limiter *l)
{
    limited_client *c, *next;
    if (!l)
        return;
    HASH_ITER(hh, l->clients, c, next) {
        HASH_DEL(l->clients, c);
        free(c);
    }
    free(l);
}

size_t rate_limiter_count(const rate_limiter *l)
{
    return HASH_COUNT(l->clients);
}

static void fill(const rate_limiter *l, limited_client *c, double now)
{
    c->tokens = fmin(l->per_minute, c->tokens + fmax(0, now - c->filled_s) * l->per_minute / 60);
    c->filled_s = now;
}

/* A few of the longest unused: those with a full bucket, or any where there are too many. */
static void forget(rate_limiter *l, double now)
{
    limited_client *c, *next;
    int looked = 0;
    HASH_ITER(hh, l->clients, c, next) {
        if (looked++ >= FORGET_AT_ONCE)
            break;
        fill(l, c, now);
        HASH_DEL(l->clients, c);
        if (c->running == 0 && (c->tokens >= l->per_minute || HASH_COUNT(l->clients) >= CLIENTS_MAX))
            free(c);
        else
            HASH_ADD(hh, l->clients, id, sizeof c->id, c); /* at the end: those behind it get their turn */
    }
}

/* The client, now the one used last; NULL when memory ran out. */
static limited_client *client_of(rate_limiter *l, const uint8_t id[16], double now)
{
    limited_client *c;
    HASH_FIND(hh, l->clients, id, 16, c);
    if (c) {
        HASH_DEL(l->clients, c);
    } else {
        forget(l, now);
        if (!(c = calloc(1, sizeof *c)))
            return NULL;
        memcpy(c->id, id, sizeof c->id);
        c->tokens = l->per_minute;
        c->filled_s = now;
    }
    HASH_ADD(hh, l->clients, id, sizeof c->id, c);
    return c;
}

limit_verdict rate_limiter_enter(rate_limiter *l, const uint8_t id[16], double now, limited_client **client,
                                 limit_state *state)
{
    *state = (limit_state){ .limit = (int)l->per_minute };
    *client = client_of(l, id, now);
    if (!*client)
        return LIMIT_MEMORY;
    limited_client *c = *client;
    double per_s = l->per_minute / 60;
    limit_verdict verdict = LIMIT_PASSED;
    fill(l, c, now);
    if (l->max_concurrent > 0 && c->running >= l->max_concurrent) {
        verdict = LIMIT_CONCURRENT;
        state->retry_s = 1;
    } else if (l->per_minute > 0 && c->tokens < 1) {
        verdict = LIMIT_RATE;
        state->retry_s = (1 - c->tokens) / per_s;
    } else if (l->per_minute > 0) {
        c->tokens--;
    }
    if (l->per_minute > 0) {
        state->remaining = (int)c->tokens;
        state->reset_s = (l->per_minute - c->tokens) / per_s;
    }
    if (verdict == LIMIT_PASSED)
        c->running++;
    else
        *client = NULL;
    return verdict;
}

void rate_limiter_leave(rate_limiter *l, limited_client *client)
{
    (void)l;
    client->running--;
}
