/* Replies: a request's answers on their way from the engine to the client, one or several, whole or as they come.
 *
 * A reply is made by a handler, which hands in a job for each choice. From then on it lives in the engine's callbacks;
 * the last of its jobs ends it. What an answer looks like is a form: of chat, of completions. */
#ifndef SERVE_REPLY_H
#define SERVE_REPLY_H

#include <pthread.h>
#include <stdatomic.h>

#include "api.h"
#include "writer.h"

typedef struct reply reply;

/* Tokens and their probabilities, written: see logprobs.h. */
typedef struct logprob_list {
    writer entries;                            /* chat */
    writer tokens, values, tops, text_offsets; /* completions */
    int64_t offset;                            /* characters before the next token */
} logprob_list;

typedef struct choice {
    reply *reply;
    int index;     /* among all choices */
    size_t prompt; /* which of the prompts it answers */
    _Atomic(bora_job *) job;
    bora_answer answer;
    const char *finish; /* once it has ended */
    bool chosen;        /* it is part of the answer; false for those that others were better than */

    writer text, thinking; /* what came and is not given out yet (whole answers: all of it) */
    size_t n_sent;         /* bytes of `text` that were given out: in streams that look for calls */
    bool echoed;           /* the prompt was given back */
    bora_tool_calls calls;
    logprob_list logprobs;

    int32_t n_tokens, n_thinking; /* generated; of these before the answer began */
    bool thought, answered;       /* some of either came */
    double last_s;                /* when the last token came */
    double sum_logprob;
} choice;

typedef struct reply_prompt {
    int32_t *tokens;
    int32_t n;
    char *text; /* or NULL */
} reply_prompt;

typedef struct reply_form {
    const char *id_prefix, *object, *chunk_object;
    /* All are called in the engine's thread. */
    void (*begin)(choice *c);                                             /* of a stream */
    void (*token)(choice *c, const bora_token *token, bool of_prompt);    /* where probabilities are wanted */
    bool (*text)(choice *c, bool thinking, const char *text, size_t len); /* false: nobody reads it */
    void (*end)(choice *c);                                               /* what is left of it */
    void (*put_choice)(writer *w, choice *c, int index);                  /* into a whole answer */
} reply_form;

struct reply {
    api *api;
    http_exchange *x;
    const reply_form *form;
    const host_model *model;
    api_request request; /* all of these are the reply's */
    reply_prompt *prompts;
    size_t n_prompts;
    const bora_tool_syntax *tools; /* calls are looked for; NULL: they are not */
    char *tools_json;

    char id[48];
    long long created;
    choice *choices;
    size_t n_choices;

    pthread_mutex_t mutex; /* held until all jobs are handed in: callbacks wait for it */
    atomic_bool handed_in, gone;
    atomic_int references; /* the handler's, and one for each job */
    atomic_int n_running;  /* jobs */
    api_error error;       /* of the callbacks, once they run */
    writer out;            /* a chunk */
    writer head;           /* how each chunk begins */
};

/* Takes over the request (which is empty afterwards) and the model. NULL: an error was the answer, and both are given
 * back. */
reply *reply_new(api *a, http_exchange *x, const reply_form *form, const host_model *m, api_request *r,
                 size_t n_prompts);
/* Hands in the jobs: `n_each` for each prompt. The reply is not to be touched afterwards. */
void reply_run(reply *r, size_t n_each);
/* Instead: gives the error as the answer. */
void reply_fail(reply *r, const api_error *e);

/* ---- for forms */

/* A chunk: what stands between these two is one item of "choices". */
void reply_chunk_begin(reply *r);
bool reply_chunk_end(reply *r);
/* Whether the text of a choice is kept: it is no stream, or it is logged. */
bool reply_keeps_text(const reply *r);
/* How it ended, as clients name it. */
const char *reply_finish(const choice *c);

#endif
