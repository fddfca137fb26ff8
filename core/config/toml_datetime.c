/* TOML dates and times (RFC 3339): checked against the calendar, kept as normalised text. */
#include "config/toml_parser.h"

#include <string.h>

typedef struct reader {
    const char *at, *end;
    char text[40]; /* "9999-12-31T23:59:59.123456789+23:59" fits */
    size_t len;
    const char *wrong; /* the first thing that is */
} reader;

static void put(reader *r, char c)
{
    r->text[r->len++] = c;
}

static bool next_is(const reader *r, char c)
{
    return r->at < r->end && *r->at == c;
}

/* The `n` digits that must stand here, as a number from `low` to `high`. */
static int field(reader *r, int n, int low, int high, const char *wrong)
{
    int value = 0;
    bool ok = r->end - r->at >= n;
    for (int i = 0; ok && i < n; i++) {
        ok = toml_is_digit(r->at[i]);
        value = value * 10 + (r->at[i] - '0');
        put(r, r->at[i]);
    }
    if (ok)
        r->at += n;
    if ((!ok || value < low || value > high) && !r->wrong)
        r->wrong = wrong;
    return value;
}

static void separator(reader *r, char c, const char *wrong)
{
    if (next_is(r, c))
        r->at++;
    else if (!r->wrong)
        r->wrong = wrong;
    put(r, c);
}

static void read_date(reader *r)
{
    static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    static const char form[] = "a date is written 1979-05-27";
    int year = field(r, 4, 0, 9999, form);
    separator(r, '-', form);
    int month = field(r, 2, 1, 12, "the month is two digits, 01 to 12");
    separator(r, '-', form);
    int day = field(r, 2, 1, 31, "the day is two digits, 01 to 31");
    if (r->wrong)
        return;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day > days[month - 1] || (month == 2 && day == 29 && !leap))
        r->wrong = "the month has no such day";
}

static void read_time(reader *r)
{
    static const char form[] = "a time is written 07:32:00 or 07:32:00.5";
    field(r, 2, 0, 23, "the hour is two digits, 00 to 23");
    separator(r, ':', form);
    field(r, 2, 0, 59, "the minute is two digits, 00 to 59");
    separator(r, ':', "the seconds are missing");
    field(r, 2, 0, 60, "the second is two digits, 00 to 59 (60 in a leap second)");
    if (r->wrong || !next_is(r, '.'))
        return;
    size_t without_fraction = r->len;
    put(r, *r->at++);
    if (r->at == r->end || !toml_is_digit(*r->at)) {
        r->wrong = "digits are missing after the point";
        return;
    }
    for (int i = 0; r->at < r->end && toml_is_digit(*r->at); r->at++, i++)
        if (i < 9)
            put(r, *r->at);
    while (r->text[r->len - 1] == '0')
        r->len--;
    if (r->len == without_fraction + 1)
        r->len = without_fraction;
}

static void read_offset(reader *r)
{
    static const char form[] = "an offset is written Z, +02:00 or -07:00";
    char first = *r->at++;
    if (first == 'Z' || first == 'z') {
        put(r, 'Z');
        return;
    }
    put(r, first);
    field(r, 2, 0, 23, form);
    separator(r, ':', form);
    field(r, 2, 0, 59, form);
}

bool toml_read_datetime(toml_cursor *c, const char *word, size_t len, toml_value *value)
{
    reader r = { .at = word, .end = word + len };
    const char *hyphen = memchr(word, '-', len), *colon = memchr(word, ':', len);
    bool has_date = hyphen && (!colon || hyphen < colon), has_time = !has_date;
    if (has_date) {
        read_date(&r);
        if (!r.wrong && r.at < r.end && strchr("Tt ", *r.at)) {
            has_time = true;
            put(&r, 'T');
            r.at++;
        }
    }
    if (has_time && !r.wrong)
        read_time(&r);
    value->type = !has_date ? TOML_LOCAL_TIME : has_time ? TOML_LOCAL_DATETIME : TOML_LOCAL_DATE;
    if (has_date && has_time && !r.wrong && r.at < r.end && strchr("Zz+-", *r.at)) {
        value->type = TOML_OFFSET_DATETIME;
        read_offset(&r);
    }
    if (!r.wrong && r.at < r.end)
        r.wrong = "something follows it";
    if (r.wrong)
        return toml_fail(c, "`%.*s` is not a date or time: %s", (int)(len < 40 ? len : 40), word, r.wrong);
    value->len = r.len;
    value->string = arena_strndup(c->arena, r.text, r.len);
    return value->string || bora_fail_memory(c->err, "a TOML date");
}
