/* Replies: see reply.h. */
#include "reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../common.h"

/* ---- life */

static void free_choice(choice *c)
{
    bora_job_release(atomic_load(&c->job));
    bora_tool_calls_free(&c->calls);
    writer *writers[] = { &c->text,
                          &c->thinking,
                          &c->logprobs.entries,
                          &c->logprobs.tokens,
                          &c->logprobs.values,
                          &c->logprobs.tops,
                          &c->logprobs.text_offsets };
    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++)
        writer_free(writers[i]);
}

static void unref(reply *r)
{
    if (atomic_fetch_sub(&r->references, 1) != 1)
        return;
    for (size_t i = 0; i < r->n_choices; i++)
        free_choice(&r->choices[i]);
    for (size_t i = 0; i < r->n_prompts; i++) {
        free(r->prompts[i].tokens);
        free(r->prompts[i].text);
    }
    free(r->choices);
    free(r->prompts);
    cJSON_free(r->tools_json);
    writer_free(&r->out);
    writer_free(&r->head);
    api_request_free(&r->request);
    pthread_mutex_destroy(&r->mutex);
    host_release(r->api->host, r->model);
    free(r);
}

reply *reply_new(api *a, http_exchange *x, const reply_form *form, const host_model *m, api_request *request,
                 size_t n_prompts)
{
    reply *r = calloc(1, sizeof *r);
    reply_prompt *prompts = calloc(n_prompts, sizeof *prompts);
    if (!r || !prompts) {
        free(r);
        free(prompts);
        api_request_free(request);
        host_release(a->host, m);
        api_reply_bora(x, NULL, &(bora_error){ .code = BORA_MEMORY });
        return NULL;
    }
    r->api = a;
    r->x = x;
    r->form = form;
    r->model = m;
    r->request = *request;
    *request = (api_request){ 0 };
    r->prompts = prompts;
    r->n_prompts = n_prompts;
    r->created = (long long)time(NULL);
    atomic_init(&r->references, 1);
    pthread_mutex_init(&r->mutex, NULL);
    size_t len = strlen(form->id_prefix);
    memcpy(r->id, form->id_prefix, len + 1);
    api_random_id(r->id + len, 29);
    return r;
}

void reply_fail(reply *r, const api_error *e)
{
    api_reply_error(r->x, e);
    unref(r);
}

static void cancel_all(reply *r)
{
    for (size_t i = 0; i < r->n_choices; i++) {
        bora_job *job = atomic_load(&r->choices[i].job);
        if (job)
            bora_job_cancel(job);
    }
}

static void on_gone(void *ctx)
{
    reply *r = ctx;
    atomic_store(&r->gone, true);
    cancel_all(r);
}

/* ---- chunks */

static void put_head(reply *r)
{
    writer *w = &r->head;
    put_raw(w, "data: ", 6);
    put_open(w, NULL, '{');
    put_string(w, "id", r->id);
    put_string(w, "object", r->form->chunk_object);
    put_int(w, "created", r->created);
    put_string(w, "model", r->model->id);
    put_string(w, "system_fingerprint", r->model->fingerprint);
    put_open(w, "choices", '[');
}

void reply_chunk_begin(reply *r)
{
    writer_clear(&r->out);
    put_raw(&r->out, r->head.data, r->head.len);
    r->out.failed |= r->head.failed;
}

/* What could not be written whole is not sent: the stream ends with an error instead. */
static bool send_out(reply *r)
{
    if (r->out.failed)
        return api_fail_bora(&r->error, NULL, &(bora_error){ .code = BORA_MEMORY });
    return http_write(r->x, r->out.data, r->out.len);
}

bool reply_chunk_end(reply *r)
{
    put_close(&r->out, ']');
    if (r->request.include_usage)
        put_null(&r->out, "usage");
    put_close(&r->out, '}');
    put_raw(&r->out, "\n\n", 2);
    return send_out(r);
}

bool reply_keeps_text(const reply *r)
{
    return !r->request.stream || r->api->contents;
}

const char *reply_finish(const choice *c)
{
    return c->calls.n_calls > 0                        ? "tool_calls"
           : c->answer.finish == BORA_FINISH_STOP      ? "stop"
           : c->answer.finish == BORA_FINISH_CANCELLED ? "cancelled"
                                                       : "length";
}

/* ---- the end of it */

/* Of a prompt with several answers what was cached is that of the first: the others follow it. */
static void put_usage(reply *r, writer *w, int *n_prompt, int *n_generated)
{
    int64_t prompt = 0, cached = 0, generated = 0, thinking = 0, accepted = 0, drafted = 0;
    size_t each = r->n_choices / r->n_prompts;
    for (size_t i = 0; i < r->n_choices; i++) {
        const choice *c = &r->choices[i];
        if (i % each == 0) {
            prompt += r->prompts[c->prompt].n;
            cached += c->answer.n_cached;
        }
        generated += r->request.max_tokens < 0 ? 0 : c->answer.n_generated;
        thinking += c->n_thinking;
        accepted += c->answer.n_accepted;
        drafted += c->answer.n_drafted;
    }
    *n_prompt = (int)prompt;
    *n_generated = (int)generated;
    put_open(w, "usage", '{');
    put_int(w, "prompt_tokens", prompt);
    put_int(w, "completion_tokens", generated);
    put_int(w, "total_tokens", prompt + generated);
    put_open(w, "prompt_tokens_details", '{');
    put_int(w, "cached_tokens", cached);
    put_close(w, '}');
    put_open(w, "completion_tokens_details", '{');
    put_int(w, "reasoning_tokens", thinking);
    put_int(w, "accepted_prediction_tokens", accepted);
    put_int(w, "rejected_prediction_tokens", drafted - accepted);
    put_close(w, '}');
    put_close(w, '}');
}

static void put_answer(reply *r, writer *w, int *n_prompt, int *n_generated);

/* For those who want it kept; `answer` as it is given, which a stream does not have. */
static void log_contents(reply *r, const writer *answer)
{
    writer whole = { 0 };
    int n_prompt, n_generated;
    size_t len;
    if (!r->api->contents)
        return;
    if (!answer)
        put_answer(r, &whole, &n_prompt, &n_generated);
    const char *body = http_body(r->x, &len);
    const writer *w = answer ? answer : &whole;
    if (!w->failed)
        content_log_write(r->api->contents, http_id(r->x), body, len, w->data, w->len);
    writer_free(&whole);
}

static void end_stream(reply *r)
{
    int n_prompt, n_generated;
    writer usage = { 0 };
    put_usage(r, &usage, &n_prompt, &n_generated);
    http_note(r->x, r->model->id, n_prompt, n_generated);
    if (r->error.status == 0 && r->request.include_usage) {
        reply_chunk_begin(r);
        put_close(&r->out, ']');
        put_raw(&r->out, ",", 1);
        put_raw(&r->out, usage.data, usage.len);
        put_close(&r->out, '}');
        put_raw(&r->out, "\n\n", 2);
        r->out.failed |= usage.failed;
        send_out(r);
    }
    writer_free(&usage);
    if (r->error.status != 0) {
        writer_clear(&r->out);
        put_raw(&r->out, "event: error\ndata: {", 20);
        api_put_error(&r->out, "error", &r->error);
        put_raw(&r->out, "}\n\n", 3);
        if (!r->out.failed)
            http_write(r->x, r->out.data, r->out.len);
    } else {
        http_write(r->x, "data: [DONE]\n\n", 14);
        log_contents(r, NULL);
    }
    http_end(r->x);
}

/* Of the choices for each prompt, the n that are likeliest, token for token. */
static void choose_best(reply *r)
{
    size_t each = r->n_choices / r->n_prompts, n = (size_t)r->request.n;
    for (size_t p = 0; p < r->n_prompts; p++)
        for (size_t k = 0; k < n; k++) {
            choice *best = NULL;
            double most = 0;
            for (choice *c = &r->choices[p * each]; c < &r->choices[(p + 1) * each]; c++) {
                double mean = c->sum_logprob / (c->n_tokens ? c->n_tokens : 1);
                if (!c->chosen && (!best || mean > most)) {
                    best = c;
                    most = mean;
                }
            }
            if (best)
                best->chosen = true;
        }
}

/* The whole answer. */
static void put_answer(reply *r, writer *w, int *n_prompt, int *n_generated)
{
    int index = 0;
    choose_best(r);
    put_open(w, NULL, '{');
    put_string(w, "id", r->id);
    put_string(w, "object", r->form->object);
    put_int(w, "created", r->created);
    put_string(w, "model", r->model->id);
    put_string(w, "system_fingerprint", r->model->fingerprint);
    put_open(w, "choices", '[');
    for (size_t i = 0; i < r->n_choices; i++)
        if (r->choices[i].chosen)
            r->form->put_choice(w, &r->choices[i], index++);
    put_close(w, ']');
    put_usage(r, w, n_prompt, n_generated);
    put_close(w, '}');
}

static void end_whole(reply *r)
{
    int n_prompt, n_generated;
    writer w = { 0 };
    if (r->error.status != 0) {
        api_reply_error(r->x, &r->error);
        return;
    }
    put_answer(r, &w, &n_prompt, &n_generated);
    http_note(r->x, r->model->id, n_prompt, n_generated);
    log_contents(r, &w);
    api_reply_json(r->x, &w);
}

/* ---- callbacks, in the engine's thread */

/* Until the handler is done with its part. */
static void wait_for_handler(reply *r)
{
    if (!atomic_load(&r->handed_in)) {
        pthread_mutex_lock(&r->mutex);
        pthread_mutex_unlock(&r->mutex);
    }
}

static bool is_over(const reply *r)
{
    return r->error.status != 0 || atomic_load(&r->gone);
}

static void count_token(choice *c)
{
    const api *a = c->reply->api;
    double now = cli_seconds();
    const char *const *labels = METRIC_LABELS(c->reply->model->id);
    if (c->n_tokens++ == 0)
        metric_observe(a->count.first_token_s, now - http_begun_s(c->reply->x), labels);
    else
        metric_observe(a->count.between_tokens_s, now - c->last_s, labels);
    c->last_s = now;
}

static bool on_token(void *ctx, const bora_token *token)
{
    choice *c = ctx;
    reply *r = c->reply;
    wait_for_handler(r);
    if (is_over(r))
        return false;
    count_token(c);
    c->sum_logprob += (double)token->logprob;
    if (r->request.logprobs && r->request.max_tokens >= 0)
        r->form->token(c, token, false);
    return true;
}

static bool on_prompt_token(void *ctx, const bora_token *token)
{
    choice *c = ctx;
    wait_for_handler(c->reply);
    if (is_over(c->reply))
        return false;
    c->reply->form->token(c, token, true);
    return true;
}

static bool on_part(void *ctx, bool thinking, const char *text, size_t len)
{
    choice *c = ctx;
    wait_for_handler(c->reply);
    if (is_over(c->reply))
        return false;
    if (!thinking && !c->answered && c->thought)
        c->n_thinking = c->n_tokens - 1;
    c->thought |= thinking;
    c->answered |= !thinking;
    return len == 0 || c->reply->form->text(c, thinking, text, len);
}

static bool on_text(void *ctx, const char *text, size_t len)
{
    return on_part(ctx, false, text, len);
}

static void count_answer(const choice *c, const bora_error *failure)
{
    const reply *r = c->reply;
    const api_metrics *count = &r->api->count;
    const char *const *labels = METRIC_LABELS(r->model->id);
    const char *how = failure ? "error" : atomic_load(&r->gone) ? "cancelled" : reply_finish(c);
    metric_add(count->answers, 1, METRIC_LABELS(r->model->id, how));
    metric_add(count->prompt_tokens, c->answer.n_prompt, labels);
    metric_add(count->cached_tokens, c->answer.n_cached, labels);
    metric_add(count->generated_tokens, c->answer.n_generated, labels);
    metric_observe(count->queued_s, c->answer.queued_s, labels);
    metric_observe(count->answer_s, cli_seconds() - http_begun_s(r->x), labels);
}

static void on_end(void *ctx, const bora_answer *answer, const bora_error *failure)
{
    choice *c = ctx;
    reply *r = c->reply;
    wait_for_handler(r);
    c->answer = *answer;
    if (c->thought && !c->answered)
        c->n_thinking = c->n_tokens;
    if (failure && r->error.status == 0) {
        if (failure->code == BORA_INTERNAL && r->api->log)
            r->api->log(r->api->log_ctx, BORA_LOG_ERROR, failure->message);
        api_fail_bora(&r->error, NULL, failure);
        cancel_all(r);
    } else if (answer->finish == BORA_FINISH_CANCELLED && !is_over(r)) {
        api_fail_bora(&r->error, NULL, &(bora_error){ .code = BORA_CANCELLED });
    }
    if (!is_over(r))
        r->form->end(c);
    count_answer(c, failure);
    if (atomic_fetch_sub(&r->n_running, 1) == 1)
        r->request.stream && r->head.len > 0 ? end_stream(r) : end_whole(r);
    unref(r);
}

/* ---- handing in */

static bool submit(reply *r, choice *c, const bora_sampling *sampling, api_error *e)
{
    bora_error err = { .code = BORA_OK };
    const api_request *q = &r->request;
    const reply_prompt *p = &r->prompts[c->prompt];
    bool chat = q->kind == API_CHAT, all_for_nothing = q->max_tokens < 0;
    bora_request request = {
        .prompt = p->tokens,
        .n_prompt = p->n,
        .max_tokens = all_for_nothing ? 1 : q->max_tokens, /* one is the least, and is dropped */
        .sampling = *sampling,
        .stop = q->stop,
        .ignore_stop_tokens = q->ignore_eos,
        .keep_special = q->keep_special,
        .continues = !chat,
        .logprobs = q->logprobs || q->best_of > q->n,
        .n_top = q->n_top,
        .on_text = chat || all_for_nothing ? NULL : on_text,
        .on_part = chat ? on_part : NULL,
        .on_token = on_token,
        .on_prompt_token = q->echo && q->logprobs ? on_prompt_token : NULL,
        .ctx = c,
    };
    request.sampling.seed += (uint64_t)c->index;
    atomic_fetch_add(&r->references, 1);
    atomic_fetch_add(&r->n_running, 1);
    bora_job *job = bora_engine_submit(r->model->engine, &request, on_end, &err);
    atomic_store(&c->job, job);
    if (job)
        return true;
    atomic_fetch_sub(&r->references, 1);
    atomic_fetch_sub(&r->n_running, 1);
    return api_fail_bora(e, q->kind == API_CHAT ? "messages" : "prompt", &err);
}

/* What could never run, before a stream has begun. */
static bool check_fit(const reply *r, const bora_sampling *sampling, api_error *e)
{
    int32_t n_vocab = bora_model_n_vocab(r->model->model), context = bora_model_context_length(r->model->model);
    for (size_t i = 0; i < r->n_prompts; i++)
        if (r->prompts[i].n > context)
            return api_fail(e, 400, r->request.kind == API_CHAT ? "messages" : "prompt", "context_length_exceeded",
                            "the prompt has %d tokens, and this model's context holds %d", r->prompts[i].n, context);
    for (int32_t i = 0; i < sampling->n_logit_bias; i++)
        if (sampling->logit_bias[i].token >= n_vocab)
            return api_fail_param(e, "logit_bias", "logit_bias: %d is no token of this model, whose tokens are 0 to %d",
                                  sampling->logit_bias[i].token, n_vocab - 1);
    return true;
}

static bool submit_all(reply *r, size_t n_each, api_error *e)
{
    bora_error err = { .code = BORA_OK };
    bora_sampling defaults;
    if (!bora_sampling_from_settings(r->model->settings, r->model->model, &defaults, &err))
        return api_fail_bora(e, NULL, &err);
    bora_sampling sampling = api_request_sampling(&r->request, defaults);
    if (!bora_sampling_check(&sampling, &err))
        return api_fail_bora(e, NULL, &err);
    if (!check_fit(r, &sampling, e))
        return false;
    choice *choices = calloc(r->n_prompts * n_each, sizeof *choices);
    if (!choices)
        return api_fail_bora(e, NULL, &(bora_error){ .code = BORA_MEMORY });
    r->choices = choices;
    r->n_choices = r->n_prompts * n_each;
    for (size_t i = 0; i < r->n_choices; i++) {
        choice *c = &choices[i];
        c->reply = r;
        c->index = (int)i;
        c->prompt = i / n_each;
    }
    for (size_t i = 0; i < r->n_choices; i++)
        if (!submit(r, &choices[i], &sampling, e))
            return false;
    return true;
}

/* The first chunk of each choice. */
static void begin_stream(reply *r)
{
    http_set_header(r->x, "Cache-Control", "no-cache");
    http_set_header(r->x, "X-Accel-Buffering", "no"); /* or a proxy would collect it */
    http_begin(r->x, 200, "text/event-stream; charset=utf-8", ": keep-alive\n\n");
    put_head(r);
    for (size_t i = 0; i < r->n_choices; i++)
        r->form->begin(&r->choices[i]);
}

void reply_run(reply *r, size_t n_each)
{
    pthread_mutex_lock(&r->mutex);
    bool ok = submit_all(r, n_each, &r->error), any = atomic_load(&r->n_running) > 0;
    if (ok && r->request.stream)
        begin_stream(r);
    if (ok)
        http_on_gone(r->x, on_gone, r);
    else
        cancel_all(r);
    if (!any)
        api_reply_error(r->x, &r->error);
    atomic_store(&r->handed_in, true);
    pthread_mutex_unlock(&r->mutex);
    unref(r);
}
