/* Launch files: one TOML file that says what to do, with which settings, and with which models.
 *
 * The keys are those of the table of options, "section.key"; those under "models." are looked for in every [[models]],
 * the others once. A key that is not in the table is an error that suggests the nearest one, and says so when the key
 * exists in another section. */
#include "config/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/nearest.h"

enum {
    FILE_BYTES_MAX = 4 << 20,
    MODELS_MAX = 256, /* each has a full set of settings */
    KEY_BYTES = 128,  /* of "section.section.key" */
    CANDIDATES_MAX = 4 * OPTIONS_MAX,
};

struct bora_launch {
    const bora_command *command;
    bora_settings *shared;
    bora_settings **models;
    size_t n_models;
};

typedef struct reader {
    arena memory; /* the tree and its places */
    const char *name;
    const bora_command *command;
    bora_settings *settings;             /* being filled */
    const toml_value *seen[OPTIONS_MAX]; /* the key that set it, in this scope */
    bora_error *err;
} reader;

/* The whole of the key: one that holds a NUL is no known key. */
static bool key_is(const toml_value *v, const char *key)
{
    return v->key_len == strlen(key) && memcmp(v->key, key, v->key_len) == 0;
}

/* ---- unknown keys */

/* A key of the table, cut up: "models.device.cpu" is section "models.device" and key "cpu". */
typedef struct known_key {
    char section[KEY_BYTES], key[KEY_BYTES];
} known_key;

static void split_key(const char *word, size_t len, known_key *out)
{
    size_t dot = len;
    while (dot > 0 && word[dot - 1] != '.')
        dot--;
    snprintf(out->section, KEY_BYTES, "%.*s", dot > 0 ? (int)(dot - 1) : 0, word);
    snprintf(out->key, KEY_BYTES, "%.*s", (int)(len - dot), word + dot);
}

/* Every key of the table, at most `cap`. */
static size_t all_keys(known_key *keys, size_t cap)
{
    size_t n, len, count = 0;
    const bora_option *all = bora_options(&n);
    for (size_t i = 0; i < n; i++) {
        const char *list = all[i].toml;
        for (const char *word; count < cap && (word = option_word(&list, &len));)
            split_key(word, len, &keys[count++]);
    }
    return count;
}

/* How a section is written: "[models.device]", "[[models]]", "the top of the file". */
static void put_section(buf *out, const char *section)
{
    if (!*section)
        buf_puts(out, "at the top of the file");
    else if (strcmp(section, "models") == 0)
        buf_puts(out, "in [[models]]");
    else
        buf_printf(out, "in [%s]", section);
}

/* Adds a name once. */
static void add_name(const char **names, size_t *n, const char *name)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(names[i], name) == 0)
            return;
    names[(*n)++] = name;
}

/* Writes "; did you mean `x`?" or nothing. First the same key in other sections, then the nearest key of this section,
 * then the nearest of all. */
static void suggest_key(buf *out, const known_key *keys, size_t n_keys, const char *section, const char *key)
{
    const char *names[CANDIDATES_MAX] = { 0 };
    size_t n = 0;
    for (size_t i = 0; i < n_keys; i++) {
        if (strcmp(keys[i].key, key) == 0) {
            buf_puts(out, "; it belongs ");
            put_section(out, keys[i].section);
            return;
        }
        if (strcmp(keys[i].section, section) == 0)
            names[n++] = keys[i].key;
    }
    const char *near = nearest_name(key, names, n);
    if (near) {
        buf_printf(out, "; did you mean `%s`?", near);
        return;
    }
    for (size_t i = 0; i < n_keys; i++)
        names[i] = keys[i].key;
    near = nearest_name(key, names, n_keys);
    for (size_t i = 0; near && i < n_keys; i++) {
        if (strcmp(keys[i].key, near) == 0) {
            buf_printf(out, "; did you mean `%s` ", near);
            put_section(out, keys[i].section);
            buf_putc(out, '?');
            return;
        }
    }
}

static void suggest_section(buf *out, const known_key *keys, size_t n_keys, const char *path)
{
    const char *names[CANDIDATES_MAX] = { 0 };
    size_t n = 0;
    for (size_t i = 0; i < n_keys; i++)
        if (*keys[i].section)
            add_name(names, &n, keys[i].section);
    const char *near = nearest_name(path, names, n);
    if (near)
        buf_printf(out, strcmp(near, "models") ? "; did you mean [%s]?" : "; did you mean [[%s]]?", near);
}

static bool fail_unknown(reader *r, const toml_value *v, const char *section)
{
    /* Quotes around a key that only quotes can write; the message itself blanks control characters. */
    char key[KEY_BYTES], path[KEY_BYTES];
    snprintf(key, sizeof key, "%.*s", (int)(v->key_len < 60 ? v->key_len : 60), v->key);
    snprintf(path, sizeof path, "%s%s%.60s", section, *section ? "." : "", key);
    known_key *keys = calloc(CANDIDATES_MAX, sizeof *keys);
    if (!keys)
        return bora_fail_memory(r->err, r->name);
    size_t n = all_keys(keys, CANDIDATES_MAX);
    buf hint = { 0 }, place = { 0 };
    bool is_section = v->type == TOML_TABLE || (v->type == TOML_ARRAY && v->first && v->first->type == TOML_TABLE);
    if (is_section) {
        suggest_section(&hint, keys, n, path);
        settings_fail_at(r->err, r->name, v, BORA_USAGE, "unknown section [%s]%s", path, buf_text(&hint));
    } else {
        suggest_key(&hint, keys, n, section, key);
        put_section(&place, section);
        settings_fail_at(r->err, r->name, v, BORA_USAGE, "unknown key `%s` %s%s", key, buf_text(&place),
                         buf_text(&hint));
    }
    buf_free(&hint);
    buf_free(&place);
    free(keys);
    return false;
}

/* ---- known keys */

static bool is_section(const char *path)
{
    size_t n, len, path_len = strlen(path);
    const bora_option *all = bora_options(&n);
    for (size_t i = 0; i < n; i++) {
        const char *list = all[i].toml;
        for (const char *word; (word = option_word(&list, &len));)
            if (len > path_len && memcmp(word, path, path_len) == 0 && word[path_len] == '.')
                return true;
    }
    return false;
}

static bool put_value(reader *r, const bora_option *o, const toml_value *v)
{
    size_t slot = option_index(o);
    setting_origin origin = { .where = settings_where(&r->memory, r->name, v, r->err), .label = v->key };
    if (!origin.where)
        return false;
    if (r->seen[slot])
        return settings_fail_at(r->err, r->name, v, BORA_USAGE,
                                "`%s` and `%s` (line %d) are two names of one option: keep one of them", v->key,
                                r->seen[slot]->key, r->seen[slot]->line);
    r->seen[slot] = v;
    if (!(o->commands & r->command->bit)) {
        char why[64];
        snprintf(why, sizeof why, "with command = \"%s\"", r->command->name);
        return settings_ignore(r->settings, o, origin, why, r->err);
    }
    if (!settings_put_toml(r->settings, o, origin, v, r->err))
        return false;
    if (strcmp(o->name, "model-type") == 0 && strcmp(bora_settings_string(r->settings, "model-type"), "toml") == 0)
        return settings_fail_at(r->err, r->name, v, BORA_USAGE,
                                "%s: a selector file is for the command line (`bora run toml -f FILE`); name "
                                "the model here by model_id",
                                v->key);
    return true;
}

/* Reads a table whose path is `section`; the depth is bounded by that of the sections in the table of options. */
static bool read_table(reader *r, const toml_value *table, const char *section)
{
    for (const toml_value *v = table->first; v; v = v->next) {
        char path[KEY_BYTES];
        size_t section_len = strlen(section);
        if (section_len == 0 && key_is(v, "models"))
            continue;
        /* A dot inside a quoted key is not the dot between section and key. */
        if (v->key_len == 0 || memchr(v->key, '.', v->key_len) || memchr(v->key, '\0', v->key_len) ||
            section_len + v->key_len + 2 > sizeof path)
            return fail_unknown(r, v, section);
        snprintf(path, sizeof path, "%s%s%s", section, *section ? "." : "", v->key);
        const bora_option *o = option_by_toml(path);
        if (o) {
            if (!put_value(r, o, v))
                return false;
        } else if (is_section(path)) {
            if (v->type != TOML_TABLE)
                return settings_fail_at(r->err, r->name, v, BORA_USAGE, "%s: expected a table, [%s], found %s", v->key,
                                        path, toml_type_name(v->type));
            if (!read_table(r, v, path))
                return false;
        } else {
            return fail_unknown(r, v, section);
        }
    }
    return true;
}

static bool read_command(reader *r, const toml_value *root)
{
    static const char *const names[] = { "command" };
    const toml_value *v = toml_get(root, names[0]);
    for (const toml_value *k = v ? NULL : root->first; k; k = k->next)
        if (nearest_name(k->key, names, 1))
            return fail_unknown(r, k, "");
    if (!v)
        return bora_fail(r->err, BORA_USAGE,
                         "%s:1:1: there is no command: put command = \"run\" or command = \"serve\" at the top",
                         r->name);
    setting_origin origin = { .where = settings_where(&r->memory, r->name, v, r->err), .label = v->key };
    if (!origin.where || !settings_put_toml(r->settings, option_find("command"), origin, v, r->err))
        return false;
    r->command = bora_command_find(bora_settings_string(r->settings, "command"), r->err);
    return r->command != NULL;
}

/* ---- models */

/* What names a model: its model_id, or its first file. */
static const char *model_source(const bora_settings *model)
{
    const char *id = bora_settings_string(model, "model-id");
    return id ? id : bora_settings_item(model, "quantized-file", 0);
}

/* What it is called: so, unless it has an alias. */
static const char *model_name(const bora_settings *model)
{
    const char *alias = bora_settings_string(model, "alias");
    return alias ? alias : model_source(model);
}

static bool read_model(reader *r, bora_launch *launch, const toml_value *v)
{
    if (v->type != TOML_TABLE)
        return settings_fail_at(r->err, r->name, v, BORA_USAGE, "models: expected a table, found %s; write [[models]]",
                                toml_type_name(v->type));
    bora_settings *model = bora_settings_copy(launch->shared);
    if (!model)
        return bora_fail_memory(r->err, r->name);
    launch->models[launch->n_models++] = model;
    r->settings = model;
    memset(r->seen, 0, sizeof r->seen);
    if (!read_table(r, v, "models") || !settings_check(model, r->err))
        return false;
    const char *name = model_source(model) ? model_name(model) : NULL;
    if (!name)
        return settings_fail_at(r->err, r->name, v, BORA_USAGE,
                                "this [[models]] names no model: give it model_id, or quantized_file in "
                                "[models.format]");
    for (size_t i = 0; i + 1 < launch->n_models; i++)
        if (strcmp(model_name(launch->models[i]), name) == 0)
            return settings_fail_at(r->err, r->name, v, BORA_USAGE, "two [[models]] are called \"%.60s\"", name);
    return true;
}

static bool read_models(reader *r, bora_launch *launch, const toml_value *root)
{
    const toml_value *models = toml_get(root, "models");
    if (!models)
        return bora_fail(r->err, BORA_USAGE, "%s:1:1: there are no models: add [[models]] with model_id = \"…\"",
                         r->name);
    if (models->type != TOML_ARRAY)
        return settings_fail_at(r->err, r->name, models, BORA_USAGE,
                                "models: expected an array of tables, [[models]], found %s",
                                toml_type_name(models->type));
    if (models->count == 0)
        return settings_fail_at(r->err, r->name, models, BORA_USAGE,
                                "there are no models: add [[models]] with model_id = \"…\"");
    if (models->count > MODELS_MAX)
        return settings_fail_at(r->err, r->name, models, BORA_LIMIT, "%zu models, at most %d are possible",
                                models->count, MODELS_MAX);
    launch->models = calloc(models->count, sizeof(bora_settings *));
    if (!launch->models)
        return bora_fail_memory(r->err, r->name);
    for (const toml_value *v = models->first; v; v = v->next) {
        if (launch->n_models == 1 && strcmp(launch->command->name, "run") == 0)
            return settings_fail_at(r->err, r->name, v, BORA_USAGE,
                                    "command = \"run\" takes one model, and this is the second [[models]]");
        if (!read_model(r, launch, v))
            return false;
    }
    return true;
}

static bool check_default_model(reader *r, const bora_launch *launch)
{
    const char *names[MODELS_MAX], *wanted = bora_settings_string(launch->shared, "default-model-id");
    for (size_t i = 0; wanted && i < launch->n_models; i++) {
        names[i] = model_name(launch->models[i]);
        if (strcmp(names[i], wanted) == 0 || strcmp(model_source(launch->models[i]), wanted) == 0)
            return true;
    }
    if (!wanted)
        return true;
    const char *near = nearest_name(wanted, names, launch->n_models);
    return bora_fail(r->err, BORA_USAGE, "%s: no [[models]] is called \"%.60s\"%s%s%s",
                     bora_settings_origin(launch->shared, "default-model-id"), wanted, near ? "; did you mean \"" : "",
                     near ? near : "", near ? "\"?" : "");
}

static bool read_launch(reader *r, bora_launch *launch, const toml_value *root)
{
    r->settings = launch->shared;
    if (!read_command(r, root))
        return false;
    launch->command = r->command;
    return read_table(r, root, "") && settings_check(launch->shared, r->err) && read_models(r, launch, root) &&
           check_default_model(r, launch);
}

/* ---- public */

bora_launch *launch_parse(const char *text, size_t len, const char *name, bora_error *err)
{
    reader r = { .name = name, .err = err };
    bora_launch *launch = calloc(1, sizeof *launch);
    bool read = launch && (launch->shared = bora_settings_new()) != NULL;
    if (!read)
        bora_fail_memory(err, name);
    const toml_value *root = read ? toml_parse(&r.memory, text, len, name, err) : NULL;
    if (!root || !read_launch(&r, launch, root)) {
        bora_launch_free(launch);
        launch = NULL;
    }
    arena_free(&r.memory);
    return launch;
}

bora_launch *bora_launch_load(const char *path, bora_error *err)
{
    size_t len;
    char *text = file_read(path, FILE_BYTES_MAX, &len, err);
    bora_launch *launch = text ? launch_parse(text, len, path, err) : NULL;
    free(text);
    return launch;
}

void bora_launch_free(bora_launch *launch)
{
    if (!launch)
        return;
    for (size_t i = 0; i < launch->n_models; i++)
        bora_settings_free(launch->models[i]);
    free(launch->models);
    bora_settings_free(launch->shared);
    free(launch);
}

const bora_command *bora_launch_command(const bora_launch *launch)
{
    return launch->command;
}

const bora_settings *bora_launch_shared(const bora_launch *launch)
{
    return launch->shared;
}

size_t bora_launch_n_models(const bora_launch *launch)
{
    return launch->n_models;
}

const bora_settings *bora_launch_model(const bora_launch *launch, size_t i)
{
    return i < launch->n_models ? launch->models[i] : NULL;
}
