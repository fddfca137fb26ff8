/* The values of the options: checked when they are put, kept with the place where they came from.
 *
 * There is one slot for each entry of the table of options. A value that is put is read into its type at once
 * (value.c), so that every error is reported where the person wrote it, and the getters cannot fail. */
#include "config/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/value.h"

struct bora_settings {
    arena memory;
    setting values[OPTIONS_MAX];
};

/* ---- putting it */

/* Whether the value says what would be so without it: such a value needs nothing that is not there. */
static bool is_default(bora_settings *s, const bora_option *o, const setting *v)
{
    if (o->type == BORA_OPTION_FLAG)
        return !v->flag;
    if (o->type == BORA_OPTION_LIST)
        return v->n_items == 0;
    setting d = { 0 };
    if (!o->default_text || !value_read_text(&s->memory, o, o->default_text, &d, NULL))
        return false;
    if (o->type == BORA_OPTION_INT)
        return d.integer == v->integer;
    if (o->type == BORA_OPTION_FLOAT)
        return !(d.number < v->number) && !(d.number > v->number);
    return strcmp(d.text, v->text) == 0;
}

/* The message so far, behind "where: label: ". */
static bool fail_at(bora_error *err, setting_origin origin, const bora_error *problem)
{
    return bora_fail(err, problem->code, "%s%s%s: %s", origin.where, *origin.where ? ": " : "", origin.label,
                     problem->message);
}

/* "run.toml:3:1: port" or "--port". */
static const char *origin_text(arena *a, setting_origin origin)
{
    return arena_printf(a, "%s%s%s", origin.where, *origin.where ? ": " : "", origin.label);
}

static bool put(bora_settings *s, const bora_option *o, setting_origin origin, const char *text, const toml_value *toml,
                bora_error *err)
{
    setting *slot = &s->values[option_index(o)], v = { 0 };
    if (text && o->type == BORA_OPTION_LIST)
        v = *slot;
    v.warning = NULL;
    bora_error problem = { .code = BORA_OK };
    bool read =
        text ? value_read_text(&s->memory, o, text, &v, &problem) : value_read_toml(&s->memory, o, toml, &v, &problem);
    /* What is not there is refused as such, however strange its value. */
    if (o->status == BORA_OPTION_LATER && (!read || !is_default(s, o, &v)) && problem.code != BORA_MEMORY)
        return bora_fail(err, BORA_UNSUPPORTED, "%s%s%s is not available in this version of bora", origin.where,
                         *origin.where ? ": " : "", origin.label);
    if (!read)
        return fail_at(err, origin, &problem);
    v.set = true;
    v.origin.where = arena_strdup(&s->memory, origin.where);
    v.origin.label = arena_strdup(&s->memory, origin.label);
    v.origin_text = origin_text(&s->memory, origin);
    if (!v.origin.where || !v.origin.label || !v.origin_text)
        return bora_fail_memory(err, "an option");
    if (o->status == BORA_OPTION_INERT && !is_default(s, o, &v)) {
        v.warning = arena_printf(&s->memory, "%s has no effect yet in this version of bora", v.origin_text);
        if (!v.warning)
            return bora_fail_memory(err, "a warning");
    }
    *slot = v;
    return true;
}

bool settings_put_text(bora_settings *s, const bora_option *option, setting_origin origin, const char *text,
                       bora_error *err)
{
    return put(s, option, origin, text, NULL, err);
}

bool settings_put_toml(bora_settings *s, const bora_option *option, setting_origin origin, const toml_value *value,
                       bora_error *err)
{
    return put(s, option, origin, NULL, value, err);
}

void settings_unset(bora_settings *s, const bora_option *option)
{
    s->values[option_index(option)] = (setting){ 0 };
}

bool settings_ignore(bora_settings *s, const bora_option *option, setting_origin origin, const char *why,
                     bora_error *err)
{
    setting *slot = &s->values[option_index(option)];
    slot->warning =
        arena_printf(&s->memory, "%s%s%s has no effect %s", origin.where, *origin.where ? ": " : "", origin.label, why);
    return slot->warning || bora_fail_memory(err, "a warning");
}

const char *settings_where(arena *a, const char *file, const toml_value *value, bora_error *err)
{
    const char *where = arena_printf(a, "%s:%d:%d", file, value->line, value->column);
    if (!where)
        bora_fail_memory(err, file);
    return where;
}

bool settings_fail_at(bora_error *err, const char *file, const toml_value *at, bora_code code, const char *fmt, ...)
{
    bora_error problem = { .code = BORA_OK };
    va_list args;
    va_start(args, fmt);
    bora_fail_va(&problem, code, fmt, args);
    va_end(args);
    return bora_fail(err, code, "%s:%d:%d: %s", file, at->line, at->column, problem.message);
}

/* ---- rules between options */

static const setting *find(const bora_settings *s, const char *name)
{
    const bora_option *o = option_find(name);
    return o ? &s->values[option_index(o)] : NULL;
}

/* Whether the option takes part in an exclusion: `cpu = false` does not. */
static bool is_active(const bora_option *o, const setting *v)
{
    return v->set && (o->type == BORA_OPTION_FLAG ? v->flag : o->type != BORA_OPTION_LIST || v->n_items > 0);
}

static bool fail_exclusion(const setting *a, const setting *b, bora_error *err)
{
    if (!*a->origin.where && *b->origin.where) { /* the message starts with a place, if there is one */
        const setting *swap = a;
        a = b;
        b = swap;
    }
    if (!*a->origin.where)
        return bora_fail(err, BORA_USAGE, "%s and %s exclude each other: give one of them", a->origin.label,
                         b->origin.label);
    return bora_fail(err, BORA_USAGE, "%s: %s and %s exclude each other (%s is %s%s): keep one of them",
                     a->origin.where, a->origin.label, b->origin.label, b->origin.label,
                     *b->origin.where ? "at " : "on the command line", b->origin.where);
}

static bool check_exclusions(const bora_settings *s, const bora_option *o, bora_error *err)
{
    const setting *v = &s->values[option_index(o)];
    const char *list = is_active(o, v) ? o->excludes : NULL;
    size_t len, n;
    const bora_option *all = bora_options(&n);
    for (const char *word; (word = option_word(&list, &len));)
        for (size_t i = 0; i < n; i++)
            if (strlen(all[i].name) == len && memcmp(all[i].name, word, len) == 0 && is_active(&all[i], &s->values[i]))
                return fail_exclusion(v, &s->values[i], err);
    return true;
}

bool settings_check(bora_settings *s, bora_error *err)
{
    size_t n;
    const bora_option *all = bora_options(&n);
    for (size_t i = 0; i < n; i++)
        if (!check_exclusions(s, &all[i], err))
            return false;
    const setting *type = find(s, "model-type"), *files = find(s, "quantized-file");
    const bora_option *format_option = option_find("format");
    const setting *format = &s->values[option_index(format_option)];
    if (type->set && option_word_in(format_option->choices, type->text, strlen(type->text))) {
        if (format->set && strcmp(format->text, type->text) != 0)
            return fail_exclusion(format, type, err);
        if (!format->set && !put(s, format_option, type->origin, type->text, NULL, err))
            return false;
    }
    if (format->set && strcmp(format->text, "plain") == 0 && files->set && files->n_items > 0)
        return fail_exclusion(files, format, err);
    return true;
}

/* ---- public */

bora_settings *bora_settings_new(void)
{
    return calloc(1, sizeof(bora_settings));
}

void bora_settings_free(bora_settings *s)
{
    if (!s)
        return;
    arena_free(&s->memory);
    free(s);
}

static bool copy_setting(arena *a, const setting *from, setting *to)
{
    *to = *from;
    to->warning = NULL;
    if (!from->set) {
        to->origin_text = NULL;
        return true;
    }
    to->origin.where = arena_strdup(a, from->origin.where);
    to->origin.label = arena_strdup(a, from->origin.label);
    to->origin_text = arena_strdup(a, from->origin_text);
    to->text = from->text ? arena_strdup(a, from->text) : NULL;
    to->items = arena_array(a, from->n_items + 1, sizeof *to->items);
    to->cap_items = from->n_items + 1;
    if (!to->origin.where || !to->origin.label || !to->origin_text || (from->text && !to->text) || !to->items)
        return false;
    for (size_t i = 0; i < from->n_items; i++)
        if (!(to->items[i] = arena_strdup(a, from->items[i])))
            return false;
    return true;
}

bora_settings *bora_settings_copy(const bora_settings *s)
{
    bora_settings *copy = bora_settings_new();
    for (size_t i = 0; copy && i < OPTIONS_MAX; i++) {
        if (!copy_setting(&copy->memory, &s->values[i], &copy->values[i])) {
            bora_settings_free(copy);
            return NULL;
        }
    }
    return copy;
}

bool bora_settings_set(bora_settings *s, const char *name, const char *text, const char *origin, bora_error *err)
{
    const bora_option *o = option_find(name);
    if (!o)
        return bora_fail(err, BORA_USAGE, "there is no option \"%.*s\"", value_shown(name), name);
    char label[64];
    snprintf(label, sizeof label, "--%s", o->name);
    return put(s, o, (setting_origin){ .where = "", .label = origin ? origin : label }, text, NULL, err) &&
           settings_check(s, err);
}

bool bora_settings_is_set(const bora_settings *s, const char *name)
{
    const setting *v = find(s, name);
    return v && v->set;
}

bool bora_settings_flag(const bora_settings *s, const char *name)
{
    const setting *v = find(s, name);
    return v && v->set && v->flag;
}

int64_t bora_settings_int(const bora_settings *s, const char *name)
{
    const setting *v = find(s, name);
    if (v && v->set)
        return v->integer;
    const bora_option *o = option_find(name);
    return o && o->default_text ? strtoll(o->default_text, NULL, 10) : 0;
}

double bora_settings_float(const bora_settings *s, const char *name)
{
    const setting *v = find(s, name);
    if (v && v->set)
        return v->number;
    const bora_option *o = option_find(name);
    return o && o->default_text ? value_decimal(o->default_text, NULL) : 0;
}

const char *bora_settings_string(const bora_settings *s, const char *name)
{
    const setting *v = find(s, name);
    if (v && v->set)
        return v->text;
    const bora_option *o = option_find(name);
    return o ? o->default_text : NULL;
}

size_t bora_settings_count(const bora_settings *s, const char *name)
{
    const setting *v = find(s, name);
    return v ? v->n_items : 0;
}

const char *bora_settings_item(const bora_settings *s, const char *name, size_t i)
{
    const setting *v = find(s, name);
    return v && i < v->n_items ? v->items[i] : NULL;
}

const char *bora_settings_origin(const bora_settings *s, const char *name)
{
    const setting *v = find(s, name);
    return v && v->set ? v->origin_text : NULL;
}

const char *bora_settings_warning(const bora_settings *s, size_t i)
{
    for (size_t k = 0; k < OPTIONS_MAX; k++)
        if (s->values[k].warning && i-- == 0)
            return s->values[k].warning;
    return NULL;
}
