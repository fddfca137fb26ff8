/* Errors: how every function of bora says what went wrong.
 *
 * A function that can fail returns false (or NULL) and fills a bora_error that its caller owns: a code for programs
 * and one line for a person that names what went wrong, where, and what would help. The first error wins: filling an
 * error that is already filled changes nothing, so a cleanup path cannot hide the cause. Passing NULL is allowed
 * everywhere and means that the caller does not want to know. */
#ifndef BORA_ERROR_H
#define BORA_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define BORA_API __attribute__((visibility("default")))
#define BORA_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define BORA_API
#define BORA_PRINTF(fmt, args)
#endif

typedef enum bora_code {
    BORA_OK = 0,
    BORA_USAGE,       /* the caller asked for something that makes no sense: an option, a key, a value */
    BORA_FORMAT,      /* bytes from outside are not what they claim to be */
    BORA_IO,          /* the operating system said no */
    BORA_NOT_FOUND,   /* a file, a tensor, a plugin, a name that is not there */
    BORA_UNSUPPORTED, /* well formed, but nothing here can do it */
    BORA_LIMIT,       /* a limit was reached: time, output, context, depth */
    BORA_MEMORY,      /* an allocation failed */
    BORA_CANCELLED,   /* the caller asked to stop */
    BORA_INTERNAL,    /* bora broke a promise to itself: a bug */
    BORA_BUSY,        /* too much is asked at once: later it may be possible */
} bora_code;

typedef struct bora_error {
    bora_code code;
    char message[1012]; /* one line, UTF-8, no trailing newline */
} bora_error;

/* Fills `err` (unless it is NULL or already filled) with `code` and the formatted line. Always returns false, so that
 * `return bora_fail(err, …);` is the whole of an error path. */
BORA_API bool bora_fail(bora_error *err, bora_code code, const char *fmt, ...) BORA_PRINTF(3, 4);
BORA_API bool bora_fail_va(bora_error *err, bora_code code, const char *fmt, va_list args) BORA_PRINTF(3, 0);

/* The error for a failed allocation of `what`. Always returns false. */
BORA_API bool bora_fail_memory(bora_error *err, const char *what);

/* Puts "context: " in front of a message that is already there; does nothing to an empty error. Always returns false.
 */
BORA_API bool bora_error_prefix(bora_error *err, const char *fmt, ...) BORA_PRINTF(2, 3);

/* Makes an error empty again. */
static inline void bora_error_clear(bora_error *err)
{
    if (err) {
        err->code = BORA_OK;
        err->message[0] = '\0';
    }
}

#ifdef __cplusplus
}
#endif
#endif
