/* What is asked and answered, a line of JSON each, for those who want it kept (--log FILE). */
#ifndef SERVE_CONTENT_LOG_H
#define SERVE_CONTENT_LOG_H

#include <stddef.h>

#include <bora/error.h>

typedef struct content_log content_log;

/* Appends to the file, which only its owner may read if it is new. */
content_log *content_log_open(const char *path, bora_error *err);
void content_log_close(content_log *log);

/* One line, from any thread. `request` is JSON as it came, `answer` JSON too. */
void content_log_write(content_log *log, const char *id, const char *request, size_t request_len, const char *answer,
                       size_t answer_len);

#endif
