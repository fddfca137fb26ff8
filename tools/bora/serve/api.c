/* What the handlers have in common: see api.h. */
#include "api.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "writer.h"

void api_random_id(char *out, size_t n)
{
    static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    unsigned char bytes[64] = { 0 };
    n = n < sizeof bytes ? n : sizeof bytes;
    ssize_t got = getrandom(bytes, n, 0); /* so few bytes come whole */
    for (size_t i = 0; i < n; i++)
        out[i] = letters[(got < 0 ? (size_t)rand() : bytes[i]) % (sizeof letters - 1)];
    out[n] = '\0';
}

static void log_unknown(const api *a, const http_exchange *x, const api_request *r)
{
    char line[256];
    if (!r->seen.unknown || !a->log)
        return;
    snprintf(line, sizeof line, "%s: the field \"%.60s\" is not known, and passed over", http_id(x), r->seen.unknown);
    a->log(a->log_ctx, BORA_LOG_DEBUG, line);
}

bool api_read(api *a, http_exchange *x, api_kind kind, api_request *r)
{
    size_t len;
    const char *body = http_body(x, &len);
    api_error e = { 0 };
    if (api_request_read(r, kind, body, len, &e)) {
        log_unknown(a, x, r);
        return true;
    }
    api_request_free(r);
    api_reply_error(x, &e);
    return false;
}

static void reply_no_model(http_exchange *x, const bora_error *err)
{
    api_error e = { 0 };
    if (err->code == BORA_NOT_FOUND)
        api_fail(&e, 404, "model", "model_not_found", "%s", err->message);
    else if (err->code == BORA_BUSY)
        api_fail(&e, 503, NULL, "model_busy", "%s", err->message);
    else if (err->code == BORA_MEMORY)
        api_fail(&e, 503, NULL, "out_of_memory", "%s", err->message);
    else
        api_fail(&e, 500, "model", "model_not_loaded", "%s", err->message);
    e.retry_after_s = e.status == 503 ? 5 : 0;
    api_reply_error(x, &e);
}

/* What goes on once there is a model. */
typedef struct rest {
    api *api;
    http_exchange *x;
    api_request request;
    api_then then;
} rest;

static void go_on(void *ctx, const host_model *m, const bora_error *err)
{
    rest *r = ctx;
    if (m) {
        r->then(r->api, r->x, m, &r->request);
    } else {
        reply_no_model(r->x, err);
        api_request_free(&r->request);
    }
    free(r);
}

void api_with_model(api *a, http_exchange *x, api_request *q, api_then then)
{
    rest *r = malloc(sizeof *r);
    if (!r) {
        api_request_free(q);
        api_reply_bora(x, NULL, &(bora_error){ .code = BORA_MEMORY });
        return;
    }
    *r = (rest){ .api = a, .x = x, .request = *q, .then = then };
    *q = (api_request){ 0 };
    host_get(a->host, r->request.model, go_on, r);
}

void api_reply_error(http_exchange *x, const api_error *e)
{
    if (e->retry_after_s > 0) {
        char seconds[16];
        snprintf(seconds, sizeof seconds, "%d", e->retry_after_s);
        http_set_header(x, "Retry-After", seconds);
    }
    http_reply_error(x, e->status, api_error_type(e), *e->param ? e->param : NULL, e->code, e->message);
}

void api_reply_bora(http_exchange *x, const char *param, const bora_error *err)
{
    api_error e = { 0 };
    api_fail_bora(&e, param, err);
    api_reply_error(x, &e);
}

void api_reply_json(http_exchange *x, writer *w)
{
    put_raw(w, "\n", 1);
    if (w->failed)
        api_reply_bora(x, NULL, &(bora_error){ .code = BORA_MEMORY });
    else
        http_reply(x, 200, "application/json", w->data, w->len);
    writer_free(w);
}

/* ---- prompts */

/* A template's errors begin with the place, "FILE:LINE: ": the line may be told, the file is the server's own affair.
 */
static const char *without_file(const char *message)
{
    for (const char *at = strchr(message, ':'); at; at = strchr(at + 1, ':')) {
        const char *end = at + 1;
        while (isdigit((unsigned char)*end))
            end++;
        if (end > at + 1 && end[0] == ':' && end[1] == ' ')
            return at + 1;
    }
    return strchr(message, '/') ? "it fails" : message;
}

static bool fail_render(const bora_error *err, api_error *e)
{
    switch (err->code) {
    case BORA_USAGE: /* what the template itself says */
        return api_fail_param(e, "messages", "%s", err->message);
    case BORA_NOT_FOUND:
        return api_fail(e, 400, "messages", "no_chat_template",
                        "this model has no chat template; /v1/completions completes text");
    case BORA_FORMAT:
    case BORA_UNSUPPORTED:
    case BORA_LIMIT:
        return api_fail_param(e, "messages", "the model's chat template cannot render these messages: line %s",
                              without_file(err->message));
    default:
        return api_fail_bora(e, "messages", err);
    }
}

char *api_render(const host_model *m, const api_request *r, api_error *e)
{
    char place[MESSAGES_PLACE_BYTES] = "messages", *prompt = NULL;
    bora_error err = { .code = BORA_OK };
    char *messages = messages_normalize(r->messages, m->style, place, &err);
    if (!messages) {
        api_fail_bora(e, place, &err);
        return NULL;
    }
    bool has_tools = r->tools && r->tool_choice != API_TOOLS_NONE;
    char *tools = has_tools ? cJSON_PrintUnformatted(r->tools) : NULL;
    char *variables = r->variables ? cJSON_PrintUnformatted(r->variables) : NULL;
    if ((has_tools && !tools) || (r->variables && !variables))
        api_fail_bora(e, NULL, &(bora_error){ .code = BORA_MEMORY });
    else if (!(prompt = bora_model_render(m->model,
                                          &(bora_conversation){ .messages = messages,
                                                                .tools = tools,
                                                                .variables = variables,
                                                                .add_generation_prompt = r->add_generation_prompt },
                                          &err)))
        fail_render(&err, e);
    cJSON_free(messages);
    cJSON_free(tools);
    cJSON_free(variables);
    return prompt;
}

const bora_tokenizer *api_tokenizer(const host_model *m, api_error *e)
{
    const bora_tokenizer *t = bora_model_tokenizer(m->model, NULL);
    if (!t)
        api_fail(e, 400, "model", "no_tokenizer", "the model \"%s\" has no tokenizer, and so no text", m->id);
    return t;
}

int32_t *api_encode(const host_model *m, const char *text, bool rendered, int32_t *n, api_error *e)
{
    int32_t *ids = NULL;
    size_t count = 0;
    bora_error err = { .code = BORA_OK };
    const char *param = rendered ? "messages" : "prompt";
    if (!api_tokenizer(m, e))
        return NULL;
    if (!bora_model_encode(m->model, text, strlen(text), rendered, &ids, &count, &err)) {
        api_fail_bora(e, param, &err);
        return NULL;
    }
    if (count == 0 || count > INT32_MAX) {
        api_fail_param(e, param, count ? "the prompt is too long" : "the prompt has no tokens");
        free(ids);
        return NULL;
    }
    *n = (int32_t)count;
    return ids;
}
