/* What is wrong with a request, as OpenAI's clients understand it: a status, a type, the parameter, a code, and a line
 * for a person. */
#ifndef SERVE_API_ERROR_H
#define SERVE_API_ERROR_H

#include <bora/error.h>

/* Zero-initialise; status 0: nothing is wrong. The first error wins. */
typedef struct api_error {
    int status;
    const char *type;  /* NULL: what the status says */
    const char *code;  /* or NULL */
    char param[96];    /* empty: none */
    int retry_after_s; /* 0: nothing is said of it */
    char message[1012];
} api_error;

/* Always returns false. `param` and `code` may be NULL. */
bool api_fail(api_error *e, int status, const char *param, const char *code, const char *fmt, ...) BORA_PRINTF(5, 6);
/* 400, invalid_request_error. */
bool api_fail_param(api_error *e, const char *param, const char *fmt, ...) BORA_PRINTF(3, 4);
/* What the core says of a request. */
bool api_fail_bora(api_error *e, const char *param, const bora_error *err);

/* Its kind, as OpenAI's servers name them. */
const char *api_error_type(const api_error *e);
/* The object {"message", "type", "param", "code"}, for an error in the middle of a stream. */
struct writer;
void api_put_error(struct writer *w, const char *key, const api_error *e);

#endif
