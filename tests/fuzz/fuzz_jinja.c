/* Templates and contexts: a template, and after a NUL byte the JSON that it is rendered with. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bora/chat.h>

static const char conversation[] =
    "{\"messages\": [{\"role\": \"system\", \"content\": \"Be brief. \"}, {\"role\": \"user\", \"content\": \"Zwei? "
    "\\ud83d"
    "\\ude00\"}, {\"role\": \"assistant\", \"content\": null, \"tool_calls\": [{\"function\": {\"name\": \"f\", "
    "\"arguments\":"
    " {\"a\": 1, \"b\": 1.5, \"c\": [true, null]}}}]}], \"add_generation_prompt\": true, \"bos_token\": \"<s>\"}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size ? memchr(data, '\0', size) : NULL;
    size_t len = nul ? (size_t)(nul - data) : size, rest = nul ? size - len - 1 : 0;
    char *context = nul ? malloc(rest + 1) : NULL;
    if (nul) {
        memcpy(context, nul + 1, rest);
        context[rest] = '\0';
    }
    bora_error err = { .code = BORA_OK };
    bora_chat_template *t = bora_chat_template_new((const char *)data, len, "fuzz", &err);
    if (t) {
        bora_render_limits limits = {
            .max_output_bytes = 1 << 16, .max_steps = 20000, .max_memory_bytes = 4 << 20, .now = 1721739845
        };
        char *text = bora_chat_template_render(t, context ? context : conversation, &limits, NULL, &err);
        if (!text && err.code == BORA_OK)
            abort(); /* a failure that says nothing */
        if (err.code == BORA_INTERNAL)
            abort();
        free(text);
    } else if (err.code == BORA_OK || err.code == BORA_INTERNAL) {
        abort();
    }
    bora_chat_template_free(t);
    free(context);
    return 0;
}
