/* POST /v1/embeddings: a vector for each text, of unit length, so that a product of two says how alike they are.
 *
 * The handler stays until all are there, and hands in as many at a time as the engine takes. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "writer.h"

enum { IN_FLIGHT_MAX = 32 };

typedef struct batch batch;

typedef struct item {
    batch *batch;
    float *values;
    int32_t width, n_prompt;
    bool out_of_memory;
    bora_job *job;
} item;

struct batch {
    pthread_mutex_t mutex; /* guards all of this but the items' jobs */
    pthread_cond_t changed;
    item *items;
    size_t n, n_handed_in, n_ended;
    bool gone;
    bora_error err;
};

/* ---- the engine's thread */

static void on_embedding(void *ctx, const float *values, int32_t width)
{
    item *it = ctx;
    it->values = malloc((size_t)width * sizeof *values);
    it->out_of_memory = it->values == NULL;
    if (it->values)
        memcpy(it->values, values, (size_t)width * sizeof *values);
    it->width = width;
}

static void on_end(void *ctx, const bora_answer *answer, const bora_error *failure)
{
    item *it = ctx;
    batch *b = it->batch;
    pthread_mutex_lock(&b->mutex);
    it->n_prompt = answer->n_prompt;
    if (failure)
        bora_fail(&b->err, failure->code, "%s", failure->message);
    else if (it->out_of_memory)
        bora_fail_memory(&b->err, "an embedding");
    else if (!it->values)
        bora_fail(&b->err, answer->finish == BORA_FINISH_CANCELLED ? BORA_CANCELLED : BORA_UNSUPPORTED,
                  "this model gives no embeddings");
    b->n_ended++;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->mutex);
}

/* ---- the handler's */

static void on_gone(void *ctx)
{
    batch *b = ctx;
    pthread_mutex_lock(&b->mutex);
    b->gone = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->mutex);
}

/* Waits until fewer than so many are under way. False: it is over. */
static bool wait_below(batch *b, size_t n)
{
    pthread_mutex_lock(&b->mutex);
    while (b->n_handed_in - b->n_ended >= n && b->err.code == BORA_OK && !b->gone)
        pthread_cond_wait(&b->changed, &b->mutex);
    bool ok = b->err.code == BORA_OK && !b->gone;
    pthread_mutex_unlock(&b->mutex);
    return ok;
}

static void count(batch *b, int change)
{
    pthread_mutex_lock(&b->mutex);
    b->n_handed_in += (size_t)change;
    pthread_mutex_unlock(&b->mutex);
}

/* Hands one in; while others of this request are under way, a full queue is worth waiting for. */
static bool hand_in(batch *b, const host_model *m, item *it, const int32_t *tokens, int32_t n, api_error *e)
{
    bora_request request = {
        .prompt = tokens,
        .n_prompt = n,
        .max_tokens = 1,
        .sampling = bora_sampling_defaults(),
        .on_embedding = on_embedding,
        .ctx = it,
    };
    for (;;) {
        bora_error err = { .code = BORA_OK };
        count(b, 1);
        if ((it->job = bora_engine_submit(m->engine, &request, on_end, &err)))
            return true;
        count(b, -1);
        size_t under_way = b->n_handed_in - b->n_ended; /* this thread alone makes it more */
        if (err.code != BORA_BUSY || under_way == 0)
            return api_fail_bora(e, "input", &err);
        if (!wait_below(b, under_way))
            return false;
    }
}

static bool embed(batch *b, const host_model *m, const api_request *q, size_t i, api_error *e)
{
    api_input in = api_input_at(q->input, i);
    int32_t *tokens, n = 0;
    size_t count_ids = 0;
    if (in.text) {
        tokens = api_encode(m, in.text, false, &n, e);
    } else {
        tokens = api_ids(in.ids, bora_model_n_vocab(m->model), "input", &count_ids, e);
        n = (int32_t)count_ids;
    }
    bool ok = tokens && wait_below(b, IN_FLIGHT_MAX) && hand_in(b, m, &b->items[i], tokens, n, e);
    free(tokens);
    return ok;
}

/* Waits for all; what is not wanted any more is cancelled. */
static void finish(batch *b, bool wanted)
{
    for (size_t i = 0; i < b->n && (!wanted || !wait_below(b, 1)); i++)
        if (b->items[i].job)
            bora_job_cancel(b->items[i].job);
    pthread_mutex_lock(&b->mutex);
    while (b->n_ended < b->n_handed_in)
        pthread_cond_wait(&b->changed, &b->mutex);
    pthread_mutex_unlock(&b->mutex);
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

static void reply_with(http_exchange *x, const api *a, const batch *b, const host_model *m, const api_request *q)
{
    writer w = { 0 };
    int64_t n_prompt = 0;
    put_open(&w, NULL, '{');
    put_string(&w, "object", "list");
    put_open(&w, "data", '[');
    for (size_t i = 0; i < b->n; i++) {
        put_item(&w, &b->items[i], i, q);
        n_prompt += b->items[i].n_prompt;
    }
    put_close(&w, ']');
    put_string(&w, "model", m->id);
    put_open(&w, "usage", '{');
    put_int(&w, "prompt_tokens", n_prompt);
    put_int(&w, "total_tokens", n_prompt);
    put_close(&w, '}');
    put_close(&w, '}');
    metric_add(a->count.prompt_tokens, (double)n_prompt, METRIC_LABELS(m->id));
    http_note(x, m->id, (int)n_prompt, 0);
    api_reply_json(x, &w);
}

static void answer(api *a, http_exchange *x, const host_model *m, const api_request *q)
{
    batch b = { .n = api_n_inputs(q->input) };
    api_error e = { 0 };
    b.items = calloc(b.n, sizeof *b.items);
    if (!b.items) {
        api_reply_bora(x, NULL, &(bora_error){ .code = BORA_MEMORY });
        return;
    }
    pthread_mutex_init(&b.mutex, NULL);
    pthread_cond_init(&b.changed, NULL);
    http_on_gone(x, on_gone, &b);
    bool ok = true;
    for (size_t i = 0; ok && i < b.n; i++) {
        b.items[i].batch = &b;
        ok = embed(&b, m, q, i, &e);
    }
    finish(&b, ok);
    if (b.err.code != BORA_OK || (b.gone && e.status == 0))
        api_fail_bora(&e, "input", b.err.code != BORA_OK ? &b.err : &(bora_error){ .code = BORA_CANCELLED });
    if (e.status != 0)
        api_reply_error(x, &e);
    else
        reply_with(x, a, &b, m, q);
    for (size_t i = 0; i < b.n; i++) {
        bora_job_release(b.items[i].job);
        free(b.items[i].values);
    }
    pthread_mutex_destroy(&b.mutex);
    pthread_cond_destroy(&b.changed);
    free(b.items);
}

void handle_embedding(http_exchange *x, void *ctx)
{
    api *a = ctx;
    api_request q;
    if (!api_read(a, x, API_EMBEDDING, &q))
        return;
    const host_model *m = api_model(a, x, &q);
    if (m)
        answer(a, x, m, &q);
    api_request_free(&q);
    if (m)
        host_release(a->host, m);
}
