/* What the handlers share, and what each answers. */
#ifndef SERVE_API_H
#define SERVE_API_H

#include "api_request.h"
#include "content_log.h"
#include "host.h"
#include "http.h"
#include "metrics.h"

typedef struct api_metrics {
    metric *answers;                                          /* by model and how they ended */
    metric *prompt_tokens, *cached_tokens, *generated_tokens; /* by model */
    metric *first_token_s, *between_tokens_s, *queued_s, *answer_s;
    metric *n_running, *n_waiting, *n_preempted, *n_steps, *n_drafted, *n_accepted; /* what the engines say */
    metric *n_blocks, *n_blocks_used, *n_blocks_kept, *loaded;
} api_metrics;

/* The context of the handlers. It outlives all requests. */
typedef struct api {
    host *host;
    metrics *metrics; /* NULL: there is no /metrics */
    api_metrics count;
    struct embedder *embedder;                                      /* see embeddings.c */
    content_log *contents;                                          /* NULL: what is said is not logged */
    void (*log)(void *ctx, bora_log_level level, const char *line); /* from any thread; or NULL */
    void *log_ctx;
} api;

/* The metrics of models, in `m`; those of the engines are asked for when a page is made. */
void api_metrics_init(api *a);

/* A route, and what documents say of it. */
typedef struct api_route {
    http_route http;
    const char *summary;
    bool has_body;
    api_kind kind; /* of the body */
    bool streams;
    const char *content_type; /* of the answer */
} api_route;

/* The last has a path of NULL. */
const api_route *api_routes(void);
/* The same as the server takes them: malloc'd; NULL when memory ran out. */
http_route *api_http_routes(void);

/* Starts and ends the thread behind embeddings; at the end no requests are under way. */
bool api_embedder_start(api *a, bora_error *err);
void api_embedder_stop(api *a);

/* ---- handlers, by file */

void handle_chat(http_exchange *x, void *ctx);
void handle_completion(http_exchange *x, void *ctx);
void handle_embedding(http_exchange *x, void *ctx);
void handle_tokenize(http_exchange *x, void *ctx);
void handle_detokenize(http_exchange *x, void *ctx);
void handle_models(http_exchange *x, void *ctx);
void handle_model(http_exchange *x, void *ctx);
void handle_model_unload(http_exchange *x, void *ctx);
void handle_model_reload(http_exchange *x, void *ctx);
void handle_model_status(http_exchange *x, void *ctx);
void handle_health(http_exchange *x, void *ctx);
void handle_ready(http_exchange *x, void *ctx);
void handle_metrics(http_exchange *x, void *ctx);
void handle_openapi(http_exchange *x, void *ctx);
void handle_docs(http_exchange *x, void *ctx);
void handle_root(http_exchange *x, void *ctx);

/* ---- what they have in common */

/* Reads the body of a request of that kind. False: an error was the answer. */
bool api_read(api *a, http_exchange *x, api_kind kind, api_request *r);
/* Goes on with the model that the request names, which may have to be loaded first: perhaps later, and in another
 * thread. `then` owns the model and the request (which is empty here afterwards). If there is no model, an error is the
 * answer. */
typedef void (*api_then)(api *a, http_exchange *x, const host_model *m, api_request *r);
void api_with_model(api *a, http_exchange *x, api_request *r, api_then then);
/* Ends the exchange with an error. */
void api_reply_error(http_exchange *x, const api_error *e);
/* Ends the exchange with an error of the core. */
void api_reply_bora(http_exchange *x, const char *param, const bora_error *err);
/* Ends the exchange with the text that was written. Frees it. */
struct writer;
void api_reply_json(http_exchange *x, struct writer *w);

/* The messages as the model's prompt, malloc'd. NULL with an error. */
char *api_render(const host_model *m, const api_request *r, api_error *e);
/* Its tokens, malloc'd, at least one. NULL with an error. */
int32_t *api_encode(const host_model *m, const char *text, bool rendered, int32_t *n, api_error *e);

/* The model's tokenizer; NULL with an error. */
const bora_tokenizer *api_tokenizer(const host_model *m, api_error *e);

/* Letters and digits that nobody can guess, in `out` [n + 1]. */
void api_random_id(char *out, size_t n);

#endif
