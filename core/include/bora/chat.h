/* Chat templates: messages to the prompt that a model was trained on.
 *
 * A template is Jinja as transformers uses it (trim_blocks, lstrip_blocks, loop controls, the `tojson`, `strftime_now`,
 * `raise_exception` helpers, the `generation` block). Templates come with models and are hostile: they cannot reach
 * anything but their context, and run under limits. */
#ifndef BORA_CHAT_H
#define BORA_CHAT_H

#include <bora/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bora_chat_template bora_chat_template;

/* Parses a template of `len` bytes (UTF-8). `name` is for error messages, which are "name:line: what is wrong":
 * BORA_FORMAT for what is no template, BORA_UNSUPPORTED for the few things that are refused (autoescape blocks, scoped
 * blocks), BORA_LIMIT for nesting without end. The template never changes afterwards: any number of threads may render
 * it at once. */
BORA_API bora_chat_template *bora_chat_template_new(const char *source, size_t len, const char *name, bora_error *err);
BORA_API void bora_chat_template_free(bora_chat_template *t);

/* What one render may use; 0 is the default of each. Reaching one is BORA_LIMIT. */
typedef struct bora_render_limits {
    size_t max_output_bytes; /* 64 MiB */
    size_t max_steps;        /* evaluated nodes, and work in proportion to text; 50 million */
    size_t max_memory_bytes; /* 512 MiB */
    long long now;           /* for strftime_now: seconds since 1970 UTC, shown in local time; 0: the clock */
} bora_render_limits;

/* Renders with the variables of `context_json`, a JSON object ("messages", "tools", "add_generation_prompt",
 * "bos_token", …). Numbers keep how they are written (1 is not 1.0) and objects their order, as in Python. `limits` and
 * `len` may be NULL.
 *
 * The result is malloc'd and NUL-terminated (it may hold NULs of its own: *len counts all); the caller frees it. NULL
 * on an error: BORA_USAGE with exactly its message when the template calls raise_exception, BORA_FORMAT ("name:line:
 * …") when it does what its values do not allow, BORA_UNSUPPORTED for integers beyond 64 bits and for what needs other
 * templates, BORA_LIMIT; BORA_FORMAT or BORA_USAGE for a context that is no JSON or no object. */
BORA_API char *bora_chat_template_render(const bora_chat_template *t, const char *context_json,
                                         const bora_render_limits *limits, size_t *len, bora_error *err);

#ifdef __cplusplus
}
#endif
#endif
