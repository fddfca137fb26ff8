/* The threads that run handlers, and the queue before them. */
#include <stdlib.h>
#include <string.h>

#include "serve/http_internal.h"

static void *work(void *ctx)
{
    http_server *s = ctx;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        while (!s->first_job && !s->no_more_jobs)
            pthread_cond_wait(&s->work, &s->lock);
        http_exchange *x = s->first_job;
        if (!x)
            break;
        s->first_job = x->next_job;
        if (!s->first_job)
            s->last_job = NULL;
        s->n_jobs--;
        bool wanted = !x->gone && !s->closing; /* else nothing is begun for it */
        if (!wanted && x->conn)
            connection_cut(x->conn);
        pthread_mutex_unlock(&s->lock);
        if (wanted)
            x->route->handle(x, s->ctx);
        else
            http_end(x);
        exchange_unref(x);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

bool workers_take(http_server *s, http_exchange *x)
{
    if (s->n_jobs >= s->options.max_queue || s->no_more_jobs)
        return false;
    exchange_ref(x); /* the answerer's */
    exchange_ref(x); /* the worker's */
    if (s->last_job)
        s->last_job->next_job = x;
    else
        s->first_job = x;
    s->last_job = x;
    s->n_jobs++;
    pthread_cond_signal(&s->work);
    return true;
}

bool workers_start(http_server *s, bora_error *err)
{
    s->workers = calloc((size_t)s->options.n_workers, sizeof *s->workers);
    if (!s->workers)
        return bora_fail_memory(err, "the server's threads");
    for (; s->n_workers < s->options.n_workers; s->n_workers++) {
        int code = pthread_create(&s->workers[s->n_workers], NULL, work, s);
        if (code != 0)
            return bora_fail(err, BORA_IO, "the server's threads: %s", strerror(code));
    }
    return true;
}

void workers_stop(http_server *s)
{
    pthread_mutex_lock(&s->lock);
    s->no_more_jobs = true;
    pthread_cond_broadcast(&s->work);
    pthread_mutex_unlock(&s->lock);
    for (int i = 0; i < s->n_workers; i++)
        pthread_join(s->workers[i], NULL);
    free(s->workers);
    s->workers = NULL;
    s->n_workers = 0;
}
