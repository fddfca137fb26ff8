/* The filter `wordwrap`: lines of at most so many characters, broken where Python's textwrap breaks them. */
#include <string.h>

#include "text/jinja/eval.h"

/* One line of text as characters. */
typedef struct wrap {
    job *j;
    const unsigned *c;
    const char *const *at; /* where each character begins; one more for the end */
    size_t n;
    int64_t width;
    bool break_words, break_hyphens;
} wrap;

typedef struct chunk {
    size_t from, to;
} chunk;

static bool is_blank(unsigned c)
{
    return c == ' ' || (c >= 9 && c <= 13);
}

static bool is_letter(const wrap *w, size_t i)
{
    return i < w->n && jinja_char_is_word(w->c[i]) && !jinja_char_is_decimal(w->c[i]);
}

static bool is_word_or_punct(unsigned c)
{
    return jinja_char_is_word(c) || (c < 0x80 && c && strchr("!\"'&.,?", (char)c));
}

/* The end of a run of two or more dashes between words that begins at i, or 0. */
static size_t em_dash(const wrap *w, size_t i)
{
    size_t end = i;
    while (end < w->n && w->c[end] == '-')
        end++;
    return end >= i + 2 && end < w->n && jinja_char_is_word(w->c[end]) && i > 0 && is_word_or_punct(w->c[i - 1]) ? end
                                                                                                                 : 0;
}

/* A hyphen at i inside a compound word. */
static bool is_hyphen(const wrap *w, size_t i)
{
    if (w->c[i] != '-' || i < 2)
        return false;
    bool before = (is_letter(w, i - 1) && is_letter(w, i - 2)) ||
                  (i >= 3 && is_letter(w, i - 1) && w->c[i - 2] == '-' && is_letter(w, i - 3));
    if (!before || !is_letter(w, i + 1))
        return false;
    return is_letter(w, i + 2) || (i + 2 < w->n && w->c[i + 2] == '-' && is_letter(w, i + 3));
}

static size_t chunk_end(const wrap *w, size_t from)
{
    size_t i = from;
    if (is_blank(w->c[i])) {
        while (i < w->n && is_blank(w->c[i]))
            i++;
        return i;
    }
    if (w->break_hyphens && em_dash(w, from))
        return em_dash(w, from);
    for (i = from + 1; i < w->n && !is_blank(w->c[i]); i++) {
        if (w->break_hyphens && is_hyphen(w, i))
            return i + 1;
        if (w->break_hyphens && w->c[i - 1] != '-' && em_dash(w, i))
            return i;
    }
    return i;
}

/* How much of a word that is too long for any line goes on this one. */
static size_t part_of_word(const wrap *w, chunk word, size_t room)
{
    size_t n = word.to - word.from;
    if (w->break_hyphens && n > room) {
        size_t hyphen = 0;
        bool other = false;
        for (size_t i = 0; i < room; i++) {
            if (w->c[word.from + i] == '-' && other)
                hyphen = i;
            other = other || w->c[word.from + i] != '-';
        }
        if (hyphen > 0)
            return hyphen + 1;
    }
    return n < room ? n : room;
}

static bool put_line(wrap *w, const str *separator, bool *first, size_t from, size_t to)
{
    while (to > from && is_blank(w->c[to - 1]))
        to--;
    if (to == from)
        return true;
    bool ok =
        (*first || jinja_put_str(w->j, separator)) && jinja_put(w->j, w->at[from], (size_t)(w->at[to] - w->at[from]));
    *first = false;
    return ok;
}

/* A line is one stretch of the text, since only blanks at its ends go. */
static bool wrap_line(wrap *w, const str *separator, bool *first)
{
    bool first_here = true;
    size_t from = 0;
    while (from < w->n) {
        if (!first_here && is_blank(w->c[from]))
            from = chunk_end(w, from);
        size_t at = from, room = (size_t)w->width;
        while (at < w->n) {
            chunk next = { at, chunk_end(w, at) };
            size_t len = next.to - next.from;
            if (!jinja_charge(w->j, 1 + len / 16))
                return false;
            if (len <= room) {
                room -= len;
                at = next.to;
                continue;
            }
            if (len > (size_t)w->width) {
                if (w->break_words)
                    at += part_of_word(w, next, room);
                else if (at == from)
                    at = next.to;
            }
            break;
        }
        bool was_first = *first;
        if (!put_line(w, separator, first, from, at))
            return false;
        first_here = first_here && was_first == *first;
        from = at;
    }
    return true;
}

static bool decode(wrap *w, const str *s)
{
    unsigned *c = jinja_array(w->j, s->n_chars, sizeof *c);
    const char **at = jinja_array(w->j, s->n_chars + 1, sizeof *at);
    if (!c || !at)
        return false;
    const char *p = s->data;
    for (size_t i = 0; i < s->n_chars; i++) {
        at[i] = p;
        c[i] = jinja_utf8_next(&p);
    }
    at[s->n_chars] = p;
    w->c = c;
    w->at = at;
    w->n = s->n_chars;
    return true;
}

bool jinja_wordwrap(job *j, value self, const call_args *a, value *out)
{
    wrap w = { .j = j,
               .break_words = a->args[1].type == V_MISSING || jinja_truth(j, a->args[1]),
               .break_hyphens = a->args[3].type == V_MISSING || jinja_truth(j, a->args[3]) };
    value separator = a->args[2];
    list *lines;
    if (self.type != V_STRING)
        return self.type == V_UNDEFINED ? jinja_use_undefined(j, self) : jinja_error(j, "wordwrap needs a string");
    if (separator.type == V_MISSING || separator.type == V_NONE) {
        if (!jinja_cstring(j, "\n", &separator))
            return false;
    } else if (separator.type != V_STRING) {
        return jinja_error(j, "wrapstring must be a string");
    }
    if (!jinja_arg_int(j, a->args[0], 79, &w.width) || !jinja_split_lines(j, self.s, false, &lines))
        return false;
    if (w.width <= 0)
        return jinja_error(j, "the width must be positive");
    size_t mark = jinja_begin(j);
    for (size_t i = 0; i < lines->n; i++) {
        bool first = true;
        if ((i > 0 && !jinja_put_str(j, separator.s)) || !decode(&w, lines->items[i].s) ||
            !wrap_line(&w, separator.s, &first))
            return false;
    }
    return jinja_end(j, mark, out);
}
