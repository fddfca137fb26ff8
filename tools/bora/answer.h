/* One answer: a prompt is read, and what the model says goes to standard output as it comes. One-shot prompts and the
 * chat share this. */
#ifndef ANSWER_H
#define ANSWER_H

#include <signal.h>

#include <bora/engine.h>

#include "common.h"

typedef struct speaker {
    cli *cli;
    bora_model *model;
    bora_session *session;
    bora_drafter *drafter; /* or NULL */
    bora_sampling sampling;
    int32_t max_tokens;
    const char **stop;      /* NULL-terminated */
    bora_thinking thinking; /* as the options of these names */
    bool throughput;
    const volatile sig_atomic_t *interrupted; /* the answer ends when it is not zero; NULL: never */
} speaker;

/* A session and everything that the settings say about answers. */
bool speaker_init(speaker *s, cli *c, bora_model *model, const bora_settings *settings, bora_error *err);
/* The same for a speaker that has a session already. The stop strings stay with `settings`. */
bool speaker_set(speaker *s, const bora_settings *settings, bora_error *err);
void speaker_free(speaker *s);

typedef enum prompt_kind {
    PROMPT_RENDERED, /* by a chat template: the answer is a message, and ends its line */
    PROMPT_RAW,      /* as it stands: what is printed is its continuation to the byte, if not on a terminal */
} prompt_kind;

/* Generates an answer to `prompt`. The callbacks are those of `sink`. */
bool speaker_generate(speaker *s, const char *prompt, size_t len, prompt_kind kind, const bora_request *sink,
                      bora_answer *answer, bora_error *err);

/* The line that --throughput asks for. */
void print_throughput(const cli *c, const bora_answer *answer);

/* Answers `prompt`. On a terminal what the model thinks first is told apart, elsewhere all is printed as the model says
 * it. The text of the answer, without the thinking, goes to `*said` (malloc'd, NUL-terminated) unless that is NULL. An
 * answer that could not be printed is an error. */
bool speak(speaker *s, const char *prompt, size_t len, prompt_kind kind, bora_answer *answer, char **said,
           bora_error *err);

#endif
