/* The public face: a parsed template, and renders of it.
 *
 * A template owns the arena of its parse and never changes; each render has a job of its own. */
#include <bora/chat.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "text/jinja/eval.h"

enum {
    MAX_TEMPLATE_BYTES = 16 << 20,
    DEFAULT_OUTPUT_BYTES = 64 << 20,
    DEFAULT_STEPS = 50000000,
    DEFAULT_MEMORY_BYTES = 512 << 20,
};

struct bora_chat_template {
    char *name;
    job parse; /* its memory */
    program program;
};

bora_chat_template *bora_chat_template_new(const char *source, size_t len, const char *name, bora_error *err)
{
    bora_error none = { .code = BORA_OK };
    err = err ? err : &none; /* whether something failed is read from it */
    bora_error_clear(err);
    if (len > MAX_TEMPLATE_BYTES) {
        bora_fail(err, BORA_LIMIT, "%s: a template of %zu bytes is too long, at most %d", name, len,
                  MAX_TEMPLATE_BYTES);
        return NULL;
    }
    if (!jinja_utf8_is_valid(source, len)) {
        bora_fail(err, BORA_FORMAT, "%s: the template is not valid UTF-8", name);
        return NULL;
    }
    bora_chat_template *t = calloc(1, sizeof *t);
    if (!t || !(t->name = strdup(name))) {
        free(t);
        bora_fail_memory(err, "a template");
        return NULL;
    }
    job *j = &t->parse;
    *j = (job){ .name = t->name,
                .err = err,
                .max_memory = DEFAULT_MEMORY_BYTES * (size_t)2,
                .max_steps = DEFAULT_STEPS,
                .max_output = DEFAULT_OUTPUT_BYTES };
    tokens read = { 0 };
    bool ok =
        jinja_tokenize(j, source, len, &read) && jinja_parse(j, &read, &t->program) && jinja_resolve(j, &t->program);
    buf_free(&j->out);
    j->err = NULL;
    if (!ok) {
        bora_chat_template_free(t);
        return NULL;
    }
    return t;
}

void bora_chat_template_free(bora_chat_template *t)
{
    if (!t)
        return;
    jinja_job_free(&t->parse);
    free(t->name);
    free(t);
}

char *bora_chat_template_render(const bora_chat_template *t, const char *context_json, const bora_render_limits *limits,
                                size_t *len, bora_error *err)
{
    static const bora_render_limits defaults;
    const bora_render_limits *l = limits ? limits : &defaults;
    bora_error none = { .code = BORA_OK };
    err = err ? err : &none;
    bora_error_clear(err);
    job j = { .name = t->name,
              .line = 1,
              .err = err,
              .max_memory = l->max_memory_bytes ? l->max_memory_bytes : (size_t)DEFAULT_MEMORY_BYTES,
              .max_steps = l->max_steps ? l->max_steps : (size_t)DEFAULT_STEPS,
              .max_output = l->max_output_bytes ? l->max_output_bytes : (size_t)DEFAULT_OUTPUT_BYTES,
              .program = &t->program,
              .now = l->now ? l->now : (long long)time(NULL) };
    char *text = NULL;
    value context;
    if (!jinja_read_json(&j, context_json, strlen(context_json), &context))
        goto done;
    if (context.type != V_DICT) {
        bora_fail(err, BORA_USAGE, "the context of a template must be a JSON object");
        goto done;
    }
    j.context = context.dict;
    if (!(j.exported = jinja_dict_new(&j)) || !jinja_run(&j))
        goto done;
    if (len)
        *len = j.out.len;
    text = buf_take(&j.out);
    if (!text)
        bora_fail_memory(err, "the text of a template");
done:
    jinja_job_free(&j);
    return text;
}
