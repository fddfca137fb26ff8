/* Metrics: numbers that a server counts, and the page that says them (Prometheus' text format, version 0.0.4).
 *
 * A metric is made once, with the names of its labels; each set of labels' values that is used becomes a series. All
 * may be called from any thread. Labels come from a known set (a route, a status, a model that exists), never from what
 * a client wrote; past METRIC_SERIES_MAX series of one metric new ones are counted together as "other". */
#ifndef SERVE_METRICS_H
#define SERVE_METRICS_H

#include <stddef.h>

typedef struct metrics metrics;
typedef struct metric metric;

enum { METRIC_LABELS_MAX = 4, METRIC_SERIES_MAX = 500 };

metrics *metrics_new(void); /* NULL when memory ran out */
void metrics_free(metrics *m);

/* `labels`: names separated by single spaces, or NULL. `metrics` may be NULL, and the functions on metrics take NULL
 * (nothing is counted): so does what memory ran out for. Names and help are not copied. */
metric *metrics_counter(metrics *m, const char *name, const char *help, const char *labels);
metric *metrics_gauge(metrics *m, const char *name, const char *help, const char *labels);
/* `bounds`: [n_bounds] upper bounds of its buckets, ascending; not copied. */
metric *metrics_histogram(metrics *m, const char *name, const char *help, const char *labels, const double *bounds,
                          size_t n_bounds);

/* Values of labels in the order of their names: metric_add(m, 1, METRIC_LABELS("chat", "200")); NULL without labels. */
#define METRIC_LABELS(...) ((const char *const[]){ __VA_ARGS__ })
void metric_add(metric *m, double amount, const char *const *labels);    /* counters (no less than 0) and gauges */
void metric_set(metric *m, double value, const char *const *labels);     /* gauges, and counters that others count */
void metric_observe(metric *m, double value, const char *const *labels); /* histograms */

/* Calls `collect` before each rendering, to set gauges that are asked for rather than told. */
void metrics_collect(metrics *m, void (*collect)(void *ctx), void *ctx);

/* The page, malloc'd; NULL when memory ran out. */
char *metrics_render(metrics *m, size_t *len);
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

#endif
