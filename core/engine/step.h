/* A step of an engine: what the scheduler has planned goes through the model as one batch, and what comes out goes to
 * the jobs. */
#ifndef BORA_ENGINE_STEP_H
#define BORA_ENGINE_STEP_H

#include <bora/threads.h>

#include "engine/job.h"

/* Lists that are kept from step to step. Zero-initialise. */
typedef struct step_lists {
    int32_t *tokens, *output_rows;
    int32_t *first_logits; /* [n_turns]: the row of the logits with which each turn's begin */
    bora_sequence *sequences;
    float *logits;
    bora_threads *threads;       /* that choose tokens; the owner may set it, NULL: one does */
    sampler_scratch **scratches; /* [n_threads] */
    int32_t n_scratches;
    int32_t cap_tokens, cap_outputs, cap_first_logits, cap_sequences, cap_logits; /* logits: rows */
} step_lists;

/* Runs the plan and commits it. Jobs that end are marked, not removed; with an error of the model, those that took
 * part.
 */
void step_run(step_lists *lists, bora_model *model, scheduler *s, const sched_step *plan, double (*clock)(void));
void step_free(step_lists *lists);

#endif
