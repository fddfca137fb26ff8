/* Oniguruma's Ruby syntax -> PCRE2.
 *
 * The two agree on most of it. What differs, and is rewritten here: the shorthand classes (\s is White_Space, \w and \b
 * follow Alphabetic and marks, \h is a hexadecimal digit), property names, class arithmetic ([a&&[^b]], nested
 * classes), (?m) for "dot matches newline", intervals followed by + or ? ({2}+ repeats, it is not possessive).
 *
 * A class becomes a plain PCRE2 class where that can be; where it cannot (a complement of several properties, an
 * intersection) it becomes an alternation or a lookahead that still matches exactly one character. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <ctype.h>
#include <pcre2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/regex.h"

#define SPACE "\\p{White_Space}"
#define WORD "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}"
#define WORD_ALONE WORD "\\xb2\\xb3\\xb9\\xbc-\\xbe" /* outside of brackets these six numbers are words too */
#define HEX "0-9A-Fa-f"
#define ANY "(?s:.)"

enum { MAX_DEPTH = 64, MAX_OUTPUT_BYTES = 1 << 20 };

typedef struct translator {
    const char *in, *end;
    bora_error *err;
} translator;

/* A set of characters: what stands between the brackets, and expressions of one character that do not fit there. */
typedef struct char_set {
    buf inside, others; /* others: "|x|y" */
} char_set;

static void set_free(char_set *s)
{
    buf_free(&s->inside);
    buf_free(&s->others);
}

static bool add_other(char_set *s, const char *expression)
{
    return buf_putc(&s->others, '|') && buf_puts(&s->others, expression);
}

/* Writes the set, or its complement, as an expression of one character. */
static bool write_set(buf *out, const char_set *s, bool negated)
{
    if (s->others.len == 0) {
        if (s->inside.len == 0) /* only `[^]`-like leftovers of an intersection get here */
            return buf_puts(out, negated ? ANY : "(?!)");
        return buf_puts(out, negated ? "[^" : "[") && buf_append(out, s->inside.data, s->inside.len) &&
               buf_putc(out, ']');
    }
    buf_puts(out, negated ? "(?:(?!" : "(?:");
    if (s->inside.len)
        buf_printf(out, "[%s]", s->inside.data);
    else
        buf_puts(out, "(?!)");
    buf_puts(out, s->others.data);
    return buf_puts(out, negated ? ")" ANY ")" : ")");
}

/* Property names that PCRE2 lacks or spells otherwise, in the normal form: lower case, letters and digits only. */
static const struct {
    const char *name, *inside;
} properties[] = {
    { "letter", "\\p{L}" },
    { "casedletter", "\\p{L&}" },
    { "lc", "\\p{L&}" },
    { "uppercaseletter", "\\p{Lu}" },
    { "lowercaseletter", "\\p{Ll}" },
    { "titlecaseletter", "\\p{Lt}" },
    { "modifierletter", "\\p{Lm}" },
    { "otherletter", "\\p{Lo}" },
    { "mark", "\\p{M}" },
    { "combiningmark", "\\p{M}" },
    { "nonspacingmark", "\\p{Mn}" },
    { "spacingmark", "\\p{Mc}" },
    { "enclosingmark", "\\p{Me}" },
    { "number", "\\p{N}" },
    { "decimalnumber", "\\p{Nd}" },
    { "letternumber", "\\p{Nl}" },
    { "othernumber", "\\p{No}" },
    { "punctuation", "\\p{P}" },
    { "connectorpunctuation", "\\p{Pc}" },
    { "dashpunctuation", "\\p{Pd}" },
    { "openpunctuation", "\\p{Ps}" },
    { "closepunctuation", "\\p{Pe}" },
    { "initialpunctuation", "\\p{Pi}" },
    { "finalpunctuation", "\\p{Pf}" },
    { "otherpunctuation", "\\p{Po}" },
    { "symbol", "\\p{S}" },
    { "mathsymbol", "\\p{Sm}" },
    { "currencysymbol", "\\p{Sc}" },
    { "modifiersymbol", "\\p{Sk}" },
    { "othersymbol", "\\p{So}" },
    { "separator", "\\p{Z}" },
    { "spaceseparator", "\\p{Zs}" },
    { "lineseparator", "\\p{Zl}" },
    { "paragraphseparator", "\\p{Zp}" },
    { "other", "\\p{C}" },
    { "control", "\\p{Cc}" },
    { "format", "\\p{Cf}" },
    { "surrogate", "\\p{Cs}" },
    { "privateuse", "\\p{Co}" },
    { "unassigned", "\\p{Cn}" },
    { "assigned", "\\P{Cn}" },
    { "any", "\\p{Any}" },
    { "ascii", "\\x00-\\x7f" },
    { "alnum", "\\p{Alphabetic}\\p{Nd}" },
    { "alpha", "\\p{Alphabetic}" },
    { "blank", "\\p{Zs}\\t" },
    { "cntrl", "\\p{Cc}" },
    { "digit", "\\p{Nd}" },
    { "lower", "\\p{Lowercase}" },
    { "upper", "\\p{Uppercase}" },
    { "graph", "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Cf}\\p{Co}" },
    { "print", "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Cf}\\p{Co}\\p{Zs}" },
    { "punct", "\\p{P}" },
    { "space", SPACE },
    { "xdigit", HEX },
    { "word", WORD },
};

static bool compiles(const char *pattern)
{
    int code;
    size_t offset;
    pcre2_code *re =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP, &code, &offset, NULL);
    pcre2_code_free(re);
    return re != NULL;
}

/* Adds property `name` to a set. */
static bool add_property(translator *t, char_set *s, const char *name, size_t len, bool negated)
{
    char norm[64], inside[96] = "";
    size_t n = 0;
    if (len > 0 && name[0] == '^') {
        negated = !negated;
        name++, len--;
    }
    for (size_t i = 0; i < len; i++) {
        if (name[i] == ' ' || name[i] == '_' || name[i] == '-')
            continue;
        if (!isalnum((unsigned char)name[i]) || n + 1 >= sizeof norm)
            return bora_fail(t->err, BORA_FORMAT, "regular expression: no character property \"%.*s\"", (int)len, name);
        norm[n++] = (char)tolower((unsigned char)name[i]);
    }
    norm[n] = '\0';
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
        if (strcmp(norm, properties[i].name) == 0)
            strcpy(inside, properties[i].inside);
    if (!inside[0] && n > 2) { /* a script; PCRE2's bare name would include the script's extensions */
        snprintf(inside, sizeof inside, "\\p{sc:%s}", norm);
        if (!compiles(inside))
            inside[0] = '\0';
    }
    if (!inside[0]) {
        snprintf(inside, sizeof inside, "\\p{%s}", norm);
        if (!compiles(inside))
            return bora_fail(t->err, BORA_FORMAT, "regular expression: no character property \"%.*s\"", (int)len, name);
    }
    if (!negated)
        return buf_puts(&s->inside, inside);
    if (inside[0] == '\\' && (inside[1] == 'p' || inside[1] == 'P') && strchr(inside, '}')[1] == '\0') {
        inside[1] = inside[1] == 'p' ? 'P' : 'p';
        return buf_puts(&s->inside, inside);
    }
    char other[128];
    snprintf(other, sizeof other, "[^%s]", inside);
    return add_other(s, other);
}

/* If the escape at t->in (after the backslash) stands for a set of characters, adds it and steps over it. */
static bool add_class_escape(translator *t, char_set *s, bool *is_set)
{
    char c = *t->in;
    *is_set = true;
    switch (c) {
    case 's':
        buf_puts(&s->inside, SPACE);
        break;
    case 'S':
        buf_puts(&s->inside, "\\P{White_Space}");
        break;
    case 'd':
        buf_puts(&s->inside, "\\p{Nd}");
        break;
    case 'D':
        buf_puts(&s->inside, "\\P{Nd}");
        break;
    case 'w':
        buf_puts(&s->inside, WORD);
        break;
    case 'W':
        add_other(s, "[^" WORD "]");
        break;
    case 'h':
        buf_puts(&s->inside, HEX);
        break;
    case 'H':
        add_other(s, "[^" HEX "]");
        break;
    case 'p':
    case 'P': {
        if (t->in + 1 >= t->end || t->in[1] != '{')
            return bora_fail(t->err, BORA_FORMAT, "regular expression: \\%c without {…}", c);
        const char *close = memchr(t->in, '}', (size_t)(t->end - t->in));
        if (!close)
            return bora_fail(t->err, BORA_FORMAT, "regular expression: \\%c{ without }", c);
        const char *name = t->in + 2;
        t->in = close + 1;
        return add_property(t, s, name, (size_t)(close - name), c == 'P');
    }
    default:
        *is_set = false;
        return true;
    }
    t->in++;
    return true;
}

/* Writes the escape of a single character, t->in being after the backslash. */
static bool write_char_escape(translator *t, buf *out)
{
    char c = *t->in;
    if (c == 'v') { /* in PCRE2 a class of its own */
        t->in++;
        return buf_puts(out, "\\x0b");
    }
    if (c == 'u' && t->end - t->in >= 5) {
        buf_printf(out, "\\x{%.4s}", t->in + 1);
        t->in += 5;
        return true;
    }
    if ((unsigned char)c >= 0x80) /* the backslash says nothing here, and PCRE2 does not want it */
        return true;
    t->in++;
    buf_putc(out, '\\');
    buf_putc(out, c);
    const char *close = t->in < t->end && *t->in == '{' ? memchr(t->in, '}', (size_t)(t->end - t->in)) : NULL;
    if (close && (c == 'x' || c == 'o' || c == 'k' || c == 'g')) { /* not an interval */
        buf_append(out, t->in, (size_t)(close + 1 - t->in));
        t->in = close + 1;
    }
    return true;
}

static bool parse_class(translator *t, buf *out, int depth);

/* The items of a class up to `]` or `&&`; t->in is at the first. */
static bool parse_items(translator *t, char_set *s, int depth)
{
    bool first = true, after_set = false;
    while (t->in < t->end) {
        char c = *t->in;
        size_t left = (size_t)(t->end - t->in);
        bool is_set = false;
        if (c == ']' && !first)
            return true;
        if (c == '&' && left > 1 && t->in[1] == '&')
            return true;
        if (c == '[' && left > 3 && t->in[1] == ':' && memmem(t->in + 2, left - 2, ":]", 2)) {
            const char *name = t->in + 2, *close = memmem(name, left - 2, ":]", 2);
            t->in = close + 2;
            if (close - name == 5 && memcmp(name, "punct", 5) == 0) /* more than \p{Punct} */
                buf_puts(&s->inside, "\\p{P}\\p{S}");
            else if (!add_property(t, s, name, (size_t)(close - name), false))
                return false;
            is_set = true;
        } else if (c == '[') {
            buf nested = { 0 };
            bool ok = parse_class(t, &nested, depth + 1) && !nested.failed && add_other(s, buf_text(&nested));
            buf_free(&nested);
            if (!ok)
                return false;
            is_set = true;
        } else if (c == '\\' && left > 1) {
            t->in++;
            if (!add_class_escape(t, s, &is_set))
                return false;
            if (!is_set) {
                if (*t->in == 'b') {
                    t->in++;
                    buf_puts(&s->inside, "\\x08");
                } else if (!write_char_escape(t, &s->inside)) {
                    return false;
                }
            }
        } else if (c == '-') {
            /* Next to a set, or at an end, it can only be itself. */
            bool before_set = left > 1 && (t->in[1] == ']' || t->in[1] == '[' ||
                                           (t->in[1] == '\\' && left > 2 && strchr("sSdDwWhHpP", t->in[2])));
            buf_puts(&s->inside, first || after_set || before_set ? "\\-" : "-");
            t->in++;
        } else if (c == '^' || c == ']') {
            buf_putc(&s->inside, '\\');
            buf_putc(&s->inside, c);
            t->in++;
        } else {
            buf_putc(&s->inside, c);
            t->in++;
        }
        first = false;
        after_set = is_set;
    }
    return bora_fail(t->err, BORA_FORMAT, "regular expression: [ without ]");
}

/* A whole class; t->in is at its `[`. */
static bool parse_class(translator *t, buf *out, int depth)
{
    if (depth > MAX_DEPTH)
        return bora_fail(t->err, BORA_LIMIT, "regular expression: classes nested deeper than %d", MAX_DEPTH);
    buf positive = { 0 }; /* the class without its `^` */
    bool ok = false, negated = false, intersected = false;
    char_set s = { 0 };
    t->in++;
    if (t->in < t->end && *t->in == '^') {
        negated = true;
        t->in++;
    }
    for (;;) {
        if (!parse_items(t, &s, depth))
            goto done;
        if (*t->in == ']')
            break;
        t->in += 2; /* && */
        intersected = true;
        buf_puts(&positive, "(?=");
        write_set(&positive, &s, false);
        buf_putc(&positive, ')');
        set_free(&s);
        s = (char_set){ 0 };
    }
    t->in++;
    if (!intersected) {
        ok = write_set(out, &s, negated);
        goto done;
    }
    write_set(&positive, &s, false);
    ok = buf_printf(out, negated ? "(?:(?!%s)" ANY ")" : "(?:%s)", buf_text(&positive)) && !positive.failed;
done:
    if (!ok && (s.inside.failed || s.others.failed || positive.failed || out->failed))
        bora_fail_memory(t->err, "a regular expression");
    set_free(&s);
    buf_free(&positive);
    return ok;
}

/* Wraps what was written since `atom` in a group, so that a further quantifier applies to all of it. */
static bool wrap(buf *out, size_t atom)
{
    if (!buf_reserve(out, 4))
        return false;
    memmove(out->data + atom + 3, out->data + atom, out->len - atom);
    memcpy(out->data + atom, "(?:", 3);
    out->len += 3;
    return buf_putc(out, ')');
}

/* The end of an interval {n}, {n,}, {,m}, {n,m} at `in`, or NULL. */
static const char *interval_end(const char *in, const char *end, bool *fixed, bool *open_start)
{
    const char *c = in + 1, *digits = c;
    while (c < end && isdigit((unsigned char)*c))
        c++;
    bool low = c > digits, comma = c < end && *c == ',';
    digits = c + comma;
    c += comma;
    while (comma && c < end && isdigit((unsigned char)*c))
        c++;
    bool high = comma && c > digits;
    *fixed = low && !comma;
    *open_start = !low;
    return c < end && *c == '}' && (low || high) ? c + 1 : NULL;
}

/* `(` and what belongs to it: flags change their letters. */
static bool write_group_start(translator *t, buf *out)
{
    buf_putc(out, *t->in++);
    if (t->end - t->in < 2 || t->in[0] != '?' || !(islower((unsigned char)t->in[1]) || t->in[1] == '-'))
        return true;
    const char *c = t->in + 1;
    while (c < t->end && (islower((unsigned char)*c) || *c == '-'))
        c++;
    if (c == t->end || (*c != ':' && *c != ')'))
        return true;
    for (; t->in < c; t->in++)
        buf_putc(out, *t->in == 'm' ? 's' : *t->in);
    return true;
}

static bool translate(translator *t, buf *out)
{
    size_t groups[MAX_DEPTH * 4], n_groups = 0; /* where each open group starts in the output */
    size_t atom = 0;                            /* where what a quantifier would apply to starts */
    while (t->in < t->end && !out->failed) {
        char c = *t->in;
        size_t at = out->len;
        if (out->len > MAX_OUTPUT_BYTES)
            return bora_fail(t->err, BORA_LIMIT, "a regular expression that is too large");
        if (c == '\\' && t->in + 1 < t->end) {
            t->in++;
            char_set s = { 0 };
            bool is_set = *t->in == 'w' || *t->in == 'W', ok = true;
            if (is_set)
                ok = buf_puts(out, *t->in++ == 'w' ? "[" WORD_ALONE "]" : "[^" WORD_ALONE "]");
            else if ((ok = add_class_escape(t, &s, &is_set)) && is_set)
                ok = write_set(out, &s, false);
            set_free(&s);
            if (!ok)
                return false;
            if (!is_set && (*t->in == 'b' || *t->in == 'B')) {
                buf_puts(out, *t->in == 'b' ? "(?:(?<=[" WORD_ALONE "])(?![" WORD_ALONE "])|(?<![" WORD_ALONE
                                              "])(?=[" WORD_ALONE "]))"
                                            : "(?:(?<=[" WORD_ALONE "])(?=[" WORD_ALONE "])|(?<![" WORD_ALONE
                                              "])(?![" WORD_ALONE "]))");
                t->in++;
            } else if (!is_set) {
                write_char_escape(t, out);
            }
            atom = at;
        } else if (c == '[') {
            if (!parse_class(t, out, 0))
                return false;
            atom = at;
        } else if (c == '(') {
            if (n_groups == sizeof groups / sizeof *groups)
                return bora_fail(t->err, BORA_LIMIT, "regular expression: too many nested groups");
            groups[n_groups++] = at;
            write_group_start(t, out);
            if (t->in < t->end && *t->in == ')' && out->data[out->len - 1] != '(') { /* (?i): to the group's end */
                n_groups--;
                buf_putc(out, *t->in++);
            }
        } else if (c == ')') {
            buf_putc(out, *t->in++);
            atom = n_groups > 0 ? groups[--n_groups] : at;
        } else if (c == '{') {
            bool fixed, open_start;
            const char *close = interval_end(t->in, t->end, &fixed, &open_start);
            if (!close) {
                buf_puts(out, "\\{");
                t->in++;
                atom = at;
                continue;
            }
            buf_puts(out, open_start ? "{0" : "{");
            buf_append(out, t->in + 1, (size_t)(close - t->in - 1));
            t->in = close;
            if (t->in < t->end && (*t->in == '+' || (*t->in == '?' && fixed)))
                wrap(out, atom);
        } else {
            size_t width = (unsigned char)c < 0x80 ? 1 : (unsigned char)c < 0xe0 ? 2 : (unsigned char)c < 0xf0 ? 3 : 4;
            if (width > (size_t)(t->end - t->in))
                width = (size_t)(t->end - t->in);
            buf_append(out, t->in, width);
            t->in += width;
            if (c != '?' && c != '*' && c != '+')
                atom = at;
        }
    }
    return !out->failed || bora_fail_memory(t->err, "a regular expression");
}

bool regex_translate(const char *pattern, size_t len, buf *out, bora_error *err)
{
    translator t = { .in = pattern, .end = pattern + len, .err = err };
    return translate(&t, out);
}
