/* From settings to a checkpoint, its architecture and its configs. */
#include "model/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bora/model.h>

#include "arch/declared.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"

enum { CONFIG_LIMIT_BYTES = 64 << 20 };

const bora_tensor_info *source_weight(void *ctx, const char *name)
{
    const model_source *s = ctx;
    char stored[512];
    return source_stored_name(s, name, stored, sizeof stored) ? bora_checkpoint_find(s->checkpoint, stored) : NULL;
}

bool source_stored_name(const model_source *s, const char *name, char *out, size_t size)
{
    if (s->is_gguf)
        return gguf_weight_name(s->arch, name, out, size);
    int n = snprintf(out, size, "%s", name);
    return n >= 0 && (size_t)n < size;
}

/* "dir/name" in the arena when it is there, else NULL. */
static const char *beside(model_source *s, const char *dir, const char *name)
{
    char *path = dir ? arena_printf(&s->arena, "%s/%s", dir, name) : NULL;
    return path && file_exists(path) && !file_is_dir(path) ? path : NULL;
}

/* The JSON object in dir/name; *out stays NULL when there is no such file. */
static bool load_config(model_source *s, const char *name, cJSON **out, bora_error *err)
{
    const char *path = beside(s, s->dir, name);
    if (!path)
        return true;
    *out = json_load(path, CONFIG_LIMIT_BYTES, err);
    if (*out && !cJSON_IsObject(*out))
        return bora_fail(err, BORA_FORMAT, "%s: is not a JSON object", path);
    return *out != NULL;
}

/* ---- which architecture ---- */

static bool lists(const char *const *list, const char *name)
{
    for (; list && *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

static const bora_arch *find_gguf_arch(const bora_runtime *rt, const model_source *s, const char *gguf_arch)
{
    const bora_arch *plain = NULL;
    REGISTRY_EACH(rt, archs, bora_arch, a)
    {
        if (!lists(a->gguf_architectures, gguf_arch))
            continue;
        if (!a->gguf_needs)
            plain = plain ? plain : a;
        else if (gguf_meta(s->checkpoint, a->gguf_needs, gguf_arch))
            return a;
    }
    return plain;
}

/* config.json: any of `architectures`, in their order, else its model_type. */
static const bora_arch *find_arch(const bora_runtime *rt, const model_source *s, const char *gguf_arch)
{
    if (gguf_arch)
        return find_gguf_arch(rt, s, gguf_arch);
    const cJSON *named;
    cJSON_ArrayForEach(named, json_get(s->params, "architectures")) {
        REGISTRY_EACH(rt, archs, bora_arch, a)
        if (cJSON_IsString(named) && lists(a->architectures, named->valuestring))
            return a;
    }
    const char *model_type = json_string(s->params, "model_type", NULL);
    REGISTRY_EACH(rt, archs, bora_arch, a)
    if (model_type && lists(a->model_types, model_type))
        return a;
    return NULL;
}

/* What was looked for, what there is, and how to add it. `named` may be NULL. */
static bool unknown_arch(const bora_runtime *rt, const model_source *s, const char *named, bora_error *err)
{
    buf what = { 0 }, known = { 0 };
    if (named)
        buf_printf(&what, "no plugin offers the architecture \"%.100s\"", named);
    else
        buf_puts(&what, "its config.json names no architecture");
    REGISTRY_EACH(rt, archs, bora_arch, a)
    buf_printf(&known, "%s%s", known.len ? ", " : "", a->name);
    bora_fail(err, BORA_UNSUPPORTED,
              "%s: %s; declare it in a file for --arch FILE.toml (docs/architectures.md), or choose by --arch NAME "
              "(there are: %s)",
              s->name, buf_text(&what), known.len ? buf_text(&known) : "none");
    buf_free(&what);
    buf_free(&known);
    return false;
}

/* --arch may name a file that declares an architecture. */
static bool is_arch_file(const char *wanted)
{
    size_t n = strlen(wanted);
    return strchr(wanted, '/') || (n > 5 && strcmp(wanted + n - 5, ".toml") == 0);
}

static bool choose_arch(model_source *s, const bora_runtime *rt, const char *wanted, const char *gguf_arch,
                        bora_error *err)
{
    if (wanted && is_arch_file(wanted)) {
        s->own_arch = declared_open(wanted, err);
        s->arch = s->own_arch ? &s->own_arch->arch : NULL;
        return s->arch ? true : bora_error_prefix(err, "--arch");
    }
    s->arch = wanted ? bora_runtime_arch(rt, wanted) : find_arch(rt, s, gguf_arch);
    if (s->arch)
        return true;
    const cJSON *first = cJSON_GetArrayItem(json_get(s->params, "architectures"), 0);
    const char *named = cJSON_IsString(first) ? first->valuestring : json_string(s->params, "model_type", NULL);
    return unknown_arch(rt, s, wanted ? wanted : gguf_arch ? gguf_arch : named, err);
}

/* ---- which files ---- */

/* The files of a GGUF: what --quantized-file lists, in the folder of --model-id when there is one. */
static bool open_files(model_source *s, bora_runtime *rt, const bora_settings *settings, bora_error *err)
{
    const char *model_id = bora_settings_string(settings, "model-id");
    size_t n = bora_settings_count(settings, "quantized-file");
    if (n == 0 && !model_id)
        return bora_fail(err, BORA_USAGE, "no model was named: say -m FOLDER or -f FILE");
    if (model_id && !file_exists(model_id))
        return bora_fail(err, BORA_NOT_FOUND,
                         "%s: there is no such folder or file (models are not downloaded in this version)", model_id);
    const char **paths = arena_array(&s->arena, n + 1, sizeof *paths);
    if (!paths)
        return bora_fail_memory(err, "a list of files");
    for (size_t i = 0; i < n; i++) {
        const char *file = bora_settings_item(settings, "quantized-file", i);
        const char *in_folder = model_id && file[0] != '/' ? beside(s, model_id, file) : NULL;
        paths[i] = in_folder ? in_folder : file;
    }
    if (n == 0)
        paths[n++] = model_id;
    s->name = arena_strdup(&s->arena, model_id ? model_id : paths[0]);
    if (file_is_dir(s->name)) {
        s->dir = s->name;
    } else {
        char *dir = path_dir(paths[0]);
        s->dir = dir ? arena_strdup(&s->arena, dir) : NULL;
        free(dir);
    }
    if (!s->name || !s->dir)
        return bora_fail_memory(err, "a path");
    s->checkpoint = bora_checkpoint_open(paths, n, bora_runtime_stored_quant, rt, err);
    return s->checkpoint != NULL;
}

bool source_open(model_source *s, bora_runtime *rt, const bora_settings *settings, bora_error *err)
{
    *s = (model_source){ 0 };
    if (!open_files(s, rt, settings, err))
        goto fail;
    const char *wanted = bora_settings_string(settings, "arch");
    s->is_gguf = strcmp(bora_checkpoint_container(s->checkpoint), "gguf") == 0;
    if (s->is_gguf) {
        const bora_meta *meta = bora_checkpoint_meta(s->checkpoint, "general.architecture");
        if (!meta || meta->type != BORA_META_STRING || strlen(meta->text.data) > 64) {
            bora_fail(err, BORA_FORMAT, "%s: the metadata has no general.architecture", s->name);
            goto fail;
        }
        s->params_name = s->name;
        if (!choose_arch(s, rt, wanted, meta->text.data, err) ||
            !(s->params = gguf_params(s->checkpoint, s->arch, meta->text.data, err)))
            goto fail;
        s->dir = NULL; /* a GGUF file stands for itself; what lies beside it is somebody else's */
        return true;
    }
    s->params_name = arena_printf(&s->arena, "%s/config.json", s->dir);
    if (!s->params_name) {
        bora_fail_memory(err, "a path");
        goto fail;
    }
    if (!load_config(s, "config.json", &s->params, err))
        goto fail;
    if (!s->params) {
        bora_fail(err, BORA_NOT_FOUND, "%s: there is no such file; a safetensors model needs it", s->params_name);
        goto fail;
    }
    if (!choose_arch(s, rt, wanted, NULL, err) || !load_config(s, "generation_config.json", &s->generation, err) ||
        !load_config(s, "tokenizer_config.json", &s->tokenizer_config, err))
        goto fail;
    return true;
fail:
    source_close(s);
    return false;
}

void source_close(model_source *s)
{
    cJSON_Delete(s->params);
    cJSON_Delete(s->generation);
    cJSON_Delete(s->tokenizer_config);
    bora_checkpoint_close(s->checkpoint);
    declared_close(s->own_arch);
    arena_free(&s->arena);
    *s = (model_source){ 0 };
}

bora_tokenizer *source_tokenizer(const model_source *s, const bora_settings *settings, bora_error *err)
{
    const char *chosen = bora_settings_string(settings, "tokenizer");
    const char *folder = bora_settings_string(settings, "tok-model-id");
    if (chosen)
        return bora_tokenizer_load(chosen, err);
    if (!folder && s->is_gguf)
        return bora_tokenizer_from_checkpoint(s->checkpoint, err);
    char *path = path_join(folder ? folder : s->dir, "tokenizer.json");
    if (!path) {
        bora_fail_memory(err, "a path");
        return NULL;
    }
    bora_tokenizer *t = bora_tokenizer_load(path, err);
    free(path);
    return t;
}

bora_tokenizer *bora_model_load_tokenizer(bora_runtime *rt, const bora_settings *settings, bora_error *err)
{
    const char *model_id = bora_settings_string(settings, "model-id");
    model_source s = { 0 };
    bora_tokenizer *t = NULL;
    /* A folder's tokenizer.json needs neither weights nor an architecture; a GGUF file's vocabulary needs no more than
     * its metadata. */
    if (bora_settings_string(settings, "tokenizer") || bora_settings_string(settings, "tok-model-id")) {
        t = source_tokenizer(&s, settings, err);
    } else if (model_id && bora_settings_count(settings, "quantized-file") == 0 &&
               beside(&s, model_id, "tokenizer.json")) {
        s.dir = model_id;
        t = source_tokenizer(&s, settings, err);
    } else if (open_files(&s, rt, settings, err)) {
        s.is_gguf = strcmp(bora_checkpoint_container(s.checkpoint), "gguf") == 0;
        t = source_tokenizer(&s, settings, err);
    }
    source_close(&s);
    return t;
}
