/* Calls: binding arguments to parameters, and the functions that every template sees. */
#include <locale.h>
#include <string.h>
#include <time.h>

#include "text/jinja/eval.h"

enum { MAX_RANGE = 100000 }; /* as jinja2's sandbox */

const builtin *jinja_find_in(const builtin *table, size_t n, const char *name, size_t len)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(table[i].name) == len && memcmp(table[i].name, name, len) == 0)
            return &table[i];
    return NULL;
}

/* The number of parameter `name` in "a b c", or -1. */
static int parameter_index(const char *params, const str *name)
{
    int i = 0;
    for (const char *p = params; *p; i++) {
        size_t len = strcspn(p, " ");
        if (len == name->len && memcmp(p, name->data, len) == 0)
            return i;
        p += len + (p[len] == ' ');
    }
    return -1;
}

bool jinja_bind(job *j, const builtin *b, const call_args *given, value bound[JINJA_MAX_PARAMS], call_args *out)
{
    bool positional = b->params[0] == '/';
    const char *params = b->params + positional;
    size_t n = params[0] != '\0';
    for (const char *p = params; *p; p++)
        n += *p == ' ';
    if (given->n > n)
        return jinja_error(j, "%s takes at most %zu arguments, got %zu", b->name, n, given->n);
    memset(bound, 0, JINJA_MAX_PARAMS * sizeof *bound);
    for (size_t i = 0; i < given->n; i++)
        bound[i] = given->args[i];
    for (size_t i = 0; i < given->n_kw; i++) {
        const str *name = given->kw_names[i];
        int at = positional ? -1 : parameter_index(params, name);
        int len = name->len > 64 ? 64 : (int)name->len;
        if (at < 0)
            return jinja_error(j, "%s takes no keyword argument '%.*s'", b->name, len, name->data);
        if (bound[at].type != V_MISSING)
            return jinja_error(j, "%s got multiple values for '%.*s'", b->name, len, name->data);
        bound[at] = given->kw_values[i];
    }
    for (size_t i = 0; i < b->n_required; i++)
        if (bound[i].type == V_MISSING)
            return jinja_error(j, "%s needs %zu arguments", b->name, b->n_required);
    *out = (call_args){ .args = bound, .n = n };
    return true;
}

bool jinja_call_builtin(job *j, const builtin *b, value self, const call_args *a, value *out)
{
    if (!b->params)
        return b->fn(j, self, a, out);
    value bound[JINJA_MAX_PARAMS];
    call_args args;
    return jinja_bind(j, b, a, bound, &args) && b->fn(j, self, &args, out);
}

static bool call_joiner(job *j, joiner *self, const call_args *a, value *out)
{
    if (a->n || a->n_kw)
        return jinja_error(j, "a joiner takes no arguments");
    if (!self->used) {
        self->used = true;
        return jinja_cstring(j, "", out);
    }
    *out = v_str(self->separator);
    return true;
}

bool jinja_call(job *j, value callee, const call_args *a, value *out)
{
    if (!jinja_enter(j))
        return false;
    bool ok;
    switch ((value_type)callee.type) {
    case V_MACRO:
        ok = jinja_call_macro(j, callee.macro, a, out);
        break;
    case V_METHOD:
        ok = jinja_call_builtin(j, callee.method->def, callee.method->self, a, out);
        break;
    case V_FUNCTION:
        ok = jinja_call_builtin(j, callee.function, callee, a, out);
        break;
    case V_JOINER:
        ok = call_joiner(j, callee.joiner, a, out);
        break;
    case V_LOOP:
        ok = a->n == 1 && !a->n_kw ? jinja_call_loop(j, callee.loop, a->args[0], out)
                                   : jinja_error(j, "a loop is called with one argument");
        break;
    case V_UNDEFINED:
        ok = jinja_use_undefined(j, callee);
        break;
    default:
        ok = jinja_error(j, "'%s' object is not callable", jinja_type_name(callee));
        break;
    }
    j->depth--;
    return ok;
}

/* --- global functions --- */

static bool call_range(job *j, value self, const call_args *a, value *out)
{
    (void)self;
    int64_t args[3] = { 0, 0, 1 };
    size_t given = 0;
    while (given < 3 && a->args[given].type != V_MISSING)
        given++;
    for (size_t i = 0; i < given; i++) {
        if (a->args[i].type == V_UNDEFINED || !jinja_is_int(a->args[i], &args[i]))
            return jinja_error(j, "'%s' object cannot be interpreted as an integer", jinja_type_name(a->args[i]));
    }
    int64_t start = given > 1 ? args[0] : 0, stop = given > 1 ? args[1] : args[0], step = args[2];
    if (step == 0)
        return jinja_error(j, "range() arg 3 must not be zero");
    __extension__ typedef __int128 wide;
    wide n = step > 0 ? ((wide)stop - start + step - 1) / step : ((wide)start - stop - step - 1) / -(wide)step;
    if (n > MAX_RANGE)
        return jinja_fail(j, BORA_LIMIT, "range of more than %d numbers", MAX_RANGE);
    range *r = jinja_alloc(j, sizeof *r);
    if (!r)
        return false;
    *r = (range){ start, step, n > 0 ? (int64_t)n : 0, stop };
    *out = (value){ .type = V_RANGE, .range = r };
    return true;
}

static bool add_pairs(job *j, dict *d, value from)
{
    if (from.type == V_DICT) {
        for (size_t i = 0; i < from.dict->n; i++)
            if (!jinja_charge(j, 1) || !jinja_dict_set(j, d, from.dict->entries[i].key, from.dict->entries[i].val))
                return false;
        return true;
    }
    list *pairs, *pair;
    if (from.type == V_UNDEFINED)
        return jinja_use_undefined(j, from);
    if (!jinja_to_list(j, from, &pairs))
        return false;
    for (size_t i = 0; i < pairs->n; i++) {
        if (!jinja_to_list(j, pairs->items[i], &pair))
            return false;
        if (pair->n != 2)
            return jinja_error(j, "a dict is made from pairs, not from sequences of %zu", pair->n);
        if (!jinja_dict_set(j, d, pair->items[0], pair->items[1]))
            return false;
    }
    return true;
}

static bool make_dict(job *j, const call_args *a, dict **out)
{
    dict *d = jinja_dict_new(j);
    if (!d)
        return false;
    if (a->n > 1)
        return jinja_error(j, "dict expected at most 1 argument, got %zu", a->n);
    if (a->n == 1 && !add_pairs(j, d, a->args[0]))
        return false;
    for (size_t i = 0; i < a->n_kw; i++)
        if (!jinja_dict_set(j, d, v_str(a->kw_names[i]), a->kw_values[i]))
            return false;
    *out = d;
    return true;
}

static bool call_dict(job *j, value self, const call_args *a, value *out)
{
    (void)self;
    dict *d;
    if (!make_dict(j, a, &d))
        return false;
    *out = v_dict(d);
    return true;
}

static bool call_namespace(job *j, value self, const call_args *a, value *out)
{
    (void)self;
    dict *d;
    if (!make_dict(j, a, &d))
        return false;
    for (size_t i = 0; i < d->n; i++) {
        value key = d->entries[i].key;
        if (key.type == V_STRING && key.s->len > 0 && key.s->data[0] == '_')
            return jinja_error(j, "an attribute of a namespace must not begin with an underscore");
    }
    *out = (value){ .type = V_NAMESPACE, .dict = d };
    return true;
}

static bool call_cycler(job *j, value self, const call_args *a, value *out)
{
    (void)self;
    cycler *c = jinja_alloc(j, sizeof *c);
    list *items = jinja_list_new(j, a->n);
    if (!c || !items)
        return false;
    if (a->n == 0 || a->n_kw)
        return jinja_error(j, "a cycler needs at least one item");
    memcpy(items->items, a->args, a->n * sizeof *a->args);
    items->n = a->n;
    c->items = items;
    *out = (value){ .type = V_CYCLER, .cycler = c };
    return true;
}

static bool make_joiner(job *j, value self, const call_args *a, value *out)
{
    (void)self;
    joiner *made = jinja_alloc(j, sizeof *made);
    value separator = a->args[0];
    if (!made || (separator.type == V_MISSING && !jinja_cstring(j, ", ", &separator)))
        return false;
    if (separator.type != V_STRING)
        return jinja_error(j, "the separator of a joiner must be a string");
    made->separator = separator.s;
    *out = (value){ .type = V_JOINER, .joiner = made };
    return true;
}

static bool call_raise(job *j, value self, const call_args *a, value *out)
{
    (void)self;
    (void)out;
    size_t mark = jinja_begin(j);
    value message;
    if (!jinja_put_value(j, a->args[0]) || !jinja_end(j, mark, &message))
        return false;
    int len = message.s->len > 4000 ? 4000 : (int)message.s->len;
    return bora_fail(j->err, BORA_USAGE, "%.*s", len, message.s->data);
}

/* The format as Python's datetime prepares it for the C library: a local time without zone has no %z and no %Z, and
 * microseconds, which are 0 here. */
static bool prepare_time_format(job *j, const str *format, value *out)
{
    size_t mark = jinja_begin(j);
    for (size_t i = 0; i < format->len; i++) {
        bool ok = true;
        if (format->data[i] != '%' || i + 1 == format->len)
            ok = jinja_put(j, format->data + i, 1);
        else if (format->data[++i] == 'f')
            ok = jinja_puts(j, "000000");
        else if (format->data[i] != 'z' && format->data[i] != 'Z')
            ok = jinja_put(j, format->data + i - 1, 2);
        if (!ok)
            return false;
    }
    return jinja_put(j, "\1", 1) && jinja_end(j, mark, out); /* so that an empty result is told from no room */
}

static bool call_strftime(job *j, value self, const call_args *a, value *out)
{
    (void)self;
    if (a->args[0].type != V_STRING)
        return jinja_error(j, "strftime_now needs a string");
    value format;
    time_t now = (time_t)j->now;
    struct tm tm;
    if (!prepare_time_format(j, a->args[0].s, &format))
        return false;
    if (memchr(format.s->data, '\0', format.s->len))
        return jinja_error(j, "embedded null character in a time format");
    if (format.s->len > 4096 || !localtime_r(&now, &tm))
        return jinja_fail(j, BORA_LIMIT, "a time format is too long");
    char *copy = jinja_alloc(j, format.s->len + 1), *text = jinja_alloc(j, 64 << 10);
    if (!copy || !text)
        return false;
    memcpy(copy, format.s->data, format.s->len);
    copy[format.s->len] = '\0';
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    size_t n = c ? strftime_l(text, 64 << 10, copy, &tm, c) : 0;
    if (c)
        freelocale(c);
    if (n == 0)
        return jinja_fail(j, BORA_LIMIT, "a formatted time is too long");
    return jinja_substring(j, text, n - 1, out);
}

static bool call_lipsum(job *j, value self, const call_args *a, value *out)
{
    (void)self;
    (void)a;
    (void)out;
    return jinja_fail(j, BORA_UNSUPPORTED, "lipsum is random and not supported");
}

static const builtin globals[] = {
    { "range", "/start stop step", 1, call_range },
    { "dict", NULL, 0, call_dict },
    { "namespace", NULL, 0, call_namespace },
    { "cycler", NULL, 0, call_cycler },
    { "joiner", "sep", 0, make_joiner },
    { "lipsum", NULL, 0, call_lipsum },
    { "raise_exception", "message", 1, call_raise },
    { "strftime_now", "format", 1, call_strftime },
};

bool jinja_global(const char *name, size_t len, value *out)
{
    const builtin *b = jinja_find_in(globals, sizeof globals / sizeof *globals, name, len);
    *out = (value){ .type = b ? V_FUNCTION : V_MISSING, .function = b };
    return b != NULL;
}
