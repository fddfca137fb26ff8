/* Filters on single values: numbers, defaults, JSON. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/jinja/eval.h"

static bool is_default(job *j, value self, const call_args *a, value *out)
{
    bool take = self.type == V_UNDEFINED;
    if (a->args[1].type != V_MISSING && jinja_truth(j, a->args[1]))
        take = take || !jinja_truth(j, self);
    *out = self;
    if (!take)
        return true;
    *out = a->args[0];
    return a->args[0].type != V_MISSING || jinja_cstring(j, "", out);
}

static bool absolute(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    int64_t i;
    if (self.type == V_FLOAT) {
        *out = v_float(fabs(self.f));
        return true;
    }
    if (self.type == V_BIGINT) {
        size_t sign = self.s->data[0] == '-';
        if (!jinja_substring(j, self.s->data + sign, self.s->len - sign, out))
            return false;
        out->type = V_BIGINT;
        return true;
    }
    if (!jinja_is_int(self, &i))
        return jinja_error(j, "bad operand type for abs(): '%s'", jinja_type_name(self));
    *out = v_int(i);
    return i >= 0 || jinja_negate(j, self, out);
}

static bool from_float(job *j, double f, value fallback, value *out)
{
    if (isnan(f) || isinf(f)) {
        *out = fallback;
        return true;
    }
    if (fabs(f) >= 9223372036854775808.0)
        return jinja_fail(j, BORA_UNSUPPORTED, "an integer is larger than 64 bits");
    *out = v_int((int64_t)f);
    return true;
}

static bool to_int(job *j, value self, const call_args *a, value *out)
{
    value fallback = a->args[0].type == V_MISSING ? v_int(0) : a->args[0];
    int64_t base, i;
    double f;
    bool ok;
    if (!jinja_arg_int(j, a->args[1], 10, &base))
        return false;
    if (self.type == V_UNDEFINED)
        return jinja_use_undefined(j, self);
    if (jinja_is_int(self, &i)) {
        *out = v_int(i);
        return true;
    }
    if (self.type == V_BIGINT) {
        *out = self;
        return true;
    }
    if (self.type == V_FLOAT) {
        if (isinf(self.f))
            return jinja_error(j, "cannot convert float infinity to integer");
        return from_float(j, self.f, fallback, out);
    }
    *out = fallback;
    if (self.type != V_STRING)
        return true;
    if (!jinja_charge(j, self.s->len / 8))
        return false;
    if (base == 0 || (base >= 2 && base <= 36)) {
        if (!jinja_parse_int(j, self.s->data, self.s->len, (int)base, out, &ok))
            return false;
        if (ok)
            return true;
    }
    *out = fallback;
    return !jinja_parse_float(self.s->data, self.s->len, &f) || from_float(j, f, fallback, out);
}

static bool to_float(job *j, value self, const call_args *a, value *out)
{
    double f;
    if (self.type == V_UNDEFINED)
        return jinja_use_undefined(j, self);
    if (self.type == V_STRING && !jinja_charge(j, self.s->len / 8))
        return false;
    *out = a->args[0].type == V_MISSING ? v_float(0) : a->args[0];
    if (jinja_is_number(self, &f) || (self.type == V_STRING && jinja_parse_float(self.s->data, self.s->len, &f)))
        *out = v_float(f);
    return true;
}

static double ten_to(int64_t n)
{
    return n > 400 ? (double)INFINITY : n < -400 ? 0 : pow(10, (double)n);
}

/* Half to even, exactly: the decimal expansion decides, which printf knows. */
static bool round_common(job *j, value self, int64_t digits, value *out)
{
    int64_t i;
    if (jinja_is_int(self, &i)) {
        *out = v_int(i);
        if (digits >= 0)
            return true;
        if (digits < -18)
            *out = v_int(0);
        else {
            int64_t unit = 1;
            while (digits++ < 0)
                unit *= 10;
            int64_t rest = i % unit, low = i - rest;
            if (rest < 0) {
                rest += unit;
                if (__builtin_sub_overflow(low, unit, &low))
                    return jinja_fail(j, BORA_UNSUPPORTED, "an integer is larger than 64 bits");
            }
            bool up = rest > unit - rest || (rest == unit - rest && (low / unit) % 2 != 0);
            if (up && __builtin_add_overflow(low, unit, &low))
                return jinja_fail(j, BORA_UNSUPPORTED, "an integer is larger than 64 bits");
            *out = v_int(low);
        }
        return true;
    }
    *out = self;
    if (self.type == V_BIGINT && digits >= 0)
        return true;
    if (self.type != V_FLOAT)
        return self.type == V_UNDEFINED ? jinja_use_undefined(j, self)
                                        : jinja_error(j, "'%s' cannot be rounded", jinja_type_name(self));
    if (isnan(self.f) || isinf(self.f) || digits > 330)
        return true;
    if (digits < -310) {
        *out = v_float(copysign(0, self.f));
        return true;
    }
    char text[800];
    if (digits >= 0) {
        snprintf(text, sizeof text, "%.*f", (int)digits, self.f);
        *out = v_float(strtod(text, NULL));
    } else {
        double unit = ten_to(-digits), scaled = self.f / unit;
        *out = v_float(nearbyint(scaled) * unit);
    }
    return true;
}

static bool round_value(job *j, value self, const call_args *a, value *out)
{
    int64_t digits;
    double f;
    value how = a->args[1];
    bool up = how.type == V_STRING && jinja_str_is(how.s, "ceil");
    bool down = how.type == V_STRING && jinja_str_is(how.s, "floor");
    if (!jinja_arg_int(j, a->args[0], 0, &digits))
        return false;
    if (how.type == V_MISSING || (how.type == V_STRING && jinja_str_is(how.s, "common")))
        return round_common(j, self, digits, out);
    if (!up && !down)
        return jinja_error(j, "method must be common, ceil or floor");
    if (!jinja_is_number(self, &f))
        return self.type == V_UNDEFINED ? jinja_use_undefined(j, self)
                                        : jinja_error(j, "'%s' cannot be rounded", jinja_type_name(self));
    double unit = ten_to(digits), whole = up ? ceil(f * unit) : floor(f * unit);
    *out = v_float((whole == 0 ? 0.0 : whole) / unit);
    return true;
}

static bool tojson(job *j, value self, const call_args *a, value *out)
{
    json_style style = { .ensure_ascii = a->args[0].type != V_MISSING && jinja_truth(j, a->args[0]),
                         .sort_keys = a->args[3].type != V_MISSING && jinja_truth(j, a->args[3]) };
    value indent = a->args[1], item_separator, key_separator, level;
    int64_t width;
    style.pretty = indent.type != V_MISSING && indent.type != V_NONE;
    if (style.pretty && indent.type == V_STRING) {
        style.indent = indent.s;
    } else if (style.pretty) {
        size_t mark = jinja_begin(j);
        if (!jinja_arg_int(j, indent, 0, &width) || !jinja_put_repeat(j, " ", 1, width > 0 ? (size_t)width : 0) ||
            !jinja_end(j, mark, &level))
            return false;
        style.indent = level.s;
    }
    if (a->args[2].type != V_MISSING && a->args[2].type != V_NONE) {
        list *l;
        if (!jinja_to_list(j, a->args[2], &l))
            return false;
        if (l->n != 2 || l->items[0].type != V_STRING || l->items[1].type != V_STRING)
            return jinja_error(j, "separators must be two strings");
        item_separator = l->items[0];
        key_separator = l->items[1];
    } else if (!jinja_cstring(j, style.pretty ? "," : ", ", &item_separator) ||
               !jinja_cstring(j, ": ", &key_separator)) {
        return false;
    }
    style.item_separator = item_separator.s;
    style.key_separator = key_separator.s;
    size_t mark = jinja_begin(j);
    return jinja_put_json(j, self, &style) && jinja_end(j, mark, out);
}

static bool attr(job *j, value self, const call_args *a, value *out)
{
    bool found;
    if (a->args[0].type != V_STRING)
        return jinja_error(j, "the name of an attribute must be a string");
    if (self.type == V_UNDEFINED)
        return jinja_use_undefined(j, self);
    return jinja_attribute(j, self, a->args[0].s, out, &found) &&
           (found || jinja_undefined_member(j, self, a->args[0], out));
}

static bool pprint(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    size_t mark = jinja_begin(j);
    if (!jinja_put_repr(j, self) || !jinja_end(j, mark, out))
        return false;
    bool nested = self.type == V_LIST || self.type == V_TUPLE || self.type == V_DICT || self.type == V_STRING;
    if ((nested && out->s->n_chars > 80) || (self.type == V_DICT && self.dict->n > 1))
        return jinja_fail(j, BORA_UNSUPPORTED, "pprint is supported for small values only");
    return true;
}

static bool filesizeformat(job *j, value self, const call_args *a, value *out)
{
    static const char *const units[2][8] = { { "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB" },
                                             { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB" } };
    bool binary = a->args[0].type != V_MISSING && jinja_truth(j, a->args[0]);
    double base = binary ? 1024 : 1000, f, unit;
    if (!jinja_is_number(self, &f) && !(self.type == V_STRING && jinja_parse_float(self.s->data, self.s->len, &f)))
        return self.type == V_UNDEFINED ? jinja_use_undefined(j, self) : jinja_error(j, "a size must be a number");
    char text[400];
    if (f == 1) {
        strcpy(text, "1 Byte");
    } else if (f < base) {
        if (f < -9e18)
            return jinja_error(j, "a size is out of range");
        snprintf(text, sizeof text, "%lld Bytes", (long long)f);
    } else {
        size_t i = 0;
        for (unit = base * base; i < 7 && f >= unit; i++)
            unit *= base;
        snprintf(text, sizeof text, "%.1f %s", base * f / unit, units[binary][i]);
    }
    return jinja_cstring(j, text, out);
}

static bool refused(job *j, value self, const call_args *a, value *out)
{
    (void)self;
    (void)a;
    (void)out;
    return jinja_fail(j, BORA_UNSUPPORTED, "this filter is not supported (its result is random, or it makes links)");
}

const builtin jinja_value_filters[] = {
    { "abs", "", 0, absolute },
    { "attr", "name", 1, attr },
    { "d", "default_value boolean", 0, is_default },
    { "default", "default_value boolean", 0, is_default },
    { "filesizeformat", "binary", 0, filesizeformat },
    { "float", "default", 0, to_float },
    { "int", "default base", 0, to_int },
    { "pprint", "", 0, pprint },
    { "random", NULL, 0, refused },
    { "round", "precision method", 0, round_value },
    { "tojson", "ensure_ascii indent separators sort_keys", 0, tojson },
    { "urlize", NULL, 0, refused },
};
const size_t jinja_n_value_filters = sizeof jinja_value_filters / sizeof *jinja_value_filters;

const builtin *jinja_find_filter(const str *name)
{
    const builtin *b = jinja_find_in(jinja_value_filters, jinja_n_value_filters, name->data, name->len);
    if (!b)
        b = jinja_find_in(jinja_sequence_filters, jinja_n_sequence_filters, name->data, name->len);
    return b ? b : jinja_find_in(jinja_text_filters, jinja_n_text_filters, name->data, name->len);
}
