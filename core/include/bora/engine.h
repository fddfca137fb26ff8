/* The engine: prompts to tokens to text. */
#ifndef BORA_ENGINE_H
#define BORA_ENGINE_H

#include <bora/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One sequence with its cache. A session is for one thread at a time; a model may have any number of them, in any
 * threads, and outlives them all. */
typedef struct bora_session bora_session;

BORA_API bora_session *bora_session_new(bora_model *model, bora_error *err);
BORA_API void bora_session_free(bora_session *session);
/* Tokens whose state is in the cache. */
BORA_API int32_t bora_session_length(const bora_session *session);
/* Forgets all but the first `length` tokens. A model with a recurrent state cannot go back: if there is anything to
 * forget, everything is forgotten, and bora_session_length() is 0 afterwards. */
BORA_API bool bora_session_truncate(bora_session *session, int32_t length, bora_error *err);

/* Reads `n` tokens, `chunk` at a time (0: as the engine likes). `logits` is [n, n_vocab] with `all`, else [n_vocab] of
 * the last one, or NULL. BORA_LIMIT when they do not fit the context; nothing was read then. After an error the
 * session is as before; with a model that has a recurrent state it may also be empty: see bora_session_length(). */
BORA_API bool bora_session_eval(bora_session *session, const int32_t *tokens, int32_t n, int32_t chunk, bool all,
                                float *logits, bora_error *err);

/* One sequence's part in a step. */
typedef struct bora_turn {
    bora_session *session;
    const int32_t *tokens; /* [n_tokens], at least one */
    int32_t n_tokens;
    int32_t n_outputs;     /* logits are wanted after so many of its last tokens */
    int32_t prompt_tokens; /* the length that its prompt has when it is complete; 0: that which it has after these */
} bora_turn;

/* Reads tokens of several sessions of one model in one batch: each weight is read once for all of them, and each
 * sequence's numbers are what they would be without the others. A session takes part once. `logits` is [sum of
 * n_outputs, n_vocab] in the order of the turns, or NULL when none are wanted. Memory is taken for all the tokens at
 * once: that there are not too many is the caller's affair. Errors leave all sessions as they were, as with
 * bora_session_eval(). */
BORA_API bool bora_sessions_step(const bora_turn *turns, int32_t n_turns, float *logits, bora_error *err);

/* How the next token is chosen. Start from bora_sampling_defaults(). */
typedef struct bora_sampling {
    float temperature;        /* 0: the likeliest token, always */
    int32_t top_k;            /* 0: off */
    float top_p, min_p;       /* 1 and 0: off */
    float repetition_penalty; /* 1: off; divides positive logits of tokens seen, multiplies negative ones */
    float presence_penalty, frequency_penalty; /* 0: off; taken from the logits of tokens generated */
    int32_t repeat_last_n;                     /* tokens that the penalties look back on; 0: all */
    uint64_t seed;                             /* the same seed gives the same text */
} bora_sampling;

BORA_API bora_sampling bora_sampling_defaults(void);
/* Checks ranges: BORA_USAGE naming the value. */
BORA_API bool bora_sampling_check(const bora_sampling *sampling, bora_error *err);
/* The sampling part of settings, with the model's generation_config.json where a setting is not given. */
BORA_API bool bora_sampling_from_settings(const bora_settings *settings, const bora_model *model, bora_sampling *out,
                                          bora_error *err);

typedef enum bora_finish {
    BORA_FINISH_STOP,    /* the model ended its answer, or a stop string came */
    BORA_FINISH_LENGTH,  /* max_tokens */
    BORA_FINISH_CONTEXT, /* the context is full */
    BORA_FINISH_CANCELLED,
} bora_finish;

typedef struct bora_request {
    const int32_t *prompt; /* the whole of it: what the session has cached already is not read again */
    int32_t n_prompt;
    int32_t max_tokens; /* 0: until the context is full */
    bora_sampling sampling;
    const char *const *stop; /* strings, NULL-terminated or NULL; they are not part of the answer */
    bool ignore_stop_tokens;
    bool keep_special; /* special tokens are part of the text */
    bool continues;    /* the answer goes on with the prompt's text: a space between the two is part of it */
    /* Whole characters as they come, without those that may begin a stop string. False cancels. May be NULL. */
    bool (*on_text)(void *ctx, const char *text, size_t len);
    /* The same text told apart: what a model thinks before it answers, and the answer; without the tags between which
     * it thinks, and without white space around what it thinks. False cancels. May be NULL; if not, these tags, and the
     * marks of bora_model_tool_syntax(), are part of the text (also for on_text) even where they are special tokens. */
    bool (*on_part)(void *ctx, bool thinking, const char *text, size_t len);
    /* Each token with its probability in the model's own distribution. False cancels. May be NULL. */
    bool (*on_token)(void *ctx, int32_t token, float logprob);
    /* Asked before each step, and between the parts of a long prompt. False cancels. May be NULL. */
    bool (*keep_going)(void *ctx);
    void *ctx;
} bora_request;

typedef struct bora_answer {
    bora_finish finish;
    int32_t n_prompt, n_cached, n_generated; /* tokens */
    double prompt_s, generate_s;             /* seconds */
} bora_answer;

/* Generates. An error leaves the session usable. Prompts that do not fit the context: BORA_LIMIT, saying both lengths.
 */
BORA_API bool bora_generate(bora_session *session, const bora_request *request, bora_answer *answer, bora_error *err);

#ifdef __cplusplus
}
#endif
#endif
