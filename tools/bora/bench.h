/* What `bora bench` measured, between the file that measures and the one that prints. */
#ifndef BENCH_H
#define BENCH_H

#include <bora/engine.h>
#include <bora/threads.h>

#include "commands.h"
#include "limits.h"

typedef struct bench_result {
    bool generates; /* else it reads a prompt */
    int32_t n_tokens, depth, batch;
    double *seconds;         /* [n_iterations], ascending */
    double median_s;         /* of all n_tokens */
    double median, min, max; /* tokens a second, of all sequences together */
    bora_cost cost;          /* of the prompt, or of the step in the middle of the generation */
    double limit;            /* tokens a second that the machine permits; 0: not known */
    bool memory_bound;       /* by the speed of its memory, else of its arithmetic */
} bench_result;

typedef struct bench {
    bora_model *model;
    bora_model_info info;
    char *processor;
    int n_threads, n_iterations, n_warmup;
    double load_s, resident_bytes;
    machine_limits limits; /* zero for a model that is not on the host */
    bench_result *results;
    size_t n_results;
} bench;

void bench_print_table(const bench *b);
void bench_print_json(const bench *b);

#endif
