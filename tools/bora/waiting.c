/* See waiting.h. A thread of its own draws: reading a prompt gives no call of its own for many seconds. */
#include "waiting.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct waiting {
    bool colour;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards `over` */
    pthread_cond_t changed;
    bool over;
};

static void draw(const waiting *w, int seconds)
{
    fprintf(stderr, "\r%sreading the prompt, %d s%s", w->colour ? "\033[2m" : "", seconds, w->colour ? "\033[0m" : "");
    fflush(stderr);
}

static void *count_seconds(void *ctx)
{
    waiting *w = ctx;
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    int seconds = 0;
    pthread_mutex_lock(&w->mutex);
    for (next.tv_sec++; !w->over;) {
        if (pthread_cond_timedwait(&w->changed, &w->mutex, &next) == 0)
            continue;
        draw(w, ++seconds);
        next.tv_sec++;
    }
    pthread_mutex_unlock(&w->mutex);
    if (seconds > 0)
        fputs("\r\033[K", stderr);
    return NULL;
}

waiting *waiting_start(const cli *c)
{
    waiting *w = c->stderr_terminal && c->level >= BORA_LOG_INFO ? calloc(1, sizeof *w) : NULL;
    if (!w)
        return NULL;
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    w->colour = c->colour;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->changed, &clock);
    pthread_condattr_destroy(&clock);
    if (pthread_create(&w->thread, NULL, count_seconds, w) == 0)
        return w;
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->mutex);
    free(w);
    return NULL;
}

void waiting_end(waiting *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->mutex);
    w->over = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}
