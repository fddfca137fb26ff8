/* Formatting strings: `"…" % values` and `"…".format(…)`. */
#include <math.h>
#include <string.h>

#include "text/jinja/eval.h"
#include "text/jinja/spec.h"

/* --- % --- */

typedef struct percent {
    job *j;
    const char *p, *end;
    const list *tuple; /* NULL: one value, or a mapping */
    value single;
    size_t next;
    bool used_single;
} percent;

static bool next_value(percent *f, value *out)
{
    if (f->tuple ? f->next >= f->tuple->n : f->used_single)
        return jinja_error(f->j, "not enough arguments for format string");
    *out = f->tuple ? f->tuple->items[f->next++] : f->single;
    f->used_single = true;
    return true;
}

static bool read_key(percent *f, value *out)
{
    const char *from = ++f->p;
    for (int depth = 1; f->p < f->end; f->p++) {
        depth += (*f->p == '(') - (*f->p == ')');
        if (depth == 0)
            break;
    }
    if (f->p >= f->end)
        return jinja_error(f->j, "incomplete format key");
    if (f->single.type == V_UNDEFINED)
        return jinja_use_undefined(f->j, f->single);
    if (f->single.type != V_DICT)
        return jinja_error(f->j, "format requires a mapping");
    value key;
    bool ok;
    if (!jinja_substring(f->j, from, (size_t)(f->p++ - from), &key))
        return false;
    const value *v = jinja_dict_get(f->j, f->single.dict, key, &ok);
    if (!v)
        return jinja_error(f->j, "format key '%.*s' is not in the mapping", key.s->len > 64 ? 64 : (int)key.s->len,
                           key.s->data);
    *out = *v;
    return true;
}

static bool read_star(percent *f, int *out, int limit)
{
    value v;
    int64_t i;
    if (f->p >= f->end || *f->p != '*')
        return jinja_read_count(f->j, &f->p, f->end, out, limit);
    f->p++;
    if (!next_value(f, &v))
        return false;
    if (!jinja_is_int(v, &i))
        return jinja_error(f->j, "* wants int");
    if (i > limit || i < -limit)
        return jinja_fail(f->j, BORA_LIMIT, "a width or precision is too large");
    *out = (int)i;
    return true;
}

static bool put_converted(percent *f, value v, spec *s)
{
    job *j = f->j;
    int64_t i;
    double d;
    value text;
    size_t mark = jinja_begin(j);
    switch (s->type) {
    case 's':
    case 'r':
    case 'a':
        if (!(s->type == 's'   ? jinja_put_value(j, v)
              : s->type == 'r' ? jinja_put_repr(j, v)
                               : jinja_put_ascii(j, v)) ||
            !jinja_end(j, mark, &text))
            return false;
        s->fill = ' ';
        s->align = s->align == '=' ? 0 : s->align;
        return jinja_format_text(j, s, text.s);
    case 'c':
        if (v.type == V_STRING ? v.s->n_chars != 1 : !jinja_is_int(v, &i))
            return jinja_error(j, "%%c requires int or char");
        if (v.type == V_STRING)
            return jinja_format_text(j, s, v.s);
        return jinja_format_value(j, v_int(i), &(str){ "c", 1, 1 });
    case 'd':
    case 'i':
    case 'u':
        if (v.type == V_FLOAT && fabs(v.f) < 9.2e18)
            i = (int64_t)v.f;
        else if (v.type == V_BIGINT || (v.type == V_FLOAT && isfinite(v.f)))
            return jinja_fail(j, BORA_UNSUPPORTED, "an integer is larger than 64 bits");
        else if (!jinja_is_int(v, &i))
            return jinja_error(j, "%%%c format: a real number is required, not %s", s->type, jinja_type_name(v));
        s->type = 'd';
        return jinja_format_int(j, i, s);
    case 'x':
    case 'X':
    case 'o':
        if (!jinja_is_int(v, &i))
            return jinja_error(j, "%%%c format: an integer is required, not %s", s->type, jinja_type_name(v));
        return jinja_format_int(j, i, s);
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
        if (!jinja_is_number(v, &d))
            return jinja_error(j, "must be real number, not %s", jinja_type_name(v));
        return jinja_format_float(j, d, s);
    default:
        return jinja_error(j, "unsupported format character '%c'", s->type);
    }
}

static bool percent_item(percent *f)
{
    spec s = { .fill = ' ', .sign = '-', .width = -1, .precision = -1, .percent_style = true };
    value v = { 0 };
    bool has_key = f->p < f->end && *f->p == '(', left = false, zero = false;
    if (has_key && !read_key(f, &v))
        return false;
    for (; f->p < f->end && strchr("#0- +", *f->p) && *f->p; f->p++) {
        s.alternate = s.alternate || *f->p == '#';
        left = left || *f->p == '-';
        zero = zero || *f->p == '0';
        if (*f->p == '+' || (*f->p == ' ' && s.sign == '-'))
            s.sign = *f->p;
    }
    if (!read_star(f, &s.width, JINJA_MAX_WIDTH))
        return false;
    if (s.width < -1) {
        s.width = -s.width;
        left = true;
    }
    if (f->p < f->end && *f->p == '.') {
        f->p++;
        if (!read_star(f, &s.precision, JINJA_MAX_PRECISION))
            return false;
        s.precision = s.precision < 0 ? 0 : s.precision;
    }
    while (f->p < f->end && strchr("hlL", *f->p) && *f->p)
        f->p++;
    if (f->p >= f->end)
        return jinja_error(f->j, "incomplete format");
    s.type = *f->p++;
    if (s.type == '%')
        return jinja_put(f->j, "%", 1);
    if (left)
        s.align = '<';
    else if (zero) {
        s.align = '=';
        s.fill = '0';
    }
    return (has_key || next_value(f, &v)) && put_converted(f, v, &s);
}

bool jinja_percent(job *j, const str *format, value args, value *out)
{
    percent f = { .j = j,
                  .p = format->data,
                  .end = format->data + format->len,
                  .tuple = args.type == V_TUPLE ? args.list : NULL,
                  .single = args };
    size_t mark = jinja_begin(j);
    while (f.p < f.end) {
        const char *percent_at = memchr(f.p, '%', (size_t)(f.end - f.p));
        const char *stop = percent_at ? percent_at : f.end;
        if (!jinja_charge(j, 1) || !jinja_put(j, f.p, (size_t)(stop - f.p)))
            return false;
        f.p = percent_at ? stop + 1 : stop;
        if (percent_at && !percent_item(&f))
            return false;
    }
    /* What has subscripts may be a mapping that this format does not look at. */
    bool mapping = args.type == V_DICT || args.type == V_LIST || args.type == V_RANGE || args.type == V_UNDEFINED;
    if (f.tuple ? f.next < f.tuple->n : !f.used_single && !mapping)
        return jinja_error(j, "not all arguments converted during string formatting");
    return jinja_end(j, mark, out);
}

/* --- str.format --- */

typedef struct formatter {
    job *j;
    const call_args *args;
    const dict *mapping;
    int64_t next; /* automatic numbering; -1 once a number was written */
} formatter;

static bool named_value(formatter *f, const char *name, size_t len, value *out)
{
    const value *v = f->mapping ? jinja_dict_find(f->j, f->mapping, name, len) : NULL;
    for (size_t i = 0; i < f->args->n_kw && !v; i++)
        if (f->args->kw_names[i]->len == len && memcmp(f->args->kw_names[i]->data, name, len) == 0)
            v = &f->args->kw_values[i];
    if (!v)
        return jinja_error(f->j, "there is no value '%.*s' to format", len > 64 ? 64 : (int)len, name);
    *out = *v;
    return true;
}

/* "name.attribute[item]" */
static bool field_value(formatter *f, const char *p, const char *end, value *out)
{
    const char *from = p;
    while (p < end && *p != '.' && *p != '[')
        p++;
    bool numeric = p > from;
    int64_t n = 0;
    for (const char *c = from; c < p; c++) {
        numeric = numeric && *c >= '0' && *c <= '9';
        n = numeric && n < 1000000 ? n * 10 + (*c - '0') : n;
    }
    if (p == from || numeric) {
        if (p == from ? f->next < 0 : f->next > 0)
            return jinja_error(f->j, "numbered and automatic fields cannot be mixed");
        n = p == from ? f->next++ : n;
        f->next = numeric ? -1 : f->next;
        if ((uint64_t)n >= f->args->n)
            return jinja_error(f->j, "there is no value %lld to format", (long long)n);
        *out = f->args->args[n];
    } else if (!named_value(f, from, (size_t)(p - from), out)) {
        return false;
    }
    while (p < end) {
        bool attribute = *p++ == '.';
        from = p;
        while (p < end && (attribute ? *p != '.' && *p != '[' : *p != ']'))
            p++;
        value key, number;
        bool ok;
        if (p == from || (!attribute && p >= end))
            return jinja_error(f->j, "a format field has an empty or unfinished part");
        if (!jinja_substring(f->j, from, (size_t)(p - from), &key))
            return false;
        if (attribute) {
            if (!jinja_getattr(f->j, *out, key.s, out))
                return false;
            continue;
        }
        if (!jinja_parse_int(f->j, from, (size_t)(p - from), 10, &number, &ok) ||
            !jinja_getitem(f->j, *out, ok ? number : key, out))
            return false;
        p++;
        if (p < end && *p != '.' && *p != '[')
            return jinja_error(f->j, "only '.' or '[' may follow ']' in a format field");
    }
    return true;
}

static bool put_format(formatter *f, const char *p, const char *end, int depth);

static bool put_field(formatter *f, const char *p, const char *end, int depth)
{
    const char *name = p;
    while (p < end && *p != '!' && *p != ':')
        p += *p == '[' && memchr(p, ']', (size_t)(end - p)) ? (char *)memchr(p, ']', (size_t)(end - p)) - p : 1;
    value v, spec_text;
    if (!field_value(f, name, p, &v))
        return false;
    if (p < end && *p == '!') {
        char conversion = p + 1 < end ? p[1] : '\0';
        size_t mark = jinja_begin(f->j);
        bool ok = conversion == 'r'   ? jinja_put_repr(f->j, v)
                  : conversion == 's' ? jinja_put_value(f->j, v)
                  : conversion == 'a' ? jinja_put_ascii(f->j, v)
                                      : jinja_error(f->j, "unknown conversion in a format field");
        if (!ok || !jinja_end(f->j, mark, &v))
            return false;
        p += 2;
        if (p < end && *p != ':')
            return jinja_error(f->j, "expected ':' after a conversion");
    }
    size_t mark = jinja_begin(f->j);
    return (p >= end || put_format(f, p + 1, end, depth + 1)) && jinja_end(f->j, mark, &spec_text) &&
           jinja_format_value(f->j, v, spec_text.s);
}

static bool put_format(formatter *f, const char *p, const char *end, int depth)
{
    if (depth > 2)
        return jinja_error(f->j, "format specifications are nested too deeply");
    while (p < end) {
        if (!jinja_charge(f->j, 1))
            return false;
        const char *from = p;
        while (p < end && *p != '{' && *p != '}')
            p++;
        if (!jinja_put(f->j, from, (size_t)(p - from)))
            return false;
        if (p == end)
            break;
        if (p + 1 < end && p[1] == *p && depth == 0) {
            if (!jinja_put(f->j, p, 1))
                return false;
            p += 2;
            continue;
        }
        if (*p == '}')
            return jinja_error(f->j, "single '}' in a format string");
        from = ++p;
        for (int open = 1; p < end; p++) {
            open += (*p == '{') - (*p == '}');
            if (open == 0)
                break;
        }
        if (p >= end)
            return jinja_error(f->j, "expected '}' in a format string");
        if (!put_field(f, from, p++, depth))
            return false;
    }
    return true;
}

bool jinja_str_format(job *j, const str *format, const call_args *a, const dict *mapping, value *out)
{
    formatter f = { .j = j, .args = a, .mapping = mapping };
    size_t mark = jinja_begin(j);
    return put_format(&f, format->data, format->data + format->len, 0) && jinja_end(j, mark, out);
}
