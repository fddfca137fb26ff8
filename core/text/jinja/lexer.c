/* Template text to tokens, with transformers' settings: trim_blocks, lstrip_blocks, no trailing newline.
 *
 * White space rules: the newline after a block or comment goes; blanks between the start of a line and a block or
 * comment go; a `-` at a tag's edge takes all white space on that side, a `+` keeps it. */
#include <stdio.h>
#include <string.h>

#include "text/jinja/ast.h"
#include "text/jinja/unicode.h"

typedef struct lexer {
    job *j;
    tokens *out;
    const char *p, *end;
    bool line_starting; /* the last thing read ended with a newline */
    char nesting[256];  /* closing brackets to come */
    size_t n_nesting;
} lexer;

static const char *const operators[] = {
    [T_POW] = "**",     [T_FLOORDIV] = "//", [T_EQ] = "==",    [T_NE] = "!=",    [T_GE] = ">=",    [T_LE] = "<=",
    [T_ADD] = "+",      [T_SUB] = "-",       [T_MUL] = "*",    [T_DIV] = "/",    [T_MOD] = "%",    [T_TILDE] = "~",
    [T_LBRACKET] = "[", [T_RBRACKET] = "]",  [T_LPAREN] = "(", [T_RPAREN] = ")", [T_LBRACE] = "{", [T_RBRACE] = "}",
    [T_GT] = ">",       [T_LT] = "<",        [T_ASSIGN] = "=", [T_DOT] = ".",    [T_COLON] = ":",  [T_PIPE] = "|",
    [T_COMMA] = ",",    [T_SEMICOLON] = ";",
};

const char *jinja_token_name(const token *t, char buffer[64])
{
    static const char *const names[] = {
        [T_EOF] = "the end of the template",
        [T_DATA] = "text",
        [T_BLOCK_BEGIN] = "'{%'",
        [T_BLOCK_END] = "'%}'",
        [T_VARIABLE_BEGIN] = "'{{'",
        [T_VARIABLE_END] = "'}}'",
        [T_NAME] = "a name",
        [T_STRING] = "a string",
        [T_INT] = "a number",
        [T_FLOAT] = "a number",
    };
    if (t->type == T_NAME && t->v.type == V_STRING)
        snprintf(buffer, 64, "'%.*s'", t->v.s->len > 48 ? 48 : (int)t->v.s->len, t->v.s->data);
    else if (t->type >= T_POW)
        snprintf(buffer, 64, "'%s'", operators[t->type]);
    else
        snprintf(buffer, 64, "%s", names[t->type]);
    return buffer;
}

static bool emit(lexer *l, token_type type, value v)
{
    tokens *t = l->out;
    if (t->n == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 64;
        token *items = jinja_array(l->j, cap, sizeof *items);
        if (!items)
            return false;
        if (t->n)
            memcpy(items, t->items, t->n * sizeof *items);
        t->items = items;
        t->cap = cap;
    }
    t->items[t->n++] = (token){ (uint8_t)type, l->j->line, v };
    return true;
}

/* Moves on to `to`, counting lines. */
static void advance(lexer *l, const char *to)
{
    for (; l->p < to; l->p++)
        l->j->line += *l->p == '\n';
}

static bool starts(const lexer *l, const char *p, const char *text)
{
    size_t n = strlen(text);
    return (size_t)(l->end - p) >= n && memcmp(p, text, n) == 0;
}

static const char *skip_space(const lexer *l, const char *p)
{
    for (const char *next = p; p < l->end && jinja_char_is_space(jinja_utf8_next(&next)); next = p)
        p = next;
    return p;
}

/* If a tag's end (`close`, maybe after + or -) is at p: what follows it. Else NULL. */
static const char *tag_end(const lexer *l, const char *p, const char *close, bool trims)
{
    if (*p == '-' && starts(l, p + 1, close))
        return skip_space(l, p + 3);
    if (trims && *p == '+' && starts(l, p + 1, close))
        return p + 3;
    if (!starts(l, p, close))
        return NULL;
    return trims && p + 2 < l->end && p[2] == '\n' ? p + 3 : p + 2;
}

/* Text from l->p up to `to`, where a tag with white space mark `sign` begins. */
static bool emit_text(lexer *l, const char *to, char sign, bool is_variable)
{
    const char *from = l->p, *stop = to;
    if (sign == '-') {
        while (stop > from) {
            const char *before = stop;
            if (!jinja_char_is_space(jinja_utf8_prev(&before)))
                break;
            stop = before;
        }
    } else if (sign != '+' && !is_variable) {
        const char *line = to;
        while (line > from && line[-1] != '\n')
            line--;
        if ((line > from || l->line_starting) && skip_space(l, line) >= to)
            stop = line;
    }
    value text;
    if (stop > from && (!jinja_string(l->j, from, (size_t)(stop - from), &text) || !emit(l, T_DATA, text)))
        return false;
    advance(l, to);
    return true;
}

static bool lex_comment(lexer *l, const char *content)
{
    const char *p = content;
    while (p < l->end && !starts(l, p, "#}"))
        p++;
    if (p >= l->end) {
        if (content < l->end)
            return jinja_error(l->j, "a comment is not closed, expected '#}'");
        l->p = l->end; /* a comment that is opened by the template's last characters is none */
        return true;
    }
    if (p > content && (p[-1] == '-' || p[-1] == '+'))
        p--;
    p = tag_end(l, p, "#}", true);
    advance(l, p);
    l->line_starting = p[-1] == '\n';
    return true;
}

/* If `{% raw %}` begins at p: what follows it. */
static const char *raw_begin(const lexer *l, const char *p)
{
    p += 2;
    if (p < l->end && (*p == '-' || *p == '+'))
        p++;
    p = skip_space(l, p);
    if (!starts(l, p, "raw"))
        return NULL;
    p = skip_space(l, p + 3);
    return starts(l, p, "-%}") ? skip_space(l, p + 3) : starts(l, p, "%}") ? p + 2 : NULL;
}

static bool lex_raw(lexer *l, const char *content)
{
    advance(l, content);
    l->line_starting = content[-1] == '\n';
    for (const char *p = content; p < l->end; p++) {
        if (!starts(l, p, "{%"))
            continue;
        const char *q = p + 2;
        char sign = q < l->end && (*q == '-' || *q == '+') ? *q++ : '\0';
        q = skip_space(l, q);
        if (!starts(l, q, "endraw"))
            continue;
        q = skip_space(l, q + 6);
        const char *after = q < l->end ? tag_end(l, q, "%}", true) : NULL;
        if (!after)
            continue;
        if (!emit_text(l, p, sign, false))
            return false;
        advance(l, after);
        l->line_starting = after[-1] == '\n';
        return true;
    }
    return content >= l->end || jinja_error(l->j, "a raw block is not closed, expected '{%% endraw %%}'");
}

static bool is_digit(const lexer *l, const char *p)
{
    return p < l->end && *p >= '0' && *p <= '9';
}

static const char *digit_run(const lexer *l, const char *p)
{
    while (is_digit(l, p) || (p < l->end && *p == '_' && is_digit(l, p + 1)))
        p++;
    return p;
}

static const char *based_run(const lexer *l, const char *p, int base)
{
    for (;;) {
        const char *d = p < l->end && *p == '_' ? p + 1 : p;
        char c = d < l->end ? *d : '\0', lower = (char)(c | 0x20);
        int digit = c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 99;
        if (digit >= base)
            return p;
        p = d + 1;
    }
}

static bool lex_number(lexer *l)
{
    const char *from = l->p, *p = digit_run(l, from);
    /* After a dot ("a.1.2") it is no float. */
    if (from[-1] != '.') {
        const char *q = p;
        if (q < l->end && *q == '.' && is_digit(l, q + 1))
            q = digit_run(l, q + 1);
        if (q < l->end && (*q == 'e' || *q == 'E')) {
            const char *e = q + 1 < l->end && (q[1] == '+' || q[1] == '-') ? q + 2 : q + 1;
            if (is_digit(l, e))
                q = digit_run(l, e);
        }
        if (q > p) {
            l->p = q;
            return emit(l, T_FLOAT, v_float(jinja_strtod(from, (size_t)(q - from))));
        }
    }
    char x = p < l->end ? (char)(*p | 0x20) : '\0';
    int base = x == 'x' ? 16 : x == 'o' ? 8 : x == 'b' ? 2 : 0;
    if (p == from + 1 && *from == '0' && base && based_run(l, p + 1, base) > p + 1) {
        p = based_run(l, p + 1, base);
    } else if (*from == '0') {
        p = from + 1; /* zeros only: "007" is two numbers, which no expression has */
        while (p < l->end && (*p == '0' || (*p == '_' && p + 1 < l->end && p[1] == '0')))
            p++;
    }
    value v;
    bool ok;
    l->p = p;
    return jinja_parse_int(l->j, from, (size_t)(p - from), 0, &v, &ok) &&
           (ok ? emit(l, T_INT, v) : jinja_error(l->j, "an integer has too many digits"));
}

static int hex_digit(char c)
{
    char lower = (char)(c | 0x20);
    return c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The escape after a backslash at *p, as Python's unicode-escape reads it. */
static bool put_escape(lexer *l, const char **p, const char *end)
{
    static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
    job *j = l->j;
    char c = *(*p)++;
    const char *known = c ? strchr(from, c) : NULL;
    if (c == '\n')
        return true;
    if (known)
        return jinja_put(j, &to[known - from], 1);
    if (c >= '0' && c <= '7') {
        unsigned n = (unsigned)(c - '0');
        for (int i = 0; i < 2 && *p < end && **p >= '0' && **p <= '7'; i++)
            n = n * 8 + (unsigned)(*(*p)++ - '0');
        return jinja_put_char(j, n);
    }
    int width = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (width) {
        unsigned n = 0;
        for (int i = 0; i < width; i++) {
            int d = *p < end ? hex_digit(**p) : -1;
            if (d < 0)
                return jinja_error(j, "truncated \\%c escape in a string", c);
            n = n * 16 + (unsigned)d;
            ++*p;
        }
        if (n > 0x10ffff)
            return jinja_error(j, "illegal Unicode character in a string");
        return jinja_put_char(j, n >= 0xd800 && n < 0xe000 ? 0xfffd : n);
    }
    if (c == 'N')
        return jinja_fail(j, BORA_UNSUPPORTED, "characters by name (\\N) are not supported");
    if ((unsigned char)c >= 0x80) {
        /* Python escapes such a character first and then reads its escape's backslash as escaped. */
        char text[16];
        --*p;
        unsigned n = jinja_utf8_next(p);
        snprintf(text, sizeof text, n < 0x100 ? "\\x%02x" : n < 0x10000 ? "\\u%04x" : "\\U%08x", n);
        return jinja_puts(j, text);
    }
    char both[2] = { '\\', c };
    return jinja_put(j, both, 2);
}

static bool lex_string(lexer *l)
{
    char quote = *l->p;
    const char *end = l->p + 1;
    while (end < l->end && *end != quote)
        end += *end == '\\' ? 2 : 1;
    if (end >= l->end)
        return jinja_error(l->j, "a string is not closed, expected %c", quote);
    size_t mark = jinja_begin(l->j);
    for (const char *p = l->p + 1; p < end;) {
        const char *plain = p;
        while (p < end && *p != '\\')
            p++;
        if (!jinja_put(l->j, plain, (size_t)(p - plain)))
            return false;
        if (p < end && (p++, !put_escape(l, &p, end)))
            return false;
    }
    value text;
    if (!jinja_end(l->j, mark, &text) || !emit(l, T_STRING, text))
        return false;
    advance(l, end + 1);
    return true;
}

static bool is_name_char(unsigned c, bool first)
{
    if (c < 0x80)
        return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (!first && c >= '0' && c <= '9');
    return jinja_char_is_alpha(c) || (!first && jinja_char_is_word(c));
}

static bool lex_name(lexer *l, const char *after_first)
{
    const char *from = l->p, *p = after_first;
    for (const char *next = p; p < l->end && is_name_char(jinja_utf8_next(&next), false); next = p)
        p = next;
    value name;
    l->p = p;
    return jinja_string(l->j, from, (size_t)(p - from), &name) && emit(l, T_NAME, name);
}

static bool lex_operator(lexer *l)
{
    for (int t = T_POW; t <= T_SEMICOLON; t++) {
        if (!starts(l, l->p, operators[t]))
            continue;
        const char *open = strchr("([{", operators[t][0]);
        if (open) {
            if (l->n_nesting == sizeof l->nesting)
                return jinja_fail(l->j, BORA_LIMIT, "nested too deeply");
            l->nesting[l->n_nesting++] = ")]}"[open - "([{"];
        } else if (strchr(")]}", operators[t][0])) {
            if (l->n_nesting == 0)
                return jinja_error(l->j, "unexpected '%s'", operators[t]);
            char expected = l->nesting[--l->n_nesting];
            if (expected != operators[t][0])
                return jinja_error(l->j, "unexpected '%s', expected '%c'", operators[t], expected);
        }
        l->p += strlen(operators[t]);
        return emit(l, (token_type)t, (value){ 0 });
    }
    char shown[5] = "";
    const char *next = l->p;
    jinja_utf8_next(&next);
    memcpy(shown, l->p, (size_t)(next - l->p));
    return jinja_error(l->j, "unexpected character '%s'", shown);
}

/* The inside of {% %} or {{ }}. */
static bool lex_tag(lexer *l, bool is_variable)
{
    const char *close = is_variable ? "}}" : "%}";
    l->n_nesting = 0;
    while (l->p < l->end) {
        const char *after = l->n_nesting ? NULL : tag_end(l, l->p, close, !is_variable);
        if (after) {
            if (!emit(l, is_variable ? T_VARIABLE_END : T_BLOCK_END, (value){ 0 }))
                return false;
            advance(l, after);
            l->line_starting = after[-1] == '\n';
            return true;
        }
        const char *next = l->p;
        unsigned c = jinja_utf8_next(&next);
        bool ok = true;
        if (jinja_char_is_space(c))
            advance(l, next);
        else if (c >= '0' && c <= '9')
            ok = lex_number(l);
        else if (is_name_char(c, true))
            ok = lex_name(l, next);
        else if (c == '\'' || c == '"')
            ok = lex_string(l);
        else
            ok = lex_operator(l);
        if (!ok)
            return false;
    }
    return true; /* the parser says what is missing */
}

static bool lex(lexer *l)
{
    while (l->p < l->end) {
        const char *tag = l->p;
        while (tag < l->end && !(*tag == '{' && tag + 1 < l->end && strchr("%{#", tag[1]) && tag[1]))
            tag++;
        if (tag >= l->end) {
            value text;
            return jinja_string(l->j, l->p, (size_t)(tag - l->p), &text) && emit(l, T_DATA, text);
        }
        char kind = tag[1], sign = tag + 2 < l->end && (tag[2] == '-' || tag[2] == '+') ? tag[2] : '\0';
        const char *content = tag + 2 + (sign != '\0');
        if (!emit_text(l, tag, sign, kind == '{'))
            return false;
        l->line_starting = false;
        const char *raw = kind == '%' ? raw_begin(l, tag) : NULL;
        if (raw) {
            if (!lex_raw(l, raw))
                return false;
            continue;
        }
        if (kind == '#') {
            if (!lex_comment(l, content))
                return false;
            continue;
        }
        if (!emit(l, kind == '{' ? T_VARIABLE_BEGIN : T_BLOCK_BEGIN, (value){ 0 }))
            return false;
        l->p = content;
        if (!lex_tag(l, kind == '{'))
            return false;
    }
    return true;
}

/* \r\n and \r become \n; one newline at the very end goes. */
static bool normalize(job *j, const char *source, size_t len, const char **text, size_t *n)
{
    char *copy = jinja_alloc(j, len + 1);
    if (!copy)
        return false;
    *n = 0;
    for (size_t i = 0; i < len; i++) {
        if (source[i] == '\r' && i + 1 < len && source[i + 1] == '\n')
            continue;
        copy[(*n)++] = source[i] == '\r' ? '\n' : source[i];
    }
    if (*n > 0 && copy[*n - 1] == '\n')
        --*n;
    *text = copy;
    return true;
}

bool jinja_tokenize(job *j, const char *source, size_t len, tokens *out)
{
    const char *text;
    size_t n;
    j->line = 1;
    if (!normalize(j, source, len, &text, &n))
        return false;
    lexer l = { .j = j, .out = out, .p = text, .end = text + n, .line_starting = true };
    return lex(&l) && emit(&l, T_EOF, (value){ 0 });
}
