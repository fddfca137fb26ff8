/* JSON to values. Unlike a JSON tree this keeps what Python keeps: 1 and 1.0 are different, integers have 64 bits or
 * all their digits, and strings may hold NUL. */
#include <stdio.h>
#include <string.h>

#include "text/jinja/unicode.h"
#include "text/jinja/value.h"

enum { MAX_JSON_DEPTH = 500 };

typedef struct reader {
    job *j;
    const char *text, *p, *end;
    int depth;
} reader;

static bool bad(const reader *r, const char *what)
{
    size_t line = 1, column = 1;
    for (const char *c = r->text; c < r->p; c++) {
        column = *c == '\n' ? 1 : column + 1;
        line += *c == '\n';
    }
    return bora_fail(r->j->err, BORA_FORMAT, "context:%zu:%zu: not valid JSON: %s", line, column, what);
}

static void skip_space(reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
        r->p++;
}

static bool read_word(reader *r, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0)
        return bad(r, "unknown word");
    r->p += n;
    return true;
}

static bool read_hex4(reader *r, unsigned *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++, r->p++) {
        char c = r->p < r->end ? *r->p : '\0', lower = (char)(c | 0x20);
        if (c >= '0' && c <= '9')
            *out = *out * 16 + (unsigned)(c - '0');
        else if (lower >= 'a' && lower <= 'f')
            *out = *out * 16 + (unsigned)(lower - 'a' + 10);
        else
            return bad(r, "bad \\u escape");
    }
    return true;
}

static bool read_escape(reader *r, unsigned *c)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (r->p >= r->end)
        return bad(r, "unfinished string");
    char e = *r->p++;
    const char *at = e ? strchr(from, e) : NULL;
    if (at) {
        *c = (unsigned char)to[at - from];
        return true;
    }
    if (e != 'u')
        return bad(r, "unknown escape");
    if (!read_hex4(r, c))
        return false;
    if (*c >= 0xd800 && *c < 0xdc00 && r->end - r->p >= 6 && r->p[0] == '\\' && r->p[1] == 'u') {
        const char *back = r->p;
        unsigned low;
        r->p += 2;
        if (!read_hex4(r, &low))
            return false;
        if (low >= 0xdc00 && low < 0xe000)
            *c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
        else
            r->p = back;
    }
    if (*c >= 0xd800 && *c < 0xe000)
        *c = 0xfffd; /* half of a pair is no character */
    return true;
}

static bool read_string(reader *r, value *out)
{
    job *j = r->j;
    size_t mark = jinja_begin(j);
    const char *plain = ++r->p;
    for (;;) {
        while (r->p < r->end && *r->p != '"' && *r->p != '\\' && (unsigned char)*r->p >= 0x20)
            r->p++;
        if (r->p >= r->end)
            return bad(r, "unfinished string");
        if ((unsigned char)*r->p < 0x20)
            return bad(r, "control character in a string");
        if (!jinja_put(j, plain, (size_t)(r->p - plain)))
            return false;
        if (*r->p++ == '"')
            return jinja_end(j, mark, out);
        unsigned c = 0;
        if (!read_escape(r, &c) || !jinja_put_char(j, c))
            return false;
        plain = r->p;
    }
}

static bool digits(reader *r)
{
    const char *from = r->p;
    while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
        r->p++;
    return r->p > from;
}

static bool read_number(reader *r, value *out)
{
    const char *from = r->p;
    bool real = false, ok;
    if (*r->p == '-')
        r->p++;
    const char *first = r->p;
    if (!digits(r) || (*first == '0' && r->p - first > 1))
        return bad(r, "bad number");
    if (r->p < r->end && *r->p == '.') {
        real = true;
        r->p++;
        if (!digits(r))
            return bad(r, "bad number");
    }
    if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
        real = true;
        r->p++;
        if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
            r->p++;
        if (!digits(r))
            return bad(r, "bad number");
    }
    if (real) {
        double f = jinja_strtod(first, (size_t)(r->p - first));
        *out = v_float(*from == '-' ? -f : f);
        return true;
    }
    return jinja_parse_int(r->j, from, (size_t)(r->p - from), 10, out, &ok) && (ok || bad(r, "too many digits"));
}

static bool read_value(reader *r, value *out);

static bool read_array(reader *r, value *out)
{
    list *l = jinja_list_new(r->j, 0);
    if (!l)
        return false;
    *out = v_list(l);
    r->p++;
    skip_space(r);
    if (r->p < r->end && *r->p == ']') {
        r->p++;
        return true;
    }
    for (;;) {
        value item;
        if (!read_value(r, &item) || !jinja_list_add(r->j, l, item))
            return false;
        skip_space(r);
        char c = r->p < r->end ? *r->p : '\0';
        if (c != ',' && c != ']')
            return bad(r, "expected ',' or ']'");
        r->p++;
        if (c == ']')
            return true;
    }
}

static bool read_object(reader *r, value *out)
{
    dict *d = jinja_dict_new(r->j);
    if (!d)
        return false;
    *out = v_dict(d);
    r->p++;
    skip_space(r);
    if (r->p < r->end && *r->p == '}') {
        r->p++;
        return true;
    }
    for (;;) {
        value key, item;
        skip_space(r);
        if (r->p >= r->end || *r->p != '"')
            return bad(r, "expected a key");
        if (!read_string(r, &key))
            return false;
        skip_space(r);
        if (r->p >= r->end || *r->p++ != ':')
            return bad(r, "expected ':'");
        if (!read_value(r, &item) || !jinja_dict_set(r->j, d, key, item))
            return false;
        skip_space(r);
        char c = r->p < r->end ? *r->p : '\0';
        if (c != ',' && c != '}')
            return bad(r, "expected ',' or '}'");
        r->p++;
        if (c == '}')
            return true;
    }
}

static bool read_value(reader *r, value *out)
{
    skip_space(r);
    if (r->p >= r->end)
        return bad(r, "it ends too early");
    if (r->depth >= MAX_JSON_DEPTH)
        return bora_fail(r->j->err, BORA_LIMIT, "context: nested more than %d deep", MAX_JSON_DEPTH);
    if (!jinja_charge(r->j, 1))
        return false;
    bool ok;
    r->depth++;
    switch (*r->p) {
    case '{':
        ok = read_object(r, out);
        break;
    case '[':
        ok = read_array(r, out);
        break;
    case '"':
        ok = read_string(r, out);
        break;
    case 't':
        *out = v_bool(true);
        ok = read_word(r, "true");
        break;
    case 'f':
        *out = v_bool(false);
        ok = read_word(r, "false");
        break;
    case 'n':
        *out = v_none();
        ok = read_word(r, "null");
        break;
    default:
        ok = (*r->p == '-' || (*r->p >= '0' && *r->p <= '9')) ? read_number(r, out) : bad(r, "unexpected character");
        break;
    }
    r->depth--;
    return ok;
}

bool jinja_read_json(job *j, const char *text, size_t len, value *out)
{
    reader r = { .j = j, .text = text, .p = text, .end = text + len };
    if (!jinja_utf8_is_valid(text, len))
        return bora_fail(j->err, BORA_FORMAT, "context: not valid UTF-8");
    if (!read_value(&r, out))
        return false;
    skip_space(&r);
    return r.p == r.end || bad(&r, "something follows the value");
}
