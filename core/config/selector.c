/* Selector files: the older TOML form that names one model, `[model] kind = "…"` with the keys of that kind.
 *
 * The keys are in the table of options as "kind:key". A selector ends as the settings that `bora run -m …` or
 * `bora run -f …` would have made. */
#include "config/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/nearest.h"

enum { FILE_BYTES_MAX = 1 << 20, KEY_BYTES = 96, CANDIDATES_MAX = 2 * OPTIONS_MAX };

/* The kinds, and to which family of keys each belongs. Only the first two can be run. */
static const struct kind {
    const char *name, *family;
    bool ready;
} kinds[] = {
    { "plain", "plain", true },
    { "gguf", "gguf", true },
    { "ggml", "ggml", false },
    { "lora", "lora", false },
    { "x-lora", "xlora", false },
    { "xlora", "xlora", false },
    { "lora-gguf", "lora", false },
    { "x-lora-gguf", "xlora", false },
    { "lora-ggml", "lora", false },
    { "x-lora-ggml", "xlora", false },
    { "legacy_lora_gguf", "lora", false },
    { "xlora_gguf", "xlora", false },
    { "legacy_lora_ggml", "lora", false },
    { "xlora_ggml", "xlora", false },
    { "vision-plain", "multimodal", false },
    { "multimodal", "multimodal", false },
    { "diffusion-plain", "diffusion", false },
    { "diffusion", "diffusion", false },
    { "speech", "speech", false },
    { "embedding", "embedding", false },
};

enum { N_KINDS = sizeof kinds / sizeof *kinds };

typedef struct reader {
    arena memory;
    const char *name;
    bora_settings *settings;
    const struct kind *kind;
    bora_error *err;
} reader;

/* The whole of the key: one that holds a NUL is no known key. */
static bool key_is(const toml_value *v, const char *key)
{
    return v->key_len == strlen(key) && memcmp(v->key, key, v->key_len) == 0;
}

/* The option that "family:key" names. */
static const bora_option *find_option(const char *family, const toml_value *v)
{
    char word[KEY_BYTES];
    int len = snprintf(word, sizeof word, "%s:%s", family, v->key);
    if (len < 0 || (size_t)len >= sizeof word || strlen(v->key) != v->key_len || strpbrk(v->key, " :"))
        return NULL;
    size_t n;
    const bora_option *all = bora_options(&n);
    for (size_t i = 0; i < n; i++)
        if (option_word_in(all[i].selector, word, (size_t)len))
            return &all[i];
    return NULL;
}

/* ---- unknown keys */

/* The names in the selector lists of the families "*" and `family`, and what is at the top of the file for "". */
static size_t family_keys(const char *family, char bytes[][KEY_BYTES], const char **names)
{
    size_t n, len, count = 0;
    const bora_option *all = bora_options(&n);
    for (size_t i = 0; i < n; i++) {
        const char *list = all[i].selector;
        for (const char *word; count < CANDIDATES_MAX && (word = option_word(&list, &len));) {
            const char *colon = memchr(word, ':', len);
            size_t family_len = (size_t)(colon - word);
            bool mine = strlen(family) == family_len && memcmp(word, family, family_len) == 0;
            if (!mine && !(*family && family_len == 1 && *word == '*'))
                continue;
            snprintf(bytes[count], KEY_BYTES, "%.*s", (int)(len - family_len - 1), colon + 1);
            names[count] = bytes[count];
            count++;
        }
    }
    return count;
}

static bool fail_unknown(reader *r, const toml_value *v, const char *section, const char *family)
{
    char bytes[CANDIDATES_MAX][KEY_BYTES];
    const char *names[CANDIDATES_MAX];
    bool speculative = strcmp(family, "speculative") == 0;
    for (size_t i = 0; *family && !speculative && i < N_KINDS; i++)
        if (strcmp(kinds[i].family, family) != 0 && find_option(kinds[i].family, v))
            return settings_fail_at(r->err, r->name, v, BORA_USAGE,
                                    "`%s` is a key of kind \"%s\", and this model's kind is \"%s\"", v->key,
                                    kinds[i].name, r->kind->name);
    size_t n = family_keys(family, bytes, names);
    if (speculative)
        names[n++] = "draft_model";
    if (!*family) {
        names[n++] = "model";
        names[n++] = "speculative";
        names[n++] = "anymoe";
    }
    const char *near = nearest_name(v->key, names, n);
    return settings_fail_at(r->err, r->name, v, BORA_USAGE, "unknown key `%.60s` %s%s%s%s", v->key, section,
                            near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
}

/* ---- reading */

/* What is set already came from the command line, and stays. */
static bool put_value(reader *r, const bora_option *o, const toml_value *v)
{
    if (bora_settings_is_set(r->settings, o->name))
        return true;
    setting_origin origin = { .where = settings_where(&r->memory, r->name, v, r->err), .label = v->key };
    return origin.where && settings_put_toml(r->settings, o, origin, v, r->err);
}

static bool read_kind(reader *r, const toml_value *model)
{
    const toml_value *v = toml_get(model, "kind");
    if (!v) { /* files without it come from before there were kinds */
        r->kind = &kinds[toml_get(model, "quantized_filename") || toml_get(model, "quantized_model_id") ? 1 : 0];
        return true;
    }
    if (v->type != TOML_STRING)
        return settings_fail_at(r->err, r->name, v, BORA_USAGE, "kind: expected a string, found %s",
                                toml_type_name(v->type));
    const char *names[N_KINDS];
    for (size_t i = 0; i < N_KINDS; i++) {
        names[i] = kinds[i].name;
        if (strcmp(kinds[i].name, v->string) == 0)
            r->kind = &kinds[i];
    }
    if (!r->kind) {
        const char *near = nearest_name(v->string, names, N_KINDS);
        return settings_fail_at(r->err, r->name, v, BORA_USAGE,
                                "kind: expected \"plain\" or \"gguf\", found \"%.60s\"%s%s%s", v->string,
                                near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    if (!r->kind->ready)
        return settings_fail_at(r->err, r->name, v, BORA_UNSUPPORTED,
                                "kind: \"%s\" is not available in this version of bora (expected "
                                "\"plain\" or \"gguf\")",
                                r->kind->name);
    return true;
}

static bool read_model(reader *r, const toml_value *model)
{
    if (model->type != TOML_TABLE)
        return settings_fail_at(r->err, r->name, model, BORA_USAGE, "model: expected a table, [model], found %s",
                                toml_type_name(model->type));
    if (!read_kind(r, model))
        return false;
    for (const toml_value *v = model->first; v; v = v->next) {
        if (key_is(v, "kind"))
            continue;
        const bora_option *o = find_option(r->kind->family, v);
        if (!o)
            o = find_option("*", v);
        if (!o)
            return fail_unknown(r, v, "in [model]", r->kind->family);
        if (!put_value(r, o, v))
            return false;
    }
    const char *needed = strcmp(r->kind->name, "gguf") == 0 ? "quantized-file" : "model-id";
    if (!bora_settings_is_set(r->settings, needed))
        return settings_fail_at(r->err, r->name, model, BORA_USAGE, "[model] of kind \"%s\" needs %s", r->kind->name,
                                strcmp(needed, "model-id") == 0 ? "model_id" : "quantized_filename");
    setting_origin origin = { .where = settings_where(&r->memory, r->name, model, r->err), .label = "kind" };
    return origin.where && settings_put_text(r->settings, option_find("model-type"), origin, r->kind->name, r->err);
}

/* [speculative.draft_model] is a [model] of few keys. */
static bool read_draft_model(reader *r, const toml_value *model)
{
    const struct kind *target = r->kind;
    if (model->type != TOML_TABLE)
        return settings_fail_at(r->err, r->name, model, BORA_USAGE,
                                "draft_model: expected a table, [speculative.draft_model], found %s",
                                toml_type_name(model->type));
    if (!read_kind(r, model))
        return false;
    char family[KEY_BYTES];
    snprintf(family, sizeof family, "draft-%s", r->kind->family);
    for (const toml_value *v = model->first; v; v = v->next) {
        if (key_is(v, "kind"))
            continue;
        const bora_option *o = find_option(family, v);
        if (!o && find_option("*", v))
            return settings_fail_at(r->err, r->name, v, BORA_UNSUPPORTED,
                                    "%s is not available for a draft model in this version of bora", v->key);
        if (!o)
            return fail_unknown(r, v, "in [speculative.draft_model]", family);
        if (!put_value(r, o, v))
            return false;
    }
    bool file = strcmp(r->kind->name, "gguf") == 0;
    r->kind = target;
    if (file ? bora_settings_count(r->settings, "draft-file") > 0 : bora_settings_is_set(r->settings, "draft-model"))
        return true;
    return settings_fail_at(r->err, r->name, model, BORA_USAGE, "[speculative.draft_model] needs %s",
                            file ? "quantized_filename" : "model_id");
}

static bool read_speculative(reader *r, const toml_value *speculative)
{
    if (speculative->type != TOML_TABLE)
        return settings_fail_at(r->err, r->name, speculative, BORA_USAGE,
                                "speculative: expected a table, [speculative], found %s",
                                toml_type_name(speculative->type));
    for (const toml_value *v = speculative->first; v; v = v->next) {
        const bora_option *o = find_option("speculative", v);
        bool ok = o                          ? put_value(r, o, v)
                  : key_is(v, "draft_model") ? read_draft_model(r, v)
                                             : fail_unknown(r, v, "in [speculative]", "speculative");
        if (!ok)
            return false;
    }
    return true;
}

static bool read_root(reader *r, const toml_value *root)
{
    const toml_value *model = NULL, *speculative = NULL;
    for (const toml_value *v = root->first; v; v = v->next) {
        const bora_option *o = find_option("", v);
        if (o) {
            if (!put_value(r, o, v))
                return false;
        } else if (key_is(v, "model")) {
            model = v;
        } else if (key_is(v, "speculative")) {
            speculative = v;
        } else if (key_is(v, "anymoe")) {
            return settings_fail_at(r->err, r->name, v, BORA_UNSUPPORTED,
                                    "[%s] is not available in this version of bora", v->key);
        } else {
            return fail_unknown(r, v, "at the top of the file", "");
        }
    }
    if (!model)
        return bora_fail(r->err, BORA_USAGE, "%s:1:1: there is no [model]", r->name);
    return read_model(r, model) && (!speculative || read_speculative(r, speculative));
}

bool selector_parse(bora_settings *s, const char *text, size_t len, const char *name, bora_error *err)
{
    reader r = { .name = name, .settings = s, .err = err };
    const toml_value *root = toml_parse(&r.memory, text, len, name, err);
    bool read = root && read_root(&r, root) && settings_check(s, err);
    arena_free(&r.memory);
    return read;
}

bool bora_settings_load_selector(bora_settings *s, const char *path, bora_error *err)
{
    if (!path)
        return bora_fail(err, BORA_USAGE, "`toml` needs a selector file: -f FILE");
    size_t len;
    char *text = file_read(path, FILE_BYTES_MAX, &len, err);
    settings_unset(s, option_find("model-type"));
    settings_unset(s, option_find("quantized-file"));
    bool read = text && selector_parse(s, text, len, path, err);
    free(text);
    return read;
}
