/* The engine: a thread that takes requests, plans steps, runs them, and lets go of what has ended. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "engine/embedding.h"
#include "engine/pace.h"
#include "engine/step.h"
#include "model/model.h"

typedef struct job_list {
    bora_job *first, *last;
} job_list;

struct bora_engine {
    bora_model *model;
    scheduler *scheduler;
    bora_drafter *drafter; /* or NULL */
    int32_t capacity;      /* tokens that fit the cache */
    int32_t max_queue;
    job_list answers, embeddings; /* being worked on, by the thread alone */
    step_lists lists;
    pace pace;
    bool keeps_pace; /* nobody said how many tokens a step has */
    int64_t n_steps;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    job_list inbox;
    int32_t n_inbox;
    bool stopping;
    bora_engine_stats stats;
};

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- lists */

static void append(job_list *list, bora_job *j)
{
    j->prev = list->last;
    j->next = NULL;
    *(list->last ? &list->last->next : &list->first) = j;
    list->last = j;
}

static void take_out(job_list *list, bora_job *j)
{
    *(j->prev ? &j->prev->next : &list->first) = j->next;
    *(j->next ? &j->next->prev : &list->last) = j->prev;
}

/* ---- the thread */

static void count(bora_engine *e)
{
    pthread_mutex_lock(&e->model->mutex);
    block_cache_stats blocks = block_cache_stats_get(e->model->states.blocks);
    pthread_mutex_unlock(&e->model->mutex);
    pthread_mutex_lock(&e->mutex);
    e->stats.n_steps = e->n_steps;
    e->stats.n_waiting = scheduler_n_waiting(e->scheduler);
    e->stats.n_running = scheduler_n_running(e->scheduler);
    e->stats.n_preempted = scheduler_n_preempted(e->scheduler);
    e->stats.n_blocks = blocks.n_blocks;
    e->stats.n_blocks_used = blocks.n_used;
    e->stats.n_blocks_kept = blocks.n_kept;
    pthread_mutex_unlock(&e->mutex);
}

/* Counts a job that has ended, tells its owner, and forgets it. */
static void end_job(bora_engine *e, bora_job *j)
{
    if (j->slot >= 0) {
        pthread_mutex_lock(&e->model->mutex);
        state_pool_give_slot(e->model, j->slot);
        pthread_mutex_unlock(&e->model->mutex);
    }
    count(e);
    const bora_answer *a = &j->answer;
    pthread_mutex_lock(&e->mutex);
    e->stats.n_finished++;
    e->stats.n_prompt += a->n_prompt;
    e->stats.n_cached += a->n_cached;
    e->stats.n_generated += a->n_generated;
    e->stats.n_drafted += a->n_drafted;
    e->stats.n_accepted += a->n_accepted;
    pthread_mutex_unlock(&e->mutex);
    drafter_end(e->drafter, j->draft);
    j->draft = NULL;
    job_end(j, seconds());
    job_drop(j);
}

/* Waits until there is something to do. False: it is time to stop. */
static bool take_new(bora_engine *e)
{
    pthread_mutex_lock(&e->mutex);
    while (!e->stopping && !e->inbox.first && !e->answers.first && !e->embeddings.first)
        pthread_cond_wait(&e->changed, &e->mutex);
    bora_job *new = e->inbox.first;
    e->inbox = (job_list){ NULL, NULL };
    e->n_inbox = 0;
    bool go_on = !e->stopping;
    pthread_mutex_unlock(&e->mutex);
    while (new) {
        bora_job *j = new;
        new = j->next;
        if (!job_open(j, e->model)) {
            end_job(e, j);
        } else if (j->request.on_embedding) {
            append(&e->embeddings, j);
        } else {
            append(&e->answers, j);
            scheduler_add(e->scheduler, &j->seq);
        }
    }
    return go_on;
}

/* Lets go of answers that have ended or that nobody wants any more. */
static void drop_ended(bora_engine *e, bool all)
{
    for (bora_job *j = e->answers.first, *next; j; j = next) {
        next = j->next;
        if (!j->ended && !all && !atomic_load(&j->cancelled))
            continue;
        j->answer.n_cached = j->seq.n_cached;
        pthread_mutex_lock(&e->model->mutex);
        scheduler_remove(e->scheduler, &j->seq);
        pthread_mutex_unlock(&e->model->mutex);
        take_out(&e->answers, j);
        if (!j->ended)
            job_fail(j, NULL);
        end_job(e, j);
    }
}

/* Reads a part of the prompt that came first of those whose hidden states are wanted. */
static void embed(bora_engine *e, bool all)
{
    for (bora_job *j = e->embeddings.first, *next; j; j = next) {
        next = j->next;
        if (all || atomic_load(&j->cancelled))
            job_fail(j, NULL);
        else if (j == e->embeddings.first)
            embedding_read(j, e->model, e->answers.first ? e->pace.max_behind : e->pace.max_tokens);
        if (!j->ended)
            continue;
        take_out(&e->embeddings, j);
        end_job(e, j);
    }
}

static void run(bora_engine *e, const sched_step *plan)
{
    double begun = seconds();
    step_run(&e->lists, e->model, e->scheduler, plan, seconds);
    if (!e->keeps_pace)
        return;
    pace_learn(&e->pace, plan->n_tokens, seconds() - begun);
    scheduler_set_budget(e->scheduler, e->pace.max_tokens, e->pace.max_behind);
}

static void step(bora_engine *e)
{
    bora_error err = { .code = BORA_OK };
    if (e->drafter)
        jobs_guess(e->answers.first, e->drafter);
    pthread_mutex_lock(&e->model->mutex);
    const sched_step *plan = scheduler_plan(e->scheduler, &err);
    bool ok = state_pool_cover(e->model, &err);
    pthread_mutex_unlock(&e->model->mutex);
    e->n_steps++;
    if (ok && plan->n_turns > 0)
        run(e, plan);
    else if (err.code) /* no memory: better luck when somebody has ended */
        job_fail(e->answers.last, &err);
    else if (!e->embeddings.first) /* somebody's sessions hold the blocks that are waited for */
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static void *work(void *arg)
{
    bora_engine *e = arg;
    while (take_new(e)) {
        drop_ended(e, false);
        embed(e, false);
        if (e->answers.first) {
            step(e);
            count(e);
            drop_ended(e, false);
        }
    }
    drop_ended(e, true);
    embed(e, true);
    return NULL;
}

/* ---- from other threads */

static bool check_request(const bora_engine *e, const bora_request *r, bora_error *err)
{
    int32_t n_vocab = bora_model_n_vocab(e->model), context = bora_model_context_length(e->model);
    if (r->n_prompt < 1)
        return bora_fail(err, BORA_USAGE, "the prompt has no tokens, and the model adds none at the beginning");
    if (r->n_prompt > context)
        return bora_fail(err, BORA_LIMIT, "the prompt has %d tokens, the context holds %d", r->n_prompt, context);
    if (r->n_prompt > e->capacity)
        return bora_fail(err, BORA_LIMIT, "the prompt has %d tokens, the memory for the cache holds %d", r->n_prompt,
                         e->capacity);
    if (r->n_top < 0 || r->n_top > BORA_TOP_LOGPROBS_MAX)
        return bora_fail(err, BORA_USAGE, "the likeliest %d tokens are asked for; at most %d are told", r->n_top,
                         BORA_TOP_LOGPROBS_MAX);
    for (int32_t i = 0; i < r->n_prompt; i++)
        if (r->prompt[i] < 0 || r->prompt[i] >= n_vocab)
            return bora_fail(err, BORA_USAGE, "token %d is outside the vocabulary of %d", r->prompt[i], n_vocab);
    return r->on_embedding || bora_sampling_check(&r->sampling, err);
}

bora_job *bora_engine_submit(bora_engine *e, const bora_request *r,
                             void (*on_end)(void *ctx, const bora_answer *answer, const bora_error *failure),
                             bora_error *err)
{
    bora_job *j = check_request(e, r, err) ? job_new(r, e->model, e->drafter, seconds(), err) : NULL;
    if (!j)
        return NULL;
    j->on_end = on_end;
    int32_t context = bora_model_context_length(e->model);
    j->length_limit = context < e->capacity ? context : e->capacity;
    pthread_mutex_lock(&e->mutex);
    bool taken = !e->stopping && e->stats.n_waiting + e->n_inbox < e->max_queue;
    if (taken) {
        append(&e->inbox, j);
        e->n_inbox++;
        pthread_cond_signal(&e->changed);
    } else if (e->stopping) {
        bora_fail(err, BORA_CANCELLED, "the engine is stopping");
    } else {
        bora_fail(err, BORA_BUSY, "%d requests are waiting already; try again later", e->max_queue);
    }
    pthread_mutex_unlock(&e->mutex);
    if (taken)
        return j;
    job_drop(j);
    job_drop(j);
    return NULL;
}

void bora_job_cancel(bora_job *j)
{
    atomic_store(&j->cancelled, true);
}

void bora_job_release(bora_job *j)
{
    if (j)
        job_drop(j);
}

void bora_engine_stats_get(bora_engine *e, bora_engine_stats *stats)
{
    pthread_mutex_lock(&e->mutex);
    *stats = e->stats;
    stats->n_waiting += e->n_inbox;
    pthread_mutex_unlock(&e->mutex);
}

static void free_engine(bora_engine *e)
{
    scheduler_free(e->scheduler);
    step_free(&e->lists);
    bora_drafter_free(e->drafter);
    pthread_mutex_destroy(&e->mutex);
    pthread_cond_destroy(&e->changed);
    free(e);
}

/* Threads that choose tokens, beside those of the model: few, each needs a scratch as long as the vocabulary. */
static bora_threads *choosing_threads(const bora_settings *settings, bora_error *err)
{
    enum { MOST = 8 };
    int64_t wanted = bora_settings_int(settings, "threads");
    bora_threads *threads = bora_threads_new(wanted > MOST ? MOST : (int)wanted, err);
    if (!threads || bora_threads_count(threads) <= MOST)
        return threads;
    bora_threads_free(threads);
    return bora_threads_new(MOST, err);
}

bora_engine *bora_engine_start(bora_model *model, const bora_settings *settings, bora_error *err)
{
    bora_engine *e = calloc(1, sizeof *e);
    if (!e) {
        bora_fail_memory(err, "an engine");
        return NULL;
    }
    e->keeps_pace = !bora_settings_is_set(settings, "max-num-batched-tokens");
    e->pace = pace_begin();
    if (!e->keeps_pace)
        e->pace.max_tokens = e->pace.max_behind = (int32_t)bora_settings_int(settings, "max-num-batched-tokens");
    scheduler_limits limits = {
        .max_seqs = (int32_t)bora_settings_int(settings, "max-seqs"),
        .max_tokens = e->pace.max_tokens,
        .max_behind = e->pace.max_behind,
        .block_tokens = model->states.block_tokens,
        .share = model->states.share,
        .recurrent = model->states.recurrent,
    };
    e->model = model;
    e->max_queue = (int32_t)bora_settings_int(settings, "max-queue");
    e->capacity = block_cache_stats_get(e->model->states.blocks).n_blocks;
    e->capacity = e->capacity > INT32_MAX / limits.block_tokens ? INT32_MAX : e->capacity * limits.block_tokens;
    e->stats.block_tokens = limits.block_tokens;
    pthread_mutex_init(&e->mutex, NULL);
    pthread_cond_init(&e->changed, NULL);
    e->lists.threads = choosing_threads(settings, err);
    e->scheduler = !e->lists.threads ? NULL : scheduler_new(&limits, model->states.blocks, err);
    if (e->scheduler)
        count(e);
    bool ready = e->scheduler && bora_drafter_open(model, settings, &e->drafter, err);
    if (ready && pthread_create(&e->thread, NULL, work, e) == 0)
        return e;
    if (ready)
        bora_fail(err, BORA_LIMIT, "the system gives no thread for an engine");
    free_engine(e);
    return NULL;
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
    free_engine(e);
}
