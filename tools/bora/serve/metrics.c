/* Metrics: see metrics.h. */
#include "serve/metrics.h"

#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

typedef enum metric_kind { COUNTER, GAUGE, HISTOGRAM } metric_kind;

typedef struct series {
    char *labels; /* as they are written: route="chat",status="200" */
    double value; /* of a histogram: the sum */
    uint64_t count, *buckets;
    UT_hash_handle hh;
} series;

struct metric {
    metrics *owner;
    metric_kind kind;
    const char *name, *help, *labels;
    const double *bounds;
    size_t n_bounds;
    series *all; /* in the order in which they came */
    metric *next;
};

typedef struct collector {
    void (*collect)(void *ctx);
    void *ctx;
    struct collector *next;
} collector;

struct metrics {
    pthread_mutex_t lock; /* guards all below and all metrics */
    metric *first, **last;
    collector *collectors;
};

metrics *metrics_new(void)
{
    metrics *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    pthread_mutex_init(&m->lock, NULL);
    m->last = &m->first;
    return m;
}

static void metric_free(metric *m)
{
    series *s, *next;
    HASH_ITER(hh, m->all, s, next) {
        HASH_DEL(m->all, s);
        free(s->labels);
        free(s->buckets);
        free(s);
    }
    free(m);
}

void metrics_free(metrics *m)
{
    if (!m)
        return;
    for (metric *f = m->first, *next; f; f = next) {
        next = f->next;
        metric_free(f);
    }
    for (collector *c = m->collectors, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static metric *metric_new(metrics *owner, metric_kind kind, const char *name, const char *help, const char *labels)
{
    metric *m = owner ? calloc(1, sizeof *m) : NULL;
    if (!m)
        return NULL;
    *m = (metric){ .owner = owner, .kind = kind, .name = name, .help = help, .labels = labels ? labels : "" };
    return m;
}

static metric *put_in(metrics *owner, metric *m)
{
    if (!m)
        return NULL;
    pthread_mutex_lock(&owner->lock);
    *owner->last = m;
    owner->last = &m->next;
    pthread_mutex_unlock(&owner->lock);
    return m;
}

metric *metrics_counter(metrics *m, const char *name, const char *help, const char *labels)
{
    return put_in(m, metric_new(m, COUNTER, name, help, labels));
}

metric *metrics_gauge(metrics *m, const char *name, const char *help, const char *labels)
{
    return put_in(m, metric_new(m, GAUGE, name, help, labels));
}

metric *metrics_histogram(metrics *m, const char *name, const char *help, const char *labels, const double *bounds,
                          size_t n_bounds)
{
    metric *h = metric_new(m, HISTOGRAM, name, help, labels);
    if (h) {
        h->bounds = bounds;
        h->n_bounds = n_bounds;
    }
    return put_in(m, h);
}

void metrics_collect(metrics *m, void (*collect)(void *ctx), void *ctx)
{
    collector *c = m ? calloc(1, sizeof *c) : NULL;
    if (!c)
        return;
    *c = (collector){ .collect = collect, .ctx = ctx };
    pthread_mutex_lock(&m->lock);
    c->next = m->collectors;
    m->collectors = c;
    pthread_mutex_unlock(&m->lock);
}

/* ---- series */

static void put_value(FILE *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '\n')
            fputs("\\n", out);
        else if (*value == '"' || *value == '\\')
            fprintf(out, "\\%c", *value);
        else
            fputc(*value, out);
    }
}

/* name="value",…; every value is `instead`, if that is given. malloc'd. */
static char *labels_text(const metric *m, const char *const *values, const char *instead)
{
    char *text = NULL;
    size_t len = 0, n = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return NULL;
    for (const char *name = m->labels; *name && n < METRIC_LABELS_MAX; n++) {
        size_t name_len = strcspn(name, " ");
        const char *value = instead ? instead : values && values[n] ? values[n] : "";
        fprintf(out, "%s%.*s=\"", n ? "," : "", (int)name_len, name);
        put_value(out, value);
        fputc('"', out);
        name += name_len + (name[name_len] == ' ');
    }
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static series *series_find(metric *m, const char *labels)
{
    series *s;
    HASH_FIND_STR(m->all, labels, s);
    return s;
}

/* Takes `labels`. */
static series *series_add(metric *m, char *labels)
{
    series *s = calloc(1, sizeof *s);
    if (s && m->kind == HISTOGRAM)
        s->buckets = calloc(m->n_bounds + 1, sizeof *s->buckets);
    if (!s || (m->kind == HISTOGRAM && !s->buckets)) {
        free(s);
        free(labels);
        return NULL;
    }
    s->labels = labels;
    HASH_ADD_KEYPTR(hh, m->all, s->labels, strlen(s->labels), s);
    return s;
}

/* Locked. NULL when memory ran out: then nothing is counted. */
static series *series_of(metric *m, const char *const *values)
{
    char *labels = labels_text(m, values, NULL);
    series *s = labels ? series_find(m, labels) : NULL;
    if (!s && labels && HASH_COUNT(m->all) >= METRIC_SERIES_MAX) {
        free(labels);
        labels = labels_text(m, values, "other");
        s = labels ? series_find(m, labels) : NULL;
    }
    if (s || !labels) {
        free(labels);
        return s;
    }
    return series_add(m, labels);
}

void metric_add(metric *m, double amount, const char *const *labels)
{
    if (!m)
        return;
    pthread_mutex_lock(&m->owner->lock);
    series *s = series_of(m, labels);
    if (s)
        s->value += amount;
    pthread_mutex_unlock(&m->owner->lock);
}

void metric_set(metric *m, double value, const char *const *labels)
{
    if (!m)
        return;
    pthread_mutex_lock(&m->owner->lock);
    series *s = series_of(m, labels);
    if (s)
        s->value = value;
    pthread_mutex_unlock(&m->owner->lock);
}

void metric_observe(metric *m, double value, const char *const *labels)
{
    if (!m)
        return;
    pthread_mutex_lock(&m->owner->lock);
    series *s = series_of(m, labels);
    if (s && s->buckets) {
        size_t b = 0;
        while (b < m->n_bounds && value > m->bounds[b])
            b++;
        s->buckets[b]++;
        s->count++;
        s->value += value;
    }
    pthread_mutex_unlock(&m->owner->lock);
}

/* ---- the page */

static void put_number(FILE *out, double value)
{
    if (isnan(value))
        fputs("NaN\n", out);
    else if (isinf(value))
        fputs(value > 0 ? "+Inf\n" : "-Inf\n", out);
    else
        fprintf(out, "%.17g\n", value);
}

static void put_histogram(FILE *out, const metric *m, const series *s)
{
    const char *comma = *s->labels ? "," : "", *open = *s->labels ? "{" : "", *close = *s->labels ? "}" : "";
    uint64_t sum = 0;
    for (size_t b = 0; b <= m->n_bounds; b++) {
        char bound[32] = "+Inf";
        sum += s->buckets[b];
        if (b < m->n_bounds)
            snprintf(bound, sizeof bound, "%g", m->bounds[b]);
        fprintf(out, "%s_bucket{%s%sle=\"%s\"} %llu\n", m->name, s->labels, comma, bound, (unsigned long long)sum);
    }
    fprintf(out, "%s_sum%s%s%s ", m->name, open, s->labels, close);
    put_number(out, s->value);
    fprintf(out, "%s_count%s%s%s %llu\n", m->name, open, s->labels, close, (unsigned long long)s->count);
}

static void put_metric(FILE *out, metric *m)
{
    static const char *const kinds[] = { "counter", "gauge", "histogram" };
    series *s, *next;
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, kinds[m->kind]);
    HASH_ITER(hh, m->all, s, next) {
        if (m->kind == HISTOGRAM) {
            put_histogram(out, m, s);
            continue;
        }
        if (*s->labels)
            fprintf(out, "%s{%s} ", m->name, s->labels);
        else
            fprintf(out, "%s ", m->name);
        put_number(out, s->value);
    }
}

char *metrics_render(metrics *m, size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);
    if (!out)
        return NULL;
    pthread_mutex_lock(&m->lock);
    collector *collectors = m->collectors; /* they are only ever added, in front */
    pthread_mutex_unlock(&m->lock);
    for (collector *c = collectors; c; c = c->next)
        c->collect(c->ctx);
    pthread_mutex_lock(&m->lock);
    for (metric *f = m->first; f; f = f->next)
        put_metric(out, f);
    pthread_mutex_unlock(&m->lock);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
