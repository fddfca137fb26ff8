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

/* A number that is added to the logit of a token: -100, it never comes; 100, only such tokens come. */
typedef struct bora_logit_bias {
    int32_t token;
    float bias; /* -100 … 100 */
} bora_logit_bias;

/* How the next token is chosen. Start from bora_sampling_defaults(). What it points to is the caller's, and is read
 * until the call returns that it is handed to. */
typedef struct bora_sampling {
    float temperature;        /* 0: the likeliest token, always */
    int32_t top_k;            /* 0: off */
    float top_p, min_p;       /* 1 and 0: off */
    float repetition_penalty; /* 1: off; divides positive logits of tokens seen, multiplies negative ones */
    float presence_penalty, frequency_penalty; /* 0: off; taken from the logits of tokens generated */
    int32_t repeat_last_n;                     /* tokens that these penalties look back on; 0: all */
    /* DRY, "don't repeat yourself": a token that would go on with a repetition of the last n tokens loses
     * dry_multiplier * dry_base^(n - dry_allowed_length) of its logit, if n is at least dry_allowed_length. No
     * repetition reaches back beyond text that has one of the strings of dry_sequence_breakers (NULL-terminated; NULL:
     * new line, colon, double quote, asterisk). */
    float dry_multiplier; /* 0: off */
    float dry_base;
    int32_t dry_allowed_length;
    const char *const *dry_sequence_breakers;
    const bora_logit_bias *logit_bias; /* [n_logit_bias], tokens of the vocabulary */
    int32_t n_logit_bias;
    uint64_t seed; /* the same seed gives the same text */
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

/* A token and its probability in the model's own distribution, before penalties and temperature. */
typedef struct bora_logprob {
    int32_t token;
    float logprob; /* natural logarithm */
} bora_logprob;

/* A token of an answer. */
typedef struct bora_token {
    int32_t id;
    float logprob;           /* as above; 0 where the request asks for no logprobs */
    const bora_logprob *top; /* [n_top] the likeliest tokens in its place, likeliest first; valid during the call */
    int32_t n_top;
} bora_token;

enum { BORA_TOP_LOGPROBS_MAX = 100 };

typedef struct bora_request {
    const int32_t *prompt; /* the whole of it: what is cached already is not read again */
    int32_t n_prompt;
    int32_t max_tokens; /* 0: until the context is full */
    bora_sampling sampling;
    const char *const *stop; /* strings, NULL-terminated or NULL; they are not part of the answer */
    bool ignore_stop_tokens;
    bool keep_special; /* special tokens are part of the text */
    bool continues;    /* the answer goes on with the prompt's text: a space between the two is part of it */
    bool logprobs;     /* on_token and on_prompt_token are told probabilities */
    int32_t n_top;     /* and those of so many of the likeliest tokens, at most BORA_TOP_LOGPROBS_MAX */
    /* Whole characters as they come, without those that may begin a stop string. False cancels. May be NULL. */
    bool (*on_text)(void *ctx, const char *text, size_t len);
    /* The same text told apart: what a model thinks before it answers, and the answer; without the tags between which
     * it thinks, and without white space around what it thinks. False cancels. May be NULL; if not, these tags, and the
     * marks of bora_model_tool_syntax(), are part of the text (also for on_text) even where they are special tokens. */
    bool (*on_part)(void *ctx, bool thinking, const char *text, size_t len);
    /* Each token, before its text. False cancels. May be NULL. */
    bool (*on_token)(void *ctx, const bora_token *token);
    /* Asked before each step, and between the parts of a long prompt. False cancels. May be NULL. An engine does not
     * ask: see bora_job_cancel(). */
    bool (*keep_going)(void *ctx);
    /* Of an engine's requests alone, both NULL for bora_generate().
     * Each token of the prompt, the first with a logprob of 0 and no others beside it: the whole prompt is read,
     * whatever is cached. False cancels. */
    bool (*on_prompt_token)(void *ctx, const bora_token *token);
    /* If not NULL, nothing is generated: the mean of the hidden states behind the model's last norm over the tokens of
     * the prompt, [width], not normalized. */
    void (*on_embedding)(void *ctx, const float *values, int32_t width);
    void *ctx;
} bora_request;

typedef struct bora_answer {
    bora_finish finish;
    int32_t n_prompt, n_cached, n_generated; /* tokens */
    int32_t n_drafted, n_accepted;           /* tokens guessed ahead, and those of them that were right */
    double prompt_s, generate_s;             /* seconds: until the first token, and from there on */
    double queued_s;                         /* of prompt_s: until the engine began with it */
} bora_answer;

/* Guesses tokens ahead, by a smaller model or by what was said before, so that several are computed in one step. What
 * is generated is the same to the bit, and the sooner the more guesses are right. For one thread at a time. */
typedef struct bora_drafter bora_drafter;

/* The drafter that the settings ask for (draft-model, draft-file, prompt-lookup, gamma): *drafter is NULL when they ask
 * for none, and for a model with a recurrent state, which cannot go back behind a wrong guess (the listener is told).
 * The model outlives it. Errors: those of bora_model_load() for the draft model; BORA_USAGE when its vocabulary is
 * another; BORA_UNSUPPORTED when it has a recurrent state. */
BORA_API bool bora_drafter_open(bora_model *model, const bora_settings *settings, bora_drafter **drafter,
                                bora_error *err);
BORA_API void bora_drafter_free(bora_drafter *drafter);
/* Answers in this session use it from now on (NULL: none); it outlives them. */
BORA_API void bora_session_set_drafter(bora_session *session, bora_drafter *drafter);

/* Generates. An error leaves the session usable. Prompts that do not fit the context: BORA_LIMIT, saying both lengths.
 */
BORA_API bool bora_generate(bora_session *session, const bora_request *request, bora_answer *answer, bora_error *err);

/* An engine: a thread that runs the requests of many, together, on one model. Every step carries one token of each
 * answer that is being written, and parts of the prompts that wait. What a request gets is, to the bit, what it would
 * get alone. */
typedef struct bora_engine bora_engine;
/* A request in an engine. */
typedef struct bora_job bora_job;

/* Starts the engine of a model, which outlives it. The settings say max-seqs, max-queue, max-num-batched-tokens,
 * prefix-cache-n and what there is of memory. */
BORA_API bora_engine *bora_engine_start(bora_model *model, const bora_settings *settings, bora_error *err);
/* Cancels all that is not finished, waits for it, and ends the thread. */
BORA_API void bora_engine_stop(bora_engine *engine);

/* Hands in a request, from any thread. What it points to is copied (ctx is the caller's). Its callbacks are called in
 * the engine's thread; they must not block, and of the engine they may call bora_job_cancel() and bora_job_release()
 * alone. `on_end` is called once, after all others, with the answer, and with an error if it ended by one, else NULL.
 *
 * Errors at once, and then nothing is called: BORA_USAGE and BORA_LIMIT for a request that can never run (a prompt that
 * does not fit); BORA_BUSY when as many requests wait as may. What was taken is not failed for want of room.
 *
 * The job is a reference for bora_job_cancel(), given back by bora_job_release(), any time. */
BORA_API bora_job *bora_engine_submit(bora_engine *engine, const bora_request *request,
                                      void (*on_end)(void *ctx, const bora_answer *answer, const bora_error *failure),
                                      bora_error *err);
/* Asks it to end, from any thread: it does within one step, with BORA_FINISH_CANCELLED. */
BORA_API void bora_job_cancel(bora_job *job);
BORA_API void bora_job_release(bora_job *job);

/* What an engine is doing, and has done since it started. */
typedef struct bora_engine_stats {
    int32_t n_waiting, n_running;    /* requests */
    int64_t n_finished, n_preempted; /* requests; how often one was set back to the queue for want of memory */
    int64_t n_prompt, n_cached;      /* tokens of prompts, and those of them that were cached */
    int64_t n_generated;             /* tokens */
    int64_t n_drafted, n_accepted;   /* tokens */
    int64_t n_steps;
    int32_t block_tokens;                           /* the cache's unit */
    int32_t n_blocks, n_blocks_used, n_blocks_kept; /* all there may be; in use; kept for prompts to come */
} bora_engine_stats;

BORA_API void bora_engine_stats_get(bora_engine *engine, bora_engine_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
