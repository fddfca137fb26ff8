/* Reading a value: from the command line's text or a TOML value to the type of the option, with its range. */
#include "config/value.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"

int value_shown(const char *text)
{
    size_t n = strlen(text);
    if (n > 60)
        for (n = 60; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
            n--;
    return (int)n;
}

static const char *type_wanted(const bora_option *o)
{
    switch (o->type) {
    case BORA_OPTION_FLAG:
        return "true or false";
    case BORA_OPTION_INT:
        return "an integer";
    case BORA_OPTION_FLOAT:
        return "a number";
    case BORA_OPTION_LIST:
        return "a string or an array of strings";
    case BORA_OPTION_STRING:
    case BORA_OPTION_PATH:
    case BORA_OPTION_CHOICE:
        break;
    }
    return "a string";
}

/* "expected an integer from 0 to 10, found …" */
static bool fail_number(const bora_option *o, const char *text, bora_error *err)
{
    buf range = { 0 };
    help_range(&range, o);
    bora_fail(err, BORA_USAGE, "expected %s (%s), found \"%.*s\"", type_wanted(o), buf_text(&range), value_shown(text),
              text);
    buf_free(&range);
    return false;
}

double value_decimal(const char *text, char **end)
{
    locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    double number = plain ? strtod_l(text, end, plain) : strtod(text, end);
    if (plain)
        freelocale(plain);
    return number;
}

/* The decimal point of a program's locale is not that of a file. */
static void decimal_write(char *out, size_t size, double number)
{
    locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    locale_t before = plain ? uselocale(plain) : (locale_t)0;
    snprintf(out, size, "%.17g", number);
    if (plain) {
        uselocale(before);
        freelocale(plain);
    }
}

/* Digits, sign, point and exponent only: no white space, no "inf", no hexadecimal. */
static bool looks_numeric(const char *text)
{
    return *text && text[strspn(text, "+-.0123456789eE")] == '\0';
}

static bool read_number(const bora_option *o, const char *text, setting *v, bora_error *err)
{
    char *end;
    errno = 0;
    if (!looks_numeric(text))
        return fail_number(o, text, err);
    if (o->type == BORA_OPTION_INT) {
        v->integer = strtoll(text, &end, 10);
        v->number = (double)v->integer;
    } else {
        v->number = value_decimal(text, &end);
    }
    /* An underflow to zero is a fine number; an overflow is infinite, and out of every finite range. */
    bool overflow = errno == ERANGE && (o->type == BORA_OPTION_INT || v->number > 1 || v->number < -1);
    if (*end || overflow || !(v->number >= o->min && v->number <= o->max))
        return fail_number(o, text, err);
    return true;
}

static bool read_choice(const bora_option *o, const char *text, bora_error *err)
{
    size_t len = strlen(text);
    if (option_word_in(o->choices, text, len))
        return true;
    buf words = { 0 };
    option_put_words(&words, o->choices, " or ");
    if (option_word_in(o->later_choices, text, len)) {
        bora_fail(err, BORA_UNSUPPORTED, "`%s` is not available in this version of bora (expected %s)", text,
                  buf_text(&words));
    } else {
        char copies[16][32];
        const char *names[16], *list = o->choices;
        size_t n = 0, word_len;
        for (const char *word; n < 16 && (word = option_word(&list, &word_len)); n++) {
            snprintf(copies[n], sizeof copies[n], "%.*s", (int)word_len, word);
            names[n] = copies[n];
        }
        const char *near = nearest_name(text, names, n);
        bora_fail(err, BORA_USAGE, "expected %s, found \"%.*s\"%s%s%s", buf_text(&words), value_shown(text), text,
                  near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    }
    buf_free(&words);
    return false;
}

static bool add_item(arena *a, setting *v, const char *text, size_t len, bora_error *err)
{
    if (v->n_items == v->cap_items) {
        size_t cap = v->cap_items ? v->cap_items * 2 : 4;
        const char **items = arena_array(a, cap, sizeof *items);
        if (!items)
            return bora_fail_memory(err, "a list");
        if (v->n_items)
            memcpy(items, v->items, v->n_items * sizeof *items);
        v->items = items;
        v->cap_items = cap;
    }
    const char *item = arena_strndup(a, text, len);
    if (!item)
        return bora_fail_memory(err, "a list");
    v->items[v->n_items++] = item;
    return true;
}

/* Adds the items of one text. Empty items are an error: a stray separator is a typing mistake. */
static bool add_items(arena *a, const bora_option *o, setting *v, const char *text, bora_error *err)
{
    for (;;) {
        const char *end = o->separator ? strchr(text, o->separator) : NULL;
        size_t len = end ? (size_t)(end - text) : strlen(text);
        if (len == 0)
            return bora_fail(err, BORA_USAGE, "expected a text, found an empty item");
        if (!add_item(a, v, text, len, err))
            return false;
        if (!end)
            return true;
        text = end + 1;
    }
}

bool value_read_text(arena *a, const bora_option *o, const char *text, setting *v, bora_error *err)
{
    if (o->type == BORA_OPTION_LIST)
        return add_items(a, o, v, text, err);
    v->text = arena_strdup(a, text);
    if (!v->text)
        return bora_fail_memory(err, "an option");
    switch (o->type) {
    case BORA_OPTION_FLAG:
        v->flag = strcmp(text, "true") == 0;
        if (!v->flag && strcmp(text, "false") != 0)
            return bora_fail(err, BORA_USAGE, "expected true or false, found \"%.*s\"", value_shown(text), text);
        return true;
    case BORA_OPTION_INT:
    case BORA_OPTION_FLOAT:
        return read_number(o, text, v, err);
    case BORA_OPTION_CHOICE:
        return read_choice(o, text, err);
    case BORA_OPTION_PATH:
        return *text || bora_fail(err, BORA_USAGE, "expected a path, found an empty text");
    case BORA_OPTION_STRING:
    case BORA_OPTION_LIST:
        break;
    }
    return true;
}

/* A string of a TOML file as C text; NULL when it holds a NUL. */
static const char *toml_text(const toml_value *t)
{
    return strlen(t->string) == t->len ? t->string : NULL;
}

bool value_read_toml(arena *a, const bora_option *o, const toml_value *t, setting *v, bora_error *err)
{
    char digits[40];
    const char *text = NULL;
    bool fits = false;
    switch (o->type) {
    case BORA_OPTION_FLAG:
        fits = t->type == TOML_BOOL;
        break;
    case BORA_OPTION_INT:
        fits = t->type == TOML_INT;
        break;
    case BORA_OPTION_FLOAT:
        fits = t->type == TOML_INT || t->type == TOML_FLOAT;
        break;
    case BORA_OPTION_LIST:
        if (t->type == TOML_ARRAY) {
            for (const toml_value *item = t->first; item; item = item->next) {
                if (item->type != TOML_STRING)
                    return bora_fail(err, BORA_USAGE, "expected an array of strings, found %s in it (line %d)",
                                     toml_type_name(item->type), item->line);
                text = toml_text(item);
                if (!text || !*text)
                    return bora_fail(err, BORA_USAGE, "expected a text, found %s", text ? "an empty item" : "a NUL");
                if (!add_item(a, v, text, item->len, err))
                    return false;
            }
            return true;
        }
        fits = t->type == TOML_STRING;
        break;
    case BORA_OPTION_STRING:
    case BORA_OPTION_PATH:
    case BORA_OPTION_CHOICE:
        fits = t->type == TOML_STRING;
        break;
    }
    if (!fits)
        return bora_fail(err, BORA_USAGE, "expected %s, found %s", type_wanted(o), toml_type_name(t->type));
    switch (t->type) {
    case TOML_BOOL:
        text = t->boolean ? "true" : "false";
        break;
    case TOML_INT:
        snprintf(digits, sizeof digits, "%lld", (long long)t->integer);
        text = digits;
        break;
    case TOML_FLOAT:
        decimal_write(digits, sizeof digits, t->number);
        text = digits;
        break;
    default:
        text = toml_text(t);
        if (!text)
            return bora_fail(err, BORA_USAGE, "expected a text, found a NUL character in it");
    }
    return value_read_text(a, o, text, v, err);
}
