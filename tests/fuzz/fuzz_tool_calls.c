/* Calls of tools: whatever a model says, what is found are names and JSON objects. The first byte chooses how the
 * family writes calls. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bora/chat.h>

#include "base/json.h"

static const bora_tool_syntax syntaxes[] = {
    { .begin = "<t>", .end = "</t>" },
    { .begin = "[T]", .bare = true },
    { .begin = "[T]", .arguments_begin = "[A]", .around = (const char *const[]){ "<s>", "</s>", NULL } },
    { .begin = "<f=",
      .arguments_begin = ">",
      .parameter_begin = "<p=",
      .parameter_name_end = ">",
      .parameter_end = "</p>",
      .end = "</f>" },
};
static const char tools[] =
    "[{\"function\":{\"name\":\"f\",\"parameters\":{\"properties\":{\"a\":{\"type\":\"string\"}}}"
    "}}]";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const bora_tool_syntax *syntax = &syntaxes[data[0] % (sizeof syntaxes / sizeof *syntaxes)];
    const char *text = (const char *)data + 1;
    bora_error err = { .code = BORA_OK };
    bora_tool_calls found;
    if (!bora_tool_calls_parse(syntax, text, size - 1, tools, &found, &err))
        return 0;
    size_t sure = bora_tool_calls_before(syntax, text, size - 1);
    if (sure > size - 1 || found.text_len > size - 1)
        abort();
    for (size_t i = 0; i < found.n_calls; i++) {
        const bora_tool_call *call = &found.calls[i];
        cJSON *arguments = json_parse(call->arguments, strlen(call->arguments), "", NULL);
        if (!*call->name || !cJSON_IsObject(arguments))
            abort();
        cJSON_Delete(arguments);
    }
    bora_tool_calls_free(&found);
    return 0;
}
