/* bora from-config: does what a launch file says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bora/model.h>

#include "commands.h"
#include "shipped.h"

/* The files that a model's settings name: those of --quantized-file, in the folder that --model-id names if it does.
 * NULL with an error. */
static bora_checkpoint *open_files(bora_runtime *runtime, const bora_settings *settings, bora_error *err)
{
    const char *folder = bora_settings_string(settings, "model-id");
    size_t n = bora_settings_count(settings, "quantized-file");
    if (n == 0)
        return bora_checkpoint_open(&folder, 1, bora_runtime_stored_quant, runtime, err);
    char **paths = calloc(n, sizeof *paths);
    bool ok = paths != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        const char *file = bora_settings_item(settings, "quantized-file", i);
        bool inside = folder && file[0] != '/';
        ok = asprintf(&paths[i], "%s%s%s", inside ? folder : "", inside ? "/" : "", file) >= 0;
        paths[i] = ok ? paths[i] : NULL;
    }
    bora_checkpoint *checkpoint = NULL;
    if (ok)
        checkpoint = bora_checkpoint_open((const char *const *)paths, n, bora_runtime_stored_quant, runtime, err);
    else
        bora_fail_memory(err, "paths");
    for (size_t i = 0; paths && i < n; i++)
        free(paths[i]);
    free(paths);
    return checkpoint;
}

/* Headers and vocabulary: whether the files of a model are there and whole, without reading its weights. */
static bool check_files(bora_runtime *runtime, const bora_settings *settings, bora_error *err)
{
    bora_checkpoint *checkpoint = open_files(runtime, settings, err);
    bora_tokenizer *tokenizer = checkpoint ? bora_model_load_tokenizer(runtime, settings, err) : NULL;
    bora_checkpoint_close(checkpoint);
    bora_tokenizer_free(tokenizer);
    return tokenizer != NULL;
}

/* The settings of one of its models, a copy with the place of the model that ships with bora. */
static bora_settings *model_settings(const bora_launch *launch, size_t i, bora_error *err)
{
    bora_settings *copy = bora_settings_copy(bora_launch_model(launch, i));
    if (!copy)
        bora_fail_memory(err, "settings");
    if (copy && shipped_resolve(copy, err))
        return copy;
    bora_settings_free(copy);
    return NULL;
}

static void free_settings(bora_settings **list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bora_settings_free(list[i]);
    free(list);
}

/* That a file is missing is better said at once than after the models before it are loaded. */
static bool check_and_serve(cli *c, bora_runtime *runtime, const bora_launch *launch, bora_error *err)
{
    size_t n = bora_launch_n_models(launch);
    bora_settings **models = calloc(n, sizeof *models);
    bool ok = models || bora_fail_memory(err, "settings");
    for (size_t i = 0; ok && i < n; i++)
        ok = (models[i] = model_settings(launch, i, err)) && check_files(runtime, models[i], err);
    if (ok)
        ok = serve_models(c, runtime,
                          &(serve_what){ .shared = bora_launch_shared(launch),
                                         .models = (const bora_settings *const *)models,
                                         .n_models = n },
                          err);
    free_settings(models, models ? n : 0);
    return ok;
}

static bool run(cli *c, bora_runtime *runtime, const bora_launch *launch, bora_error *err)
{
    bora_settings *settings = model_settings(launch, 0, err);
    bool ok = settings && run_model(c, runtime, settings, err);
    bora_settings_free(settings);
    return ok;
}

bool command_from_config(cli *c, bora_error *err)
{
    bora_launch *launch = bora_launch_load(bora_settings_string(c->settings, "file"), err);
    bora_runtime *runtime = launch ? cli_runtime(c, bora_launch_shared(launch), err) : NULL;
    bool ok = runtime != NULL;
    for (size_t i = 0; ok && i < bora_launch_n_models(launch); i++)
        cli_warnings(c, bora_launch_model(launch, i));
    if (ok)
        ok = strcmp(bora_launch_command(launch)->name, "run") == 0 ? run(c, runtime, launch, err)
                                                                   : check_and_serve(c, runtime, launch, err);
    bora_runtime_free(runtime);
    bora_launch_free(launch);
    return ok;
}
