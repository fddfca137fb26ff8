/* What is asked and answered: see content_log.h. */
#include "content_log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "writer.h"

struct content_log {
    pthread_mutex_t mutex; /* guards the file */
    FILE *file;
};

content_log *content_log_open(const char *path, bora_error *err)
{
    content_log *log = calloc(1, sizeof *log);
    if (!log) {
        bora_fail_memory(err, "a log");
        return NULL;
    }
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    log->file = fd >= 0 ? fdopen(fd, "a") : NULL;
    if (!log->file) {
        bora_fail(err, BORA_IO, "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        free(log);
        return NULL;
    }
    pthread_mutex_init(&log->mutex, NULL);
    return log;
}

void content_log_close(content_log *log)
{
    if (!log)
        return;
    fclose(log->file);
    pthread_mutex_destroy(&log->mutex);
    free(log);
}

/* White space between values is left out, line breaks among them: they cannot be inside strings of valid JSON that
 * holds no control characters, and such as hold them are escaped. */
static void put_minified(writer *w, const char *json, size_t len)
{
    bool quoted = false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)json[i];
        if (!quoted && (c == ' ' || c == '\n' || c == '\t' || c == '\r'))
            continue;
        if (quoted && c < ' ')
            put_format(w, "\\u%04x", c);
        else
            put_raw(w, &json[i], 1);
        if (quoted && c == '\\' && i + 1 < len)
            put_raw(w, &json[++i], 1);
        else if (c == '"')
            quoted = !quoted;
    }
}

void content_log_write(content_log *log, const char *id, const char *request, size_t request_len, const char *answer,
                       size_t answer_len)
{
    char when[32];
    time_t now = time(NULL);
    struct tm utc;
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    writer w = { 0 };
    put_open(&w, NULL, '{');
    put_string(&w, "time", when);
    put_string(&w, "id", id);
    put_raw(&w, ",\"request\":", 11);
    put_minified(&w, request, request_len);
    put_raw(&w, ",\"answer\":", 10);
    put_minified(&w, answer, answer_len);
    put_raw(&w, "}\n", 2);
    if (!w.failed) {
        pthread_mutex_lock(&log->mutex);
        fwrite(w.data, 1, w.len, log->file);
        fflush(log->file);
        pthread_mutex_unlock(&log->mutex);
    }
    writer_free(&w);
}
