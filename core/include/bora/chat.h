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

/* Parses a template of `len` bytes. `name` is for error messages, which give name and line. */
BORA_API bora_chat_template *bora_chat_template_new(const char *source, size_t len, const char *name, bora_error *err);
BORA_API void bora_chat_template_free(bora_chat_template *t);

typedef struct bora_render_limits {
    size_t max_output_bytes; /* 0: 64 MiB */
    size_t max_steps;        /* evaluated nodes; 0: 50 million */
    size_t max_memory_bytes; /* 0: 512 MiB */
    long long now;           /* seconds since 1970 UTC for strftime_now; 0: the clock */
} bora_render_limits;

/* Renders with the variables of `context_json`, a JSON object ("messages", "tools", "add_generation_prompt",
 * "bos_token", …). The result is malloc'd, NUL-terminated; the caller frees it. raise_exception(message) is BORA_USAGE
 * with that message; a limit is BORA_LIMIT. `limits` may be NULL. Reentrant. */
BORA_API char *bora_chat_template_render(const bora_chat_template *t, const char *context_json,
                                         const bora_render_limits *limits, size_t *len, bora_error *err);

#ifdef __cplusplus
}
#endif
#endif
