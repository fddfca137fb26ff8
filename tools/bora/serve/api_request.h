/* Requests: a client's JSON, read by the tables of fields.
 *
 * A request is looked at whole before anything is done: what comes out of here is well formed, and what a model cannot
 * do with it is found later. */
#ifndef SERVE_API_REQUEST_H
#define SERVE_API_REQUEST_H

#include <bora/engine.h>

#include "fields.h"

typedef enum api_kind {
    API_CHAT,
    API_COMPLETION,
    API_EMBEDDING,
    API_TOKENIZE,
    API_DETOKENIZE,
    API_MODEL, /* what is to be done with a model */
    API_N_KINDS,
} api_kind;

enum {
    API_CHOICES_MAX = 128, /* n, best_of, and prompts in a request, multiplied */
    API_STOPS_MAX = 16,
    API_STOP_BYTES_MAX = 1000,
    API_BIASES_MAX = 1024,
    API_INPUTS_MAX = 2048, /* texts to embed in a request */
};

typedef enum api_tool_choice { API_TOOLS_AUTO, API_TOOLS_NONE } api_tool_choice;

typedef struct api_request {
    api_kind kind;
    cJSON *json;      /* all of it; what follows points into it */
    fields_seen seen; /* what was given */
    const char *model;

    bool stream, include_usage;
    int32_t max_tokens; /* 0: until the context is full; -1: none at all */
    int32_t n, best_of;
    bora_sampling sampling;      /* what was given of it: see api_request_sampling() */
    bora_logit_bias *logit_bias; /* what `sampling` points to */
    const char **breakers;       /* likewise */
    const char **stop;           /* NULL-terminated */
    bool logprobs;
    int32_t n_top; /* of the likeliest tokens */
    bool ignore_eos, keep_special;

    const cJSON *messages;
    const cJSON *tools;
    api_tool_choice tool_choice;
    bool one_call;    /* parallel_tool_calls: false */
    cJSON *variables; /* of the chat template; belongs to the request */
    bool add_generation_prompt;

    const cJSON *prompt; /* a text, token ids, or an array of one of them */
    bool echo;

    const cJSON *input; /* likewise */
    bool base64;
    int32_t dimensions; /* 0: all */

    bool add_special_tokens, return_token_strs;
    const cJSON *tokens;
    const char *model_id;
} api_request;

/* Reads the body of a request. False with an error; there is still api_request_free() to call. */
bool api_request_read(api_request *r, api_kind kind, const char *body, size_t len, api_error *e);
void api_request_free(api_request *r);

/* The defaults, and over them what the request says. */
bora_sampling api_request_sampling(const api_request *r, bora_sampling defaults);

/* The tables, for whoever describes them. */
const field_set *api_fields(api_kind kind);
const char *api_kind_name(api_kind kind); /* "ChatCompletionRequest" */

/* A prompt or an input: how many there are (0: it is none), and the i-th: either a text, or token ids. */
typedef struct api_input {
    const char *text;
    const cJSON *ids; /* an array of integers */
} api_input;

size_t api_n_inputs(const cJSON *value);
api_input api_input_at(const cJSON *value, size_t i);
/* The ids of an array as numbers below `n_vocab`, malloc'd. */
int32_t *api_ids(const cJSON *ids, int32_t n_vocab, const char *param, size_t *n, api_error *e);

#endif
