/* POST /v1/embeddings: a vector for each text, of unit length, so that a product of two says how alike they are.
 *
 * A request may have thousands of texts, and more than an engine's queue would take. A thread of its own hands them in,
 * so many at a time, for all requests. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api.h"
#include "writer.h"

enum { IN_FLIGHT_MAX = 32, RETRY_NS = 20000000 };

typedef struct embedder embedder;
typedef struct batch batch;

typedef struct item {
    batch *batch;
    int32_t *tokens;
    int32_t n_tokens;
    float *values;
    int32_t width;
    bora_job *job;
} item;

/* A request. */
struct batch {
    embedder *embedder;
    http_exchange *x;
    const host_model *model;
    api_request request;
    item *items;
    size_t n;
    size_t n_handed_in, n_ended; /* of the items; guarded by the embedder's mutex, as what follows */
    bool gone, cancelled;
    api_error error;
    batch *next;
};

/* The thread that hands in. */
struct embedder {
    api *api;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    batch *first;
    bool stopping;
};

static void free_batch(batch *b)
{
    for (size_t i = 0; b->items && i < b->n; i++) {
        bora_job_release(b->items[i].job);
        free(b->items[i].tokens);
        free(b->items[i].values);
    }
    free(b->items);
    api_request_free(&b->request);
    host_release(b->embedder->api->host, b->model);
    free(b);
}

/* ---- callbacks */

static void on_embedding(void *ctx, const float *values, int32_t width)
{
    item *it = ctx;
    it->values = malloc((size_t)width * sizeof *values);
    it->width = width;
    if (it->values)
        memcpy(it->values, values, (size_t)width * sizeof *values);
}

static void on_end(void *ctx, const bora_answer *answer, const bora_error *failure)
{
    item *it = ctx;
    batch *b = it->batch;
    embedder *m = b->embedder;
    pthread_mutex_lock(&m->mutex);
    if (failure)
        api_fail_bora(&b->error, "input", failure);
    else if (answer->finish == BORA_FINISH_CANCELLED)
        api_fail_bora(&b->error, NULL, &(bora_error){ .code = BORA_CANCELLED });
    else if (!it->values && it->width > 0)
        api_fail_bora(&b->error, NULL, &(bora_error){ .code = BORA_MEMORY });
    else if (!it->values)
        api_fail(&b->error, 400, "model", "unsupported", "this model gives no embeddings");
    b->n_ended++;
    pthread_cond_signal(&m->changed);
    pthread_mutex_unlock(&m->mutex);
}

static void on_gone(void *ctx)
{
    batch *b = ctx;
    embedder *m = b->embedder;
    pthread_mutex_lock(&m->mutex);
    b->gone = true;
    pthread_cond_signal(&m->changed);
    pthread_mutex_unlock(&m->mutex);
}

/* ---- the answer */

static void normalize(float *values, int32_t n)
{
    double sum = 0;
    for (int32_t i = 0; i < n; i++)
        sum += (double)values[i] * (double)values[i];
    double scale = sum > 0 ? 1 / sqrt(sum) : 0;
    for (int32_t i = 0; i < n; i++)
        values[i] = (float)((double)values[i] * scale);
}

static void put_base64(writer *w, const char *key, const float *values, int32_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = (size_t)n * 4;
    put_open(w, key, '"');
    for (size_t i = 0; i < len; i += 3) {
        uint32_t group = 0;
        for (size_t k = 0; k < 3; k++) {
            uint32_t bits = 0, byte = 0;
            if (i + k < len) {
                memcpy(&bits, &values[(i + k) / 4], 4);
                byte = bits >> 8 * ((i + k) % 4) & 0xff; /* little-endian, whatever this machine is */
            }
            group = group << 8 | byte;
        }
        char text[4] = { digits[group >> 18], digits[group >> 12 & 63], digits[group >> 6 & 63], digits[group & 63] };
        if (i + 2 >= len)
            text[3] = '=';
        if (i + 1 >= len)
            text[2] = '=';
        put_raw(w, text, 4);
    }
    put_close(w, '"');
}

static void put_item(writer *w, const item *it, size_t index, const api_request *q)
{
    int32_t n = q->dimensions > 0 && q->dimensions < it->width ? q->dimensions : it->width;
    normalize(it->values, n);
    put_open(w, NULL, '{');
    put_string(w, "object", "embedding");
    put_int(w, "index", (int64_t)index);
    if (q->base64) {
        put_base64(w, "embedding", it->values, n);
    } else {
        put_open(w, "embedding", '[');
        for (int32_t i = 0; i < n; i++)
            put_float(w, NULL, it->values[i]);
        put_close(w, ']');
    }
    put_close(w, '}');
}

static void reply_with(const api *a, const batch *b)
{
    const host_model *m = b->model;
    writer w = { 0 };
    int64_t n_prompt = 0;
    put_open(&w, NULL, '{');
    put_string(&w, "object", "list");
    put_open(&w, "data", '[');
    for (size_t i = 0; i < b->n; i++) {
        put_item(&w, &b->items[i], i, &b->request);
        n_prompt += b->items[i].n_tokens;
    }
    put_close(&w, ']');
    put_string(&w, "model", m->id);
    put_open(&w, "usage", '{');
    put_int(&w, "prompt_tokens", n_prompt);
    put_int(&w, "total_tokens", n_prompt);
    put_close(&w, '}');
    put_close(&w, '}');
    metric_add(a->count.prompt_tokens, (double)n_prompt, METRIC_LABELS(m->id));
    http_note(b->x, m->id, (int)n_prompt, 0);
    api_reply_json(b->x, &w);
}

/* ---- the thread that hands in; with the mutex held */

static bool is_over(const batch *b)
{
    return b->gone || b->error.status != 0;
}

/* Hands in what may be. True: the queue is full, and it is worth coming again. */
static bool hand_in(batch *b)
{
    while (!is_over(b) && b->n_handed_in < b->n && b->n_handed_in - b->n_ended < IN_FLIGHT_MAX) {
        item *it = &b->items[b->n_handed_in];
        bora_error err = { .code = BORA_OK };
        bora_request request = {
            .prompt = it->tokens,
            .n_prompt = it->n_tokens,
            .max_tokens = 1,
            .sampling = bora_sampling_defaults(),
            .on_embedding = on_embedding,
            .ctx = it,
        };
        it->job = bora_engine_submit(b->model->engine, &request, on_end, &err);
        if (!it->job && err.code == BORA_BUSY && b->n_handed_in > 0)
            return true;
        if (it->job)
            b->n_handed_in++;
        else
            api_fail_bora(&b->error, "input", &err);
    }
    return false;
}

static void cancel(batch *b)
{
    for (size_t i = 0; i < b->n_handed_in && !b->cancelled; i++)
        bora_job_cancel(b->items[i].job);
    b->cancelled = true;
}

static bool has_ended(const batch *b)
{
    return b->n_ended == b->n_handed_in && (b->n_handed_in == b->n || is_over(b));
}

/* Without the mutex. */
static void finish(embedder *m, batch *b, bool gone)
{
    if (gone)
        api_fail_bora(&b->error, NULL, &(bora_error){ .code = BORA_CANCELLED });
    if (b->error.status != 0)
        api_reply_error(b->x, &b->error);
    else
        reply_with(m->api, b);
    free_batch(b);
}

static void *feed(void *arg)
{
    embedder *m = arg;
    pthread_mutex_lock(&m->mutex);
    while (!m->stopping || m->first) {
        bool full = false, ended = false;
        for (batch **at = &m->first; *at && !ended;) {
            batch *b = *at;
            full |= hand_in(b);
            if (is_over(b))
                cancel(b);
            ended = has_ended(b);
            if (ended) {
                bool gone = b->gone;
                *at = b->next;
                pthread_mutex_unlock(&m->mutex);
                finish(m, b, gone);
                pthread_mutex_lock(&m->mutex);
            } else {
                at = &b->next;
            }
        }
        if (ended || (m->stopping && !m->first))
            continue;
        if (full) {
            struct timespec until;
            clock_gettime(CLOCK_REALTIME, &until);
            until.tv_nsec += RETRY_NS;
            until.tv_sec += until.tv_nsec / 1000000000;
            until.tv_nsec %= 1000000000;
            pthread_cond_timedwait(&m->changed, &m->mutex, &until);
        } else {
            pthread_cond_wait(&m->changed, &m->mutex);
        }
    }
    pthread_mutex_unlock(&m->mutex);
    return NULL;
}

bool api_embedder_start(api *a, bora_error *err)
{
    embedder *m = calloc(1, sizeof *m);
    if (!m)
        return bora_fail_memory(err, "embeddings");
    m->api = a;
    pthread_mutex_init(&m->mutex, NULL);
    pthread_cond_init(&m->changed, NULL);
    if (pthread_create(&m->thread, NULL, feed, m) != 0) {
        free(m);
        return bora_fail(err, BORA_LIMIT, "the system gives no thread for embeddings");
    }
    a->embedder = m;
    return true;
}

void api_embedder_stop(api *a)
{
    embedder *m = a->embedder;
    if (!m)
        return;
    pthread_mutex_lock(&m->mutex);
    m->stopping = true;
    pthread_cond_signal(&m->changed);
    pthread_mutex_unlock(&m->mutex);
    pthread_join(m->thread, NULL);
    pthread_mutex_destroy(&m->mutex);
    pthread_cond_destroy(&m->changed);
    free(m);
    a->embedder = NULL;
}

/* ---- the handler */

static bool set_tokens(batch *b, size_t i, api_error *e)
{
    item *it = &b->items[i];
    api_input in = api_input_at(b->request.input, i);
    const host_model *m = b->model;
    size_t n = 0;
    it->batch = b;
    if (in.text) {
        it->tokens = api_encode(m, in.text, false, &it->n_tokens, e);
    } else {
        it->tokens = api_ids(in.ids, bora_model_n_vocab(m->model), "input", &n, e);
        it->n_tokens = (int32_t)n;
    }
    if (it->tokens && it->n_tokens > bora_model_context_length(m->model))
        return api_fail(e, 400, "input", "context_length_exceeded",
                        "input %zu has %d tokens, and this model's context holds %d", i, it->n_tokens,
                        bora_model_context_length(m->model));
    return it->tokens != NULL;
}

static void embed(api *a, http_exchange *x, const host_model *m, api_request *q)
{
    api_error e = { 0 };
    batch *b = calloc(1, sizeof *b);
    if (!b) {
        api_request_free(q);
        host_release(a->host, m);
        api_reply_bora(x, NULL, &(bora_error){ .code = BORA_MEMORY });
        return;
    }
    *b = (batch){ .embedder = a->embedder, .x = x, .model = m, .request = *q, .n = api_n_inputs(q->input) };
    *q = (api_request){ 0 };
    b->items = calloc(b->n, sizeof *b->items);
    bool ok = b->items || api_fail_bora(&e, NULL, &(bora_error){ .code = BORA_MEMORY });
    for (size_t i = 0; ok && i < b->n; i++)
        ok = set_tokens(b, i, &e);
    if (!ok) {
        api_reply_error(x, &e);
        free_batch(b);
        return;
    }
    http_on_gone(x, on_gone, b);
    pthread_mutex_lock(&a->embedder->mutex);
    b->next = a->embedder->first;
    a->embedder->first = b;
    pthread_cond_signal(&a->embedder->changed);
    pthread_mutex_unlock(&a->embedder->mutex);
}

void handle_embedding(http_exchange *x, void *ctx)
{
    api_request q;
    if (api_read(ctx, x, API_EMBEDDING, &q))
        api_with_model(ctx, x, &q, embed);
}
