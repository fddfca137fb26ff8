/* The access log: a line for each request that ended, without what was said in it. */
#ifndef SERVE_ACCESS_LOG_H
#define SERVE_ACCESS_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

typedef struct access_log access_log;

/* Texts may be anything: what could be taken for something else is escaped. */
typedef struct access_entry {
    struct timespec when; /* when it ended, on the wall clock */
    const char *id, *address;
    const char *key; /* its name, or NULL */
    const char *method, *path;
    int status; /* 0: nothing was answered */
    uint64_t bytes;
    double seconds;
    bool whole;        /* the answer got to its end */
    const char *model; /* or NULL: then no tokens either */
    int n_prompt, n_generated;
} access_entry;

access_log *access_log_new(FILE *out, bool as_json); /* NULL when memory ran out */
void access_log_free(access_log *log);
void access_log_write(access_log *log, const access_entry *entry); /* from any thread; one write to `out` */

#endif
