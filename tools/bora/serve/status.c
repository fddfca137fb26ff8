/* GET /health, /ready, /metrics: for those who watch the server. */
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "writer.h"

static void reply_status(http_exchange *x, int status, const char *word)
{
    writer w = { 0 };
    put_open(&w, NULL, '{');
    put_string(&w, "status", word);
    put_close(&w, '}');
    put_raw(&w, "\n", 1);
    http_reply(x, status, "application/json", w.failed ? "" : w.data, w.failed ? 0 : w.len);
    writer_free(&w);
}

void handle_health(http_exchange *x, void *ctx)
{
    (void)ctx;
    reply_status(x, 200, "ok");
}

void handle_ready(http_exchange *x, void *ctx)
{
    const api *a = ctx;
    bool ready = host_is_ready(a->host);
    if (!ready)
        http_set_header(x, "Retry-After", "5");
    reply_status(x, ready ? 200 : 503, ready ? "ready" : "loading");
}

void handle_root(http_exchange *x, void *ctx)
{
    static const char text[] = "bora serves models here. /docs says how to ask; /v1/models lists them.\n";
    (void)ctx;
    http_reply(x, 200, "text/plain; charset=utf-8", text, sizeof text - 1);
}

/* ---- metrics */

static const double seconds_bounds[] = { 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300 };
static const double token_bounds[] = { 0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 5 };
#define N(bounds) (sizeof(bounds) / sizeof *(bounds))

/* What the engines know. */
static void collect(void *ctx)
{
    api *a = ctx;
    const api_metrics *c = &a->count;
    for (size_t i = 0; i < host_count(a->host); i++) {
        const char *const *labels = METRIC_LABELS(host_describe(a->host, i).id);
        const host_model *m = host_acquire_loaded(a->host, i);
        bora_engine_stats s = { 0 };
        metric_set(c->loaded, m ? 1 : 0, labels);
        if (m)
            bora_engine_stats_get(m->engine, &s);
        host_release(a->host, m);
        metric_set(c->n_running, s.n_running, labels);
        metric_set(c->n_waiting, s.n_waiting, labels);
        metric_set(c->n_blocks, s.n_blocks, labels);
        metric_set(c->n_blocks_used, s.n_blocks_used, labels);
        metric_set(c->n_blocks_kept, s.n_blocks_kept, labels);
        metric_set(c->n_preempted, (double)s.n_preempted, labels);
        metric_set(c->n_steps, (double)s.n_steps, labels);
        metric_set(c->n_drafted, (double)s.n_drafted, labels);
        metric_set(c->n_accepted, (double)s.n_accepted, labels);
    }
}

void api_metrics_init(api *a)
{
    metrics *m = a->metrics;
    a->count = (api_metrics){
        .answers = metrics_counter(m, "bora_answers_total", "Answers, by how they ended", "model finish_reason"),
        .prompt_tokens = metrics_counter(m, "bora_prompt_tokens_total", "Tokens of prompts", "model"),
        .cached_tokens = metrics_counter(m, "bora_cached_prompt_tokens_total",
                                         "Tokens of prompts that were in the cache already", "model"),
        .generated_tokens = metrics_counter(m, "bora_generated_tokens_total", "Tokens generated", "model"),
        .first_token_s =
            metrics_histogram(m, "bora_time_to_first_token_seconds", "From a request's arrival to its first token",
                              "model", seconds_bounds, N(seconds_bounds)),
        .between_tokens_s = metrics_histogram(m, "bora_inter_token_seconds", "Between two tokens of an answer", "model",
                                              token_bounds, N(token_bounds)),
        .queued_s = metrics_histogram(m, "bora_queue_seconds", "Until the engine began with a request", "model",
                                      seconds_bounds, N(seconds_bounds)),
        .answer_s = metrics_histogram(m, "bora_answer_seconds", "From a request's arrival to the end of its answer",
                                      "model", seconds_bounds, N(seconds_bounds)),
        .loaded = metrics_gauge(m, "bora_model_loaded", "1 while the model is in memory", "model"),
        .n_running = metrics_gauge(m, "bora_requests_running", "Requests that are being answered", "model"),
        .n_waiting = metrics_gauge(m, "bora_requests_waiting", "Requests in the engine's queue", "model"),
        .n_blocks = metrics_gauge(m, "bora_cache_blocks", "Blocks of the cache", "model"),
        .n_blocks_used = metrics_gauge(m, "bora_cache_blocks_used", "Blocks in use", "model"),
        .n_blocks_kept = metrics_gauge(m, "bora_cache_blocks_kept", "Blocks kept for prompts to come", "model"),
        .n_preempted = metrics_counter(m, "bora_preemptions_total", "Requests set back for want of memory", "model"),
        .n_steps = metrics_counter(m, "bora_steps_total", "Steps of the engine", "model"),
        .n_drafted = metrics_counter(m, "bora_drafted_tokens_total", "Tokens guessed ahead", "model"),
        .n_accepted = metrics_counter(m, "bora_accepted_tokens_total", "Of these, those that were right", "model"),
    };
    if (m)
        metrics_collect(m, collect, a);
}

void handle_metrics(http_exchange *x, void *ctx)
{
    const api *a = ctx;
    size_t len = 0;
    char *page = a->metrics ? metrics_render(a->metrics, &len) : NULL;
    if (page) {
        http_reply(x, 200, METRICS_CONTENT_TYPE, page, len);
    } else if (a->metrics) {
        api_reply_bora(x, NULL, &(bora_error){ .code = BORA_MEMORY });
    } else {
        api_error e = { 0 };
        api_fail(&e, 404, NULL, NULL, "this server has no metrics (--disable-metrics)");
        api_reply_error(x, &e);
    }
    free(page);
}
