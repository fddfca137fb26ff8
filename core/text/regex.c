/* Compiling and searching by PCRE2, with its JIT where there is one, under limits. */
#include "text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    MATCH_LIMIT = 10000000,        /* steps of one search */
    HEAP_LIMIT_KIB = 256 * 1024,   /* memory of one search */
    PATTERN_LIMIT_BYTES = 1 << 16, /* of an expression */
};

struct regex {
    pcre2_code *code;
};

regex *regex_new(const char *pattern, size_t len, bora_error *err)
{
    buf translated = { 0 };
    pcre2_compile_context *context = NULL;
    regex *re = NULL;
    if (len > PATTERN_LIMIT_BYTES) {
        bora_fail(err, BORA_LIMIT, "a regular expression of %zu bytes; the limit is %d", len, PATTERN_LIMIT_BYTES);
        return NULL;
    }
    if (!regex_translate(pattern, len, &translated, err))
        goto fail;
    re = calloc(1, sizeof *re);
    context = pcre2_compile_context_create(NULL);
    if (!re || !context || translated.failed) {
        bora_fail_memory(err, "a regular expression");
        goto fail;
    }
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_set_bsr(context, PCRE2_BSR_UNICODE);
    int code;
    size_t offset;
    re->code =
        pcre2_compile((PCRE2_SPTR)buf_text(&translated), translated.len,
                      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &code, &offset, context);
    if (!re->code) {
        char message[160];
        pcre2_get_error_message(code, (PCRE2_UCHAR *)message, sizeof message);
        bora_fail(err, BORA_FORMAT, "the regular expression \"%.200s\" does not compile: %s", pattern, message);
        goto fail;
    }
    pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE); /* where it cannot, the interpreter runs */
    pcre2_compile_context_free(context);
    buf_free(&translated);
    return re;
fail:
    pcre2_compile_context_free(context);
    buf_free(&translated);
    regex_free(re);
    return NULL;
}

void regex_free(regex *re)
{
    if (!re)
        return;
    pcre2_code_free(re->code);
    free(re);
}

void regex_scratch_free(regex_scratch *scratch)
{
    pcre2_match_data_free(scratch->match_data);
    pcre2_match_context_free(scratch->context);
    *scratch = (regex_scratch){ 0 };
}

static bool prepare(regex_scratch *scratch, bora_error *err)
{
    if (!scratch->match_data)
        scratch->match_data = pcre2_match_data_create(1, NULL);
    if (!scratch->context) {
        scratch->context = pcre2_match_context_create(NULL);
        if (scratch->context) {
            pcre2_set_match_limit(scratch->context, MATCH_LIMIT);
            pcre2_set_heap_limit(scratch->context, HEAP_LIMIT_KIB);
        }
    }
    return (scratch->match_data && scratch->context) || bora_fail_memory(err, "a regular expression");
}

regex_result regex_search(const regex *re, regex_scratch *scratch, const char *text, size_t len, size_t from,
                          size_t *start, size_t *end, bora_error *err)
{
    if (!prepare(scratch, err))
        return REGEX_ERROR;
    int rc =
        pcre2_match(re->code, (PCRE2_SPTR)text, len, from, PCRE2_NO_UTF_CHECK, scratch->match_data, scratch->context);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT) /* the interpreter keeps its state on the heap, up to HEAP_LIMIT_KIB */
        rc = pcre2_match(re->code, (PCRE2_SPTR)text, len, from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, scratch->match_data,
                         scratch->context);
    if (rc == PCRE2_ERROR_NOMATCH)
        return REGEX_NONE;
    if (rc < 0) {
        char message[160];
        pcre2_get_error_message(rc, (PCRE2_UCHAR *)message, sizeof message);
        bora_fail(err, rc == PCRE2_ERROR_NOMEMORY ? BORA_MEMORY : BORA_LIMIT,
                  "a regular expression of the tokenizer gave up on %zu bytes of text: %s", len, message);
        return REGEX_ERROR;
    }
    const size_t *span = pcre2_get_ovector_pointer(scratch->match_data);
    *start = span[0];
    *end = span[1];
    if (*start > *end) { /* \K inside a lookahead */
        bora_fail(err, BORA_UNSUPPORTED,
                  "a regular expression of the tokenizer matches backwards (\\K in a lookahead)");
        return REGEX_ERROR;
    }
    return REGEX_FOUND;
}
