/* Limits of rate and of requests at a time, for each client: a key, or an address where there are no keys.
 *
 * The rate is a bucket of tokens: it holds as many as a minute brings and is filled steadily, so that a client may use
 * a minute's worth at once, and then one after the other. Clients that are idle and have a full bucket are forgotten.
 */
#ifndef SERVE_RATE_LIMIT_H
#define SERVE_RATE_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rate_limiter rate_limiter;
typedef struct limited_client limited_client;

typedef enum limit_verdict { LIMIT_PASSED, LIMIT_RATE, LIMIT_CONCURRENT, LIMIT_MEMORY } limit_verdict;

typedef struct limit_state {
    int limit, remaining; /* requests a minute, and those that may come now; 0 without a limit of rate */
    double reset_s;       /* until the bucket is full */
    double retry_s;       /* until the next request passes */
} limit_state;

/* 0: no limit. NULL when memory ran out. Not locked: its owner does. */
rate_limiter *rate_limiter_new(int per_minute, int max_concurrent);
void rate_limiter_free(rate_limiter *l);
/* One more request of the client that `id` (16 bytes) stands for, at `now` seconds. When it passes, `*client` is to be
 * given back when the request has ended. */
limit_verdict rate_limiter_enter(rate_limiter *l, const uint8_t id[16], double now, limited_client **client,
                                 limit_state *state);
void rate_limiter_leave(rate_limiter *l, limited_client *client);
size_t rate_limiter_count(const rate_limiter *l); /* clients that are remembered */

#endif
