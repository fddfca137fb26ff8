/* The access log: see access_log.h. */
#include "serve/access_log.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "text.h"

enum { PATH_COLUMNS = 200 };

struct access_log {
    FILE *out;
    bool as_json;
};

access_log *access_log_new(FILE *out, bool as_json)
{
    access_log *log = calloc(1, sizeof *log);
    if (log)
        *log = (access_log){ .out = out, .as_json = as_json };
    return log;
}

void access_log_free(access_log *log)
{
    free(log);
}

/* "2025-01-31T12:00:00.123Z" */
static void time_text(const struct timespec *when, char out[32])
{
    struct tm tm;
    char seconds[24];
    gmtime_r(&when->tv_sec, &tm);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, 32, "%s.%03dZ", seconds, (int)(when->tv_nsec / 1000000) % 1000);
}

/* A word among words: what separates words is escaped as well. */
static void put_word(FILE *out, const char *text)
{
    char *shown = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&shown, &len);
    if (!f)
        return;
    text_show(f, text, strlen(text), PATH_COLUMNS);
    if (fclose(f) == 0)
        for (const char *p = shown; *p; p++)
            fputs(*p == ' ' ? "\\x20" : (char[]){ *p, '\0' }, out);
    free(shown);
}

static void put_text(FILE *out, const access_entry *e)
{
    char when[32];
    time_text(&e->when, when);
    fprintf(out, "%s ", when);
    put_word(out, e->address);
    fputc(' ', out);
    put_word(out, e->key ? e->key : "-");
    fputc(' ', out);
    put_word(out, e->method);
    fputc(' ', out);
    put_word(out, e->path);
    if (e->status)
        fprintf(out, " %d", e->status);
    else
        fputs(" -", out);
    fprintf(out, " %llu bytes %.3f s", (unsigned long long)e->bytes, e->seconds);
    if (!e->whole)
        fputs(" cut", out);
    fputs(" id=", out);
    put_word(out, e->id);
    if (e->model) {
        fputs(" model=", out);
        put_word(out, e->model);
        fprintf(out, " prompt=%d generated=%d", e->n_prompt, e->n_generated);
    }
    fputc('\n', out);
}

static void put_json(FILE *out, const access_entry *e)
{
    char when[32];
    json j = { .out = out };
    time_text(&e->when, when);
    json_open_flat(&j, NULL, '{');
    json_string(&j, "time", when);
    json_string(&j, "request_id", e->id);
    json_string(&j, "address", e->address);
    json_string(&j, "key", e->key);
    json_string(&j, "method", e->method);
    json_string(&j, "path", e->path);
    json_int(&j, "status", e->status);
    json_int(&j, "bytes", (int64_t)e->bytes);
    json_float(&j, "seconds", e->seconds);
    json_bool(&j, "complete", e->whole);
    if (e->model) {
        json_string(&j, "model", e->model);
        json_int(&j, "prompt_tokens", e->n_prompt);
        json_int(&j, "generated_tokens", e->n_generated);
    }
    json_close(&j, '}');
}

void access_log_write(access_log *log, const access_entry *entry)
{
    char *line = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&line, &len);
    if (!out)
        return;
    (log->as_json ? put_json : put_text)(out, entry);
    if (fclose(out) == 0) {
        fwrite(line, 1, len, log->out);
        fflush(log->out);
    }
    free(line);
}
