/* The table of routes. From it the server takes what it serves, and the documents what they describe. */
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "metrics.h"

static const char json[] = "application/json";

/* An entry is a few lines that are read as one. */
/* clang-format off */
static const api_route routes[] = {
    { { "POST", "/v1/chat/completions", .limited = true, .handle = handle_chat }, "The next message of a conversation",
      .has_body = true, .kind = API_CHAT, .streams = true, .content_type = json },
    { { "POST", "/v1/completions", .limited = true, .handle = handle_completion }, "What follows a text",
      .has_body = true, .kind = API_COMPLETION, .streams = true, .content_type = json },
    { { "POST", "/v1/embeddings", .limited = true, .handle = handle_embedding }, "A vector for each text",
      .has_body = true, .kind = API_EMBEDDING, .content_type = json },
    { { "POST", "/v1/tokenize", .handle = handle_tokenize }, "The tokens of a text or of a conversation",
      .has_body = true, .kind = API_TOKENIZE, .content_type = json },
    { { "POST", "/v1/detokenize", .handle = handle_detokenize }, "The text of tokens",
      .has_body = true, .kind = API_DETOKENIZE, .content_type = json },
    { { "GET", "/v1/models", .handle = handle_models }, "The models that there are", .content_type = json },
    { { "POST", "/v1/models/unload", .handle = handle_model_unload },
      "Frees a model's memory once nobody uses it; the next request loads it again",
      .has_body = true, .kind = API_MODEL, .content_type = json },
    { { "POST", "/v1/models/reload", .handle = handle_model_reload }, "Loads a model that is not loaded",
      .has_body = true, .kind = API_MODEL, .content_type = json },
    { { "POST", "/v1/models/status", .handle = handle_model_status }, "Whether a model is loaded",
      .has_body = true, .kind = API_MODEL, .content_type = json },
    { { "GET", "/v1/models/{id...}", .handle = handle_model }, "One model", .content_type = json },
    { { "GET", "/health", .open = true, .handle = handle_health }, "Whether the server answers", .content_type = json },
    { { "GET", "/ready", .open = true, .handle = handle_ready }, "Whether its models are loaded: 503 until they are",
      .content_type = json },
    { { "GET", "/metrics", .handle = handle_metrics }, "What the server counts, for Prometheus",
      .content_type = METRICS_CONTENT_TYPE },
    { { "GET", "/openapi.json", .open = true, .handle = handle_openapi }, "This description, for programs",
      .content_type = json },
    { { "GET", "/docs", .open = true, .handle = handle_docs }, "This description, for people",
      .content_type = "text/html; charset=utf-8" },
    { { "GET", "/", .open = true, .handle = handle_root }, "What this is", .content_type = "text/plain; charset=utf-8" },
    { .http = { .path = NULL } },
};
/* clang-format on */

enum { N_ROUTES = sizeof routes / sizeof *routes };

const api_route *api_routes(void)
{
    return routes;
}

http_route *api_http_routes(void)
{
    http_route *list = calloc(N_ROUTES, sizeof *list);
    for (size_t i = 0; list && i < N_ROUTES; i++)
        list[i] = routes[i].http;
    return list;
}
