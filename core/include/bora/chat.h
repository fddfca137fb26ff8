/* Conversation: chat templates, which make of messages the prompt that a model was trained on, and what models write in
 * their answers: what they think, and calls of tools.
 *
 * A template is Jinja as transformers uses it (trim_blocks, lstrip_blocks, loop controls, the `tojson`, `strftime_now`,
 * `raise_exception` helpers, the `generation` block). Templates come with models and are hostile: they cannot reach
 * anything but their context, and run under limits. */
#ifndef BORA_CHAT_H
#define BORA_CHAT_H

#include <stdbool.h>
#include <stddef.h>

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

/* ---- what models write in their answers: data of an architecture (bora/arch.h) ---- */

/* What a model thinks stands between these at the beginning of its answer. */
typedef struct bora_thinking_tags {
    const char *begin, *end;
    /* Marks that may follow, one after the other, before the answer itself, and that are no part of it; also where
     * nothing was thought. NULL-terminated, or NULL. */
    const char *const *answer;
} bora_thinking_tags;

/* How calls of tools are written. What follows `begin` is one of these:
 * - JSON: an object with the name and the arguments, or an array of such objects;
 * - with `arguments_begin`: the tool's name as text, and the arguments as a JSON object after that mark;
 * - with `parameter_begin`: the tool's name as text, then each argument: `parameter_begin`, its name,
 *   `parameter_name_end`, its value as text, `parameter_end`. */
typedef struct bora_tool_syntax {
    const char *when;               /* the chat template holds this text; NULL: whatever it holds */
    const char *begin;              /* never empty */
    const char *end;                /* NULL: a call ends where its JSON does */
    bool bare;                      /* an answer that is nothing but JSON is a call too */
    const char *name, *arguments;   /* the keys of the object; NULL: "name", "arguments" */
    const char *arguments_begin;    /* or NULL */
    const char *parameter_begin;    /* or NULL */
    const char *parameter_name_end; /* with parameter_begin: never empty */
    const char *parameter_end;
    /* Marks that may stand around calls and mean nothing more. NULL-terminated, or NULL. */
    const char *const *around;
} bora_tool_syntax;

/* How the models of an architecture converse, where their files do not say it. */
typedef struct bora_chat_conventions {
    const char *const *stop;            /* tokens that end an answer, by their text; NULL-terminated, or NULL */
    const bora_thinking_tags *thinking; /* ends with a begin of NULL; or NULL */
    const bora_tool_syntax *tools;      /* the first whose `when` holds counts; ends with a begin of NULL; or NULL */
} bora_chat_conventions;

typedef struct bora_tool_call {
    char *name;      /* never empty */
    char *arguments; /* a JSON object, with its numbers as the model wrote them */
} bora_tool_call;

typedef struct bora_tool_calls {
    bora_tool_call *calls;
    size_t n_calls;
    char *text; /* the answer without them, NUL-terminated; with calls: without white space around it */
    size_t text_len;
} bora_tool_calls;

/* Finds the calls in an answer (UTF-8). What looks like a call and is none stays text. `tools_json`: the tools that the
 * model was told of, a JSON array of {"function": {"name", "parameters": JSON schema}}, or NULL; where the syntax
 * writes values as text, it says which of them are strings (without it: those that are no JSON). Calls of tools that
 * are not among them are given all the same.
 *
 * The caller frees what is in `out`. False: BORA_MEMORY, or BORA_FORMAT for tools that are no JSON. */
BORA_API bool bora_tool_calls_parse(const bora_tool_syntax *syntax, const char *text, size_t len,
                                    const char *tools_json, bora_tool_calls *out, bora_error *err);
BORA_API void bora_tool_calls_free(bora_tool_calls *calls);

/* For an answer that is still coming: how many of its first `len` bytes are certainly text in front of any call (and of
 * white space in front of it). What follows them is for bora_tool_calls_parse(), once the answer has ended. */
BORA_API size_t bora_tool_calls_before(const bora_tool_syntax *syntax, const char *text, size_t len);

#ifdef __cplusplus
}
#endif
#endif
