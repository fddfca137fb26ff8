/* Errors of requests: see api_error.h. */
#include "api_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "writer.h"

enum { RETRY_AFTER_S = 2 };

static bool fail_va(api_error *e, int status, const char *param, const char *code, const char *fmt, va_list args)
{
    if (e->status != 0)
        return false;
    e->status = status;
    e->code = code;
    snprintf(e->param, sizeof e->param, "%s", param ? param : "");
    vsnprintf(e->message, sizeof e->message, fmt, args);
    return false;
}

bool api_fail(api_error *e, int status, const char *param, const char *code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fail_va(e, status, param, code, fmt, args);
    va_end(args);
    return false;
}

bool api_fail_param(api_error *e, const char *param, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fail_va(e, 400, param, NULL, fmt, args);
    va_end(args);
    return false;
}

bool api_fail_bora(api_error *e, const char *param, const bora_error *err)
{
    if (e->status != 0)
        return false;
    switch (err->code) {
    case BORA_USAGE:
    case BORA_FORMAT:
        return api_fail(e, 400, param, NULL, "%s", err->message);
    case BORA_UNSUPPORTED:
        return api_fail(e, 400, param, "unsupported", "%s", err->message);
    case BORA_LIMIT:
        return api_fail(e, 400, param, "context_length_exceeded", "%s", err->message);
    case BORA_BUSY:
        e->retry_after_s = RETRY_AFTER_S;
        return api_fail(e, 429, NULL, "queue_full", "%s", err->message);
    case BORA_MEMORY:
        e->retry_after_s = RETRY_AFTER_S;
        return api_fail(e, 503, NULL, "out_of_memory", "the server is short of memory");
    case BORA_CANCELLED:
        return api_fail(e, 503, NULL, "cancelled", "the server stopped before the answer was finished");
    default: /* what is wrong inside, or not found, is for the log: it may name paths */
        return api_fail(e, 500, NULL, NULL, "the server failed; its log says more");
    }
}

const char *api_error_type(const api_error *e)
{
    if (e->type)
        return e->type;
    switch (e->status) {
    case 401:
        return "authentication_error";
    case 403:
        return "permission_error";
    case 429:
        return "rate_limit_error";
    default:
        return e->status >= 500 ? "server_error" : "invalid_request_error";
    }
}

void api_put_error(writer *w, const char *key, const api_error *e)
{
    put_open(w, key, '{');
    put_string(w, "message", e->message);
    put_string(w, "type", api_error_type(e));
    put_string(w, "param", *e->param ? e->param : NULL);
    put_string(w, "code", e->code);
    put_close(w, '}');
}
