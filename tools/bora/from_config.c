/* bora from-config: does what a launch file says. */
#include <stdlib.h>
#include <string.h>

#include <bora/model.h>

#include "commands.h"

/* `run` talks to one model: the first, as the file's order says. */
static bool run_first(cli *c, bora_runtime *runtime, const bora_launch *launch, bora_error *err)
{
    const bora_settings *first = bora_launch_model(launch, 0);
    if (bora_launch_n_models(launch) > 1)
        cli_log(c, BORA_LOG_WARN, "%s: `run` takes the first of its %zu models",
                bora_settings_string(c->settings, "file"), bora_launch_n_models(launch));
    return run_model(c, runtime, first, err);
}

/* Headers and vocabulary: whether the files of a model are there and whole, without reading its weights. */
static bool check_files(bora_runtime *runtime, const bora_settings *settings, bora_error *err)
{
    bora_tokenizer *tokenizer = bora_model_load_tokenizer(runtime, settings, err);
    bora_tokenizer_free(tokenizer);
    return tokenizer != NULL;
}

static bool check_and_serve(bora_runtime *runtime, const bora_launch *launch, bora_error *err)
{
    for (size_t i = 0; i < bora_launch_n_models(launch); i++)
        if (!check_files(runtime, bora_launch_model(launch, i), err))
            return false;
    return serve_models(err);
}

bool command_from_config(cli *c, bora_error *err)
{
    bora_launch *launch = bora_launch_load(bora_settings_string(c->settings, "file"), err);
    bora_runtime *runtime = launch ? cli_runtime(c, bora_launch_shared(launch), err) : NULL;
    bool ok = runtime != NULL;
    for (size_t i = 0; ok && i < bora_launch_n_models(launch); i++)
        cli_warnings(c, bora_launch_model(launch, i));
    if (ok)
        ok = strcmp(bora_launch_command(launch)->name, "run") == 0 ? run_first(c, runtime, launch, err)
                                                                   : check_and_serve(runtime, launch, err);
    bora_runtime_free(runtime);
    bora_launch_free(launch);
    return ok;
}
