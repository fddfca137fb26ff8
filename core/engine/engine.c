/* The engine: a thread that runs requests on a model. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "engine/session.h"
#include "model/model.h"

struct bora_job {
    bora_engine *engine;
    bora_request request; /* with copies of what it points to; its callbacks are the caller's */
    void (*on_end)(void *ctx, const bora_answer *answer, const bora_error *failure);
    int references; /* the engine's and the caller's; guarded by the engine's mutex, as what follows */
    bool cancelled;
    bora_job *next; /* in the queue */
};

struct bora_engine {
    bora_model *model;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bora_job *first, *last; /* the queue */
    bool stopping;
    bora_engine_stats stats;
};

static void free_strings(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        free(list[i]);
    free(list);
}

static void free_job(bora_job *j)
{
    free((void *)j->request.prompt);
    free_strings((char **)j->request.stop);
    free(j);
}

/* Under the mutex. */
static void drop(bora_job *j)
{
    if (--j->references == 0)
        free_job(j);
}

static char **copy_strings(const char *const *list)
{
    size_t n = 0;
    while (list[n])
        n++;
    char **copy = calloc(n + 1, sizeof *copy);
    for (size_t i = 0; copy && i < n; i++)
        if (!(copy[i] = strdup(list[i]))) {
            free_strings(copy);
            return NULL;
        }
    return copy;
}

static bora_job *new_job(bora_engine *e, const bora_request *r)
{
    bora_job *j = calloc(1, sizeof *j);
    int32_t *prompt = malloc((size_t)r->n_prompt * sizeof *prompt);
    char **stop = r->stop ? copy_strings(r->stop) : NULL;
    if (!j || !prompt || (r->stop && !stop)) {
        free_strings(stop);
        free(prompt);
        free(j);
        return NULL;
    }
    memcpy(prompt, r->prompt, (size_t)r->n_prompt * sizeof *prompt);
    *j = (bora_job){ .engine = e, .request = *r, .references = 2 };
    j->request.prompt = prompt;
    j->request.stop = (const char *const *)stop;
    return j;
}

bora_job *bora_engine_submit(bora_engine *e, const bora_request *r,
                             void (*on_end)(void *ctx, const bora_answer *answer, const bora_error *failure),
                             bora_error *err)
{
    if (r->n_prompt < 1) {
        bora_fail(err, BORA_USAGE, "the prompt has no tokens, and the model adds none at the beginning");
        return NULL;
    }
    bora_job *j = new_job(e, r);
    if (!j) {
        bora_fail_memory(err, "a request");
        return NULL;
    }
    j->on_end = on_end;
    pthread_mutex_lock(&e->mutex);
    *(e->first ? &e->last->next : &e->first) = j;
    e->last = j;
    e->stats.n_waiting++;
    pthread_cond_signal(&e->changed);
    pthread_mutex_unlock(&e->mutex);
    return j;
}

void bora_job_cancel(bora_job *j)
{
    pthread_mutex_lock(&j->engine->mutex);
    j->cancelled = true;
    pthread_mutex_unlock(&j->engine->mutex);
}

void bora_job_release(bora_job *j)
{
    if (!j)
        return;
    pthread_mutex_t *mutex = &j->engine->mutex;
    pthread_mutex_lock(mutex);
    drop(j);
    pthread_mutex_unlock(mutex);
}

static void run_job(bora_engine *e, bora_job *j)
{
    bora_error err = { .code = BORA_OK };
    bora_answer answer = { 0 };
    bora_session *session = bora_session_new(e->model, &err);
    bool ok = session && bora_generate(session, &j->request, &answer, &err);
    bora_session_free(session);
    j->on_end(j->request.ctx, &answer, ok ? NULL : &err);
}

static void *work(void *arg)
{
    bora_engine *e = arg;
    pthread_mutex_lock(&e->mutex);
    for (;;) {
        while (!e->first && !e->stopping)
            pthread_cond_wait(&e->changed, &e->mutex);
        bora_job *j = e->first;
        if (!j)
            break;
        e->first = j->next;
        e->stats.n_waiting--;
        e->stats.n_running = 1;
        pthread_mutex_unlock(&e->mutex);
        run_job(e, j);
        pthread_mutex_lock(&e->mutex);
        e->stats.n_running = 0;
        e->stats.n_finished++;
        drop(j);
    }
    pthread_mutex_unlock(&e->mutex);
    return NULL;
}

bora_engine *bora_engine_start(bora_model *model, const bora_settings *settings, bora_error *err)
{
    (void)settings;
    bora_engine *e = calloc(1, sizeof *e);
    if (!e) {
        bora_fail_memory(err, "an engine");
        return NULL;
    }
    e->model = model;
    pthread_mutex_init(&e->mutex, NULL);
    pthread_cond_init(&e->changed, NULL);
    if (pthread_create(&e->thread, NULL, work, e) != 0) {
        bora_fail(err, BORA_LIMIT, "the system gives no thread for an engine");
        free(e);
        return NULL;
    }
    return e;
}

void bora_engine_stop(bora_engine *e)
{
    if (!e)
        return;
    pthread_mutex_lock(&e->mutex);
    e->stopping = true;
    pthread_cond_signal(&e->changed);
    pthread_mutex_unlock(&e->mutex);
    pthread_join(e->thread, NULL);
    pthread_mutex_destroy(&e->mutex);
    pthread_cond_destroy(&e->changed);
    free(e);
}

void bora_engine_stats_get(bora_engine *e, bora_engine_stats *stats)
{
    pthread_mutex_lock(&e->mutex);
    *stats = e->stats;
    pthread_mutex_unlock(&e->mutex);
}
