/* The subcommands, one file each. Every one returns whether it worked; what it printed is flushed by main(). */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "common.h"

bool command_run(cli *c, bora_error *err);
bool command_serve(cli *c, bora_error *err);
bool command_from_config(cli *c, bora_error *err);
bool command_inspect(cli *c, bora_error *err);
bool command_tokenize(cli *c, bora_error *err);
bool command_logits(cli *c, bora_error *err);
bool command_bench(cli *c, bora_error *err);
bool command_plugins(cli *c, bora_error *err);

/* What `run` and a launch file with command = "run" have in common. */
bool run_model(cli *c, bora_runtime *runtime, const bora_settings *settings, bora_error *err);
/* What `serve` and a launch file with command = "serve" have in common. */
typedef struct serve_what {
    const bora_settings *shared;        /* of the server */
    const bora_settings *const *models; /* [n_models] */
    size_t n_models;
} serve_what;

bool serve_models(cli *c, bora_runtime *runtime, const serve_what *what, bora_error *err);

#endif
