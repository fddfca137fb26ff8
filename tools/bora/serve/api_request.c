/* Requests: see api_request.h. The tables are at the end. */
#include "api_request.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../json_read.h"

static const cJSON *get(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static bool fail_memory(api_error *e)
{
    return api_fail_bora(e, NULL, &(bora_error){ .code = BORA_MEMORY });
}

/* ---- values that are more than their type */

/* Strings, one or several, NULL-terminated. Empty ones are left out: they would be everywhere. */
static bool take_strings(const char ***list, const field *f, const cJSON *value, api_error *e)
{
    bool one = cJSON_IsString(value);
    size_t n = one ? 1 : (size_t)cJSON_GetArraySize(value), i = 0;
    if (!one && !cJSON_IsArray(value))
        return api_fail_param(e, f->name, "%s: expected a string or an array of strings, found %s", f->name,
                              fields_type_name(value));
    if (n > API_STOPS_MAX)
        return api_fail_param(e, f->name, "%s: %zu strings, at most %d are possible", f->name, n, API_STOPS_MAX);
    if (!(*list = calloc(n + 1, sizeof **list)))
        return fail_memory(e);
    for (const cJSON *item = one ? value : value->child; item && i < n; item = one ? NULL : item->next) {
        if (!cJSON_IsString(item))
            return api_fail_param(e, f->name, "%s: expected a string or an array of strings, with %s in it", f->name,
                                  fields_type_name(item));
        if (strlen(item->valuestring) > API_STOP_BYTES_MAX)
            return api_fail_param(e, f->name, "%s: a string is longer than %d bytes", f->name, API_STOP_BYTES_MAX);
        if (*item->valuestring)
            (*list)[i++] = item->valuestring;
    }
    return true;
}

static bool take_stop(void *target, const field *f, const cJSON *value, api_error *e)
{
    return take_strings(&((api_request *)target)->stop, f, value, e);
}

static bool take_breakers(void *target, const field *f, const cJSON *value, api_error *e)
{
    return take_strings(&((api_request *)target)->breakers, f, value, e);
}

/* {"TOKEN": BIAS, …} */
static bool take_logit_bias(void *target, const field *f, const cJSON *value, api_error *e)
{
    api_request *r = target;
    int n = cJSON_GetArraySize(value);
    if (n > API_BIASES_MAX)
        return api_fail_param(e, f->name, "logit_bias: %d tokens, at most %d are possible", n, API_BIASES_MAX);
    if (!(r->logit_bias = calloc((size_t)n + 1, sizeof *r->logit_bias)))
        return fail_memory(e);
    r->sampling.logit_bias = r->logit_bias;
    const cJSON *item;
    cJSON_ArrayForEach(item, value) {
        char *end;
        errno = 0;
        long token = strtol(item->string, &end, 10);
        if (errno || *end || end == item->string || token < 0 || token > INT32_MAX)
            return api_fail_param(e, f->name, "logit_bias: \"%.40s\" is no token id", item->string);
        if (!cJSON_IsNumber(item) || !(item->valuedouble >= -100 && item->valuedouble <= 100))
            return api_fail_param(e, f->name, "logit_bias: expected numbers from -100 to 100");
        r->logit_bias[r->sampling.n_logit_bias++] =
            (bora_logit_bias){ .token = (int32_t)token, .bias = (float)item->valuedouble };
    }
    return true;
}

static bool take_stream_options(void *target, const field *f, const cJSON *value, api_error *e)
{
    const cJSON *usage = get(value, "include_usage");
    if (usage && !cJSON_IsBool(usage) && !cJSON_IsNull(usage))
        return api_fail_param(e, f->name, "stream_options.include_usage: expected true or false, found %s",
                              fields_type_name(usage));
    ((api_request *)target)->include_usage = cJSON_IsTrue(usage);
    return true;
}

static bool take_top_logprobs(void *target, const field *f, const cJSON *value, api_error *e)
{
    (void)f, (void)e;
    ((api_request *)target)->n_top = (int32_t)value->valuedouble;
    return true;
}

/* The older form: a number, for which 0 is a wish too. */
static bool take_logprobs_count(void *target, const field *f, const cJSON *value, api_error *e)
{
    api_request *r = target;
    double n = cJSON_IsTrue(value) ? 1 : cJSON_IsNumber(value) ? value->valuedouble : -1;
    if (cJSON_IsFalse(value))
        return true;
    if (!(n >= 0 && n <= BORA_TOP_LOGPROBS_MAX) || fabs(n - trunc(n)) > 0)
        return api_fail_param(e, f->name, "logprobs: expected an integer from 0 to %d", BORA_TOP_LOGPROBS_MAX);
    r->logprobs = true;
    r->n_top = (int32_t)n;
    return true;
}

static bool take_max_tokens(void *target, const field *f, const cJSON *value, api_error *e)
{
    (void)f, (void)e;
    api_request *r = target;
    r->max_tokens = value->valuedouble > 0 ? (int32_t)value->valuedouble : -1;
    return true;
}

static bool take_tools(void *target, const field *f, const cJSON *value, api_error *e)
{
    int i = 0;
    if (!cJSON_IsArray(value))
        return api_fail_param(e, f->name, "tools: expected an array, found %s", fields_type_name(value));
    for (const cJSON *tool = value->child; tool; tool = tool->next, i++) {
        const char *type = cJSON_GetStringValue(get(tool, "type"));
        const cJSON *function = get(tool, "function");
        const char *name = cJSON_GetStringValue(get(function, "name"));
        const cJSON *parameters = get(function, "parameters");
        if (type && strcmp(type, "function") != 0)
            return api_fail(e, 400, f->name, "unsupported", "tools[%d]: only tools of type \"function\" are supported",
                            i);
        if (!name || !*name)
            return api_fail_param(e, f->name,
                                  "tools[%d]: expected {\"type\": \"function\", \"function\": {\"name\": …}}", i);
        if (parameters && !cJSON_IsObject(parameters) && !cJSON_IsNull(parameters))
            return api_fail_param(e, f->name, "tools[%d].function.parameters: expected an object, found %s", i,
                                  fields_type_name(parameters));
    }
    ((api_request *)target)->tools = value->child ? value : NULL;
    return true;
}

static bool take_tool_choice(void *target, const field *f, const cJSON *value, api_error *e)
{
    api_request *r = target;
    const char *text = cJSON_GetStringValue(value);
    if (text && strcmp(text, "none") == 0)
        r->tool_choice = API_TOOLS_NONE;
    else if ((text && strcmp(text, "required") == 0) || cJSON_IsObject(value))
        return api_fail(e, 400, f->name, "unsupported",
                        "tool_choice: this server cannot force a call yet; \"auto\" and \"none\" are supported");
    else if (!text || strcmp(text, "auto") != 0)
        return api_fail_param(e, f->name, "tool_choice: expected \"auto\" or \"none\"");
    return true;
}

static bool take_parallel_tool_calls(void *target, const field *f, const cJSON *value, api_error *e)
{
    (void)f, (void)e;
    ((api_request *)target)->one_call = cJSON_IsFalse(value);
    return true;
}

static bool take_response_format(void *target, const field *f, const cJSON *value, api_error *e)
{
    (void)target;
    const char *type = cJSON_GetStringValue(get(value, "type"));
    if (type && strcmp(type, "text") == 0)
        return true;
    if (!cJSON_IsObject(value) || !type)
        return api_fail_param(e, f->name, "response_format: expected an object with a \"type\"");
    return api_fail(e, 400, f->name, "unsupported", "response_format: \"%.40s\" is not supported yet; \"text\" is",
                    type);
}

/* Lists that ask for text and nothing else. */
static bool take_modalities(void *target, const field *f, const cJSON *value, api_error *e)
{
    (void)target;
    const cJSON *item;
    cJSON_ArrayForEach(item, value) {
        if (!cJSON_IsString(item) || strcmp(item->valuestring, "text") != 0)
            return api_fail(e, 400, f->name, "unsupported", "modalities: this model writes text only");
    }
    return cJSON_IsArray(value) || api_fail_param(e, f->name, "modalities: expected an array");
}

static bool take_suffix(void *target, const field *f, const cJSON *value, api_error *e)
{
    (void)target;
    return (cJSON_IsString(value) && !*value->valuestring) ||
           api_fail(e, 400, f->name, "unsupported", "suffix: this server completes at the end only");
}

static bool set_variable(api_request *r, const char *key, const cJSON *value, api_error *e)
{
    if (!r->variables && !(r->variables = cJSON_CreateObject()))
        return fail_memory(e);
    cJSON *copy = cJSON_Duplicate(value, true);
    cJSON_DeleteItemFromObjectCaseSensitive(r->variables, key);
    if (copy && cJSON_AddItemToObject(r->variables, key, copy))
        return true;
    cJSON_Delete(copy);
    return fail_memory(e);
}

/* A field that is a variable of templates of the same name. */
static bool take_variable(void *target, const field *f, const cJSON *value, api_error *e)
{
    return set_variable(target, f->name, value, e);
}

static bool take_template_kwargs(void *target, const field *f, const cJSON *value, api_error *e)
{
    (void)f;
    const cJSON *item;
    cJSON_ArrayForEach(item, value) {
        if (!set_variable(target, item->string, item, e))
            return false;
    }
    return true;
}

static bool take_inputs(void *target, const field *f, const cJSON *value, api_error *e)
{
    if (api_n_inputs(value) == 0)
        return api_fail_param(e, f->name,
                              "%s: expected a string, an array of strings, an array of token ids, or an "
                              "array of such arrays",
                              f->name);
    *(const cJSON **)(void *)((char *)target + f->offset) = value;
    return true;
}

static bool take_encoding_format(void *target, const field *f, const cJSON *value, api_error *e)
{
    (void)f, (void)e;
    ((api_request *)target)->base64 = strcmp(value->valuestring, "base64") == 0;
    return true;
}

static bool take_skip_special(void *target, const field *f, const cJSON *value, api_error *e)
{
    (void)f, (void)e;
    ((api_request *)target)->keep_special = cJSON_IsFalse(value);
    return true;
}

/* ---- the tables */

#define AT(member) .offset = offsetof(api_request, member)
#define SAMPLING(member) .sampling = true, .offset = offsetof(bora_sampling, member)

static const char inputs_schema[] =
    "\"oneOf\":[{\"type\":\"string\"},{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
    "{\"type\":\"array\",\"items\":{\"type\":\"integer\"}},"
    "{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}}]";

/* An entry is a few lines that are read as one. */
/* clang-format off */
static const field common[] = {
    { .name = "model", .type = FIELD_TEXT, AT(model), .default_note = "the default model",
      .help = "the id of a model, as /v1/models lists them; \"default\" is the default model" },
    { .name = "user", .type = FIELD_TEXT, .status = FIELD_IGNORED, .help = "who asks" },
    { .name = NULL },
};

/* What chat and completions share. */
static const field generation[] = {
    { .name = "stream", .type = FIELD_BOOL, AT(stream), .default_note = "false",
      .help = "answer with server-sent events, as the text comes" },
    { .name = "stream_options", .type = FIELD_OBJECT, .take = take_stream_options,
      .schema = "\"type\":\"object\",\"properties\":{\"include_usage\":{\"type\":\"boolean\"}}",
      .help = "include_usage: a last chunk says how many tokens there were" },
    { .name = "n", .type = FIELD_INT, .min = 1, .max = API_CHOICES_MAX, AT(n), .default_note = "1",
      .help = "answers to give" },
    { .name = "temperature", .type = FIELD_FLOAT, .min = 0, .max = 2, SAMPLING(temperature),
      .default_note = "the model's own, else 1", .help = "0 always takes the likeliest token; higher is bolder" },
    { .name = "top_p", .type = FIELD_FLOAT, .min = 0, .max = 1, SAMPLING(top_p), .default_note = "the model's own, else 1",
      .help = "choose among the likeliest tokens that together have this probability" },
    { .name = "top_k", .type = FIELD_INT, .min = -1, .max = INT32_MAX, SAMPLING(top_k),
      .default_note = "the model's own, else 0", .help = "choose among so many of the likeliest tokens; 0 for all" },
    { .name = "min_p", .type = FIELD_FLOAT, .min = 0, .max = 1, SAMPLING(min_p), .default_note = "the model's own, else 0",
      .help = "drop tokens less likely than so many times the likeliest" },
    { .name = "frequency_penalty", .type = FIELD_FLOAT, .min = -2, .max = 2, SAMPLING(frequency_penalty),
      .default_note = "0", .help = "taken from a token's logit for each time that the answer has it" },
    { .name = "presence_penalty", .type = FIELD_FLOAT, .min = -2, .max = 2, SAMPLING(presence_penalty),
      .default_note = "0", .help = "taken from a token's logit if the answer has it" },
    { .name = "repetition_penalty", .type = FIELD_FLOAT, .min = 0.01, .max = 100, SAMPLING(repetition_penalty),
      .default_note = "the model's own, else 1", .help = "above 1, tokens of the text so far become less likely" },
    { .name = "repeat_last_n", .type = FIELD_INT, .min = 0, .max = INT32_MAX, SAMPLING(repeat_last_n),
      .default_note = "0", .help = "the last tokens on which the penalties look back; 0 for all" },
    { .name = "dry_multiplier", .type = FIELD_FLOAT, .min = 0, .max = 100, SAMPLING(dry_multiplier), .default_note = "0",
      .help = "DRY: how much a token loses that goes on with a repetition; 0 for none" },
    { .name = "dry_base", .type = FIELD_FLOAT, .min = 1, .max = 100, SAMPLING(dry_base), .default_note = "1.75",
      .help = "DRY: times how much, for each token that the repetition is longer" },
    { .name = "dry_allowed_length", .type = FIELD_INT, .min = 0, .max = INT32_MAX, SAMPLING(dry_allowed_length),
      .default_note = "2", .help = "DRY: the length up to which repetitions do not matter" },
    { .name = "dry_sequence_breakers", .type = FIELD_OTHER, .take = take_breakers,
      .schema = "\"type\":\"array\",\"items\":{\"type\":\"string\"}",
      .default_note = "line break, colon, double quote, asterisk", .help = "DRY: texts beyond which it does not look" },
    { .name = "logit_bias", .type = FIELD_OBJECT, .take = take_logit_bias,
      .schema = "\"type\":\"object\",\"additionalProperties\":{\"type\":\"number\",\"minimum\":-100,\"maximum\":100}",
      .help = "for token ids, numbers that are added to their logits; -100 forbids one" },
    { .name = "seed", .type = FIELD_SEED, SAMPLING(seed), .default_note = "different each time",
      .help = "the same seed draws the same tokens" },
    { .name = "stop", .type = FIELD_OTHER, .take = take_stop,
      .schema = "\"oneOf\":[{\"type\":\"string\"},{\"type\":\"array\",\"maxItems\":16,\"items\":{\"type\":\"string\"}}]",
      .help = "end the answer before one of these texts" },
    { .name = "ignore_eos", .type = FIELD_BOOL, AT(ignore_eos), .default_note = "false",
      .help = "go on where the model would end its answer" },
    { .name = "skip_special_tokens", .type = FIELD_BOOL, .take = take_skip_special, .default_note = "true",
      .help = "leave markers out of the text" },
    { .name = "metadata", .type = FIELD_OBJECT, .status = FIELD_IGNORED, .help = "notes of the client" },
    { .name = "store", .type = FIELD_BOOL, .status = FIELD_IGNORED, .help = "nothing is ever stored" },
    { .name = "grammar", .type = FIELD_OTHER, .status = FIELD_REFUSED, .help = "a grammar that the answer follows" },
    { .name = NULL },
};

static const field chat[] = {
    { .name = "messages", .type = FIELD_ARRAY, .required = true, AT(messages),
      .schema = "\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"role\"],\"properties\":{"
                "\"role\":{\"type\":\"string\",\"enum\":[\"system\",\"developer\",\"user\",\"assistant\",\"tool\"]},"
                "\"content\":{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"null\"},{\"type\":\"array\",\"items\":{"
                "\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\",\"enum\":[\"text\"]},"
                "\"text\":{\"type\":\"string\"}}}}]},"
                "\"tool_calls\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}},"
                "\"tool_call_id\":{\"type\":\"string\"}}}",
      .help = "the conversation so far" },
    { .name = "max_tokens", .type = FIELD_INT, .min = 1, .max = INT32_MAX, .take = take_max_tokens,
      .default_note = "until the context is full", .help = "end the answer after so many tokens" },
    { .name = "max_completion_tokens", .type = FIELD_INT, .min = 1, .max = INT32_MAX, .take = take_max_tokens,
      .default_note = "until the context is full", .help = "another name of max_tokens" },
    { .name = "logprobs", .type = FIELD_BOOL, AT(logprobs), .default_note = "false",
      .help = "say how likely each token of the answer was" },
    { .name = "top_logprobs", .type = FIELD_INT, .min = 0, .max = BORA_TOP_LOGPROBS_MAX, .take = take_top_logprobs,
      .default_note = "0", .help = "with logprobs: and so many of the likeliest in its place" },
    { .name = "tools", .type = FIELD_OTHER, .take = take_tools,
      .schema = "\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\","
                "\"enum\":[\"function\"]},\"function\":{\"type\":\"object\",\"required\":[\"name\"],\"properties\":{"
                "\"name\":{\"type\":\"string\"},\"description\":{\"type\":\"string\"},"
                "\"parameters\":{\"type\":\"object\"}}}}}",
      .help = "functions that the model may call" },
    { .name = "tool_choice", .type = FIELD_OTHER, .take = take_tool_choice,
      .schema = "\"type\":\"string\",\"enum\":[\"auto\",\"none\"]", .default_note = "auto",
      .help = "whether it may; none: it is not told of them" },
    { .name = "parallel_tool_calls", .type = FIELD_BOOL, .take = take_parallel_tool_calls, .default_note = "true",
      .help = "false: one call in an answer at most" },
    { .name = "enable_thinking", .type = FIELD_BOOL, .take = take_variable, .default_note = "as the chat template does",
      .help = "whether a model that can think before it answers shall" },
    { .name = "reasoning_effort", .type = FIELD_CHOICE, .choices = "none minimal low medium high xhigh",
      .take = take_variable, .default_note = "as the chat template does",
      .help = "how much to think, for templates that know it" },
    { .name = "chat_template_kwargs", .type = FIELD_OBJECT, .take = take_template_kwargs,
      .help = "more variables for the chat template" },
    { .name = "response_format", .type = FIELD_OTHER, .status = FIELD_REFUSED, .take = take_response_format,
      .schema = "\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\",\"enum\":[\"text\"]}}",
      .help = "what the answer shall look like; {\"type\": \"text\"} alone" },
    { .name = "modalities", .type = FIELD_OTHER, .take = take_modalities,
      .schema = "\"type\":\"array\",\"items\":{\"type\":\"string\",\"enum\":[\"text\"]}", .help = "text, and nothing else" },
    { .name = "audio", .type = FIELD_OTHER, .status = FIELD_REFUSED, .help = "spoken answers" },
    { .name = "functions", .type = FIELD_OTHER, .status = FIELD_REFUSED, .help = "the older form of tools" },
    { .name = "function_call", .type = FIELD_OTHER, .status = FIELD_REFUSED, .help = "the older form of tool_choice" },
    { .name = "web_search_options", .type = FIELD_OTHER, .status = FIELD_REFUSED, .help = "search before the answer" },
    { .name = "prediction", .type = FIELD_OBJECT, .status = FIELD_IGNORED, .help = "a guess of the answer" },
    { .name = "service_tier", .type = FIELD_TEXT, .status = FIELD_IGNORED, .help = "there is one" },
    { .name = NULL },
};

static const field completion[] = {
    { .name = "prompt", .type = FIELD_OTHER, .required = true, .take = take_inputs, AT(prompt), .schema = inputs_schema,
      .help = "the text to complete, or its token ids, or several of them" },
    { .name = "max_tokens", .type = FIELD_INT, .min = 0, .max = INT32_MAX, .take = take_max_tokens, .default_note = "16",
      .help = "end each completion after so many tokens" },
    { .name = "best_of", .type = FIELD_INT, .min = 1, .max = API_CHOICES_MAX, AT(best_of), .default_note = "n",
      .help = "generate so many, and give the n that are likeliest, token for token" },
    { .name = "echo", .type = FIELD_BOOL, AT(echo), .default_note = "false", .help = "give the prompt back as well" },
    { .name = "logprobs", .type = FIELD_OTHER, .take = take_logprobs_count, .schema = "\"type\":\"integer\"",
      .help = "say how likely each token was, and so many of the likeliest in its place" },
    { .name = "suffix", .type = FIELD_OTHER, .status = FIELD_REFUSED, .take = take_suffix, .schema = "\"type\":\"string\"",
      .help = "text behind the completion" },
    { .name = NULL },
};

static const field embedding[] = {
    { .name = "input", .type = FIELD_OTHER, .required = true, .take = take_inputs, AT(input), .schema = inputs_schema,
      .help = "the text to embed, or its token ids, or several of them" },
    { .name = "encoding_format", .type = FIELD_CHOICE, .choices = "float base64", .take = take_encoding_format,
      .default_note = "float", .help = "base64: the numbers as little-endian float32, in base64" },
    { .name = "dimensions", .type = FIELD_INT, .min = 1, .max = INT32_MAX, AT(dimensions), .default_note = "all",
      .help = "keep so many of the numbers" },
    { .name = NULL },
};

static const field tokenize[] = {
    { .name = "prompt", .type = FIELD_OTHER, .take = take_inputs, AT(prompt), .schema = "\"type\":\"string\"",
      .help = "the text" },
    { .name = "messages", .type = FIELD_ARRAY, AT(messages),
      .schema = "\"type\":\"array\",\"items\":{\"type\":\"object\"}", .help = "or a conversation, as chat takes it" },
    { .name = "tools", .type = FIELD_OTHER, .take = take_tools, .schema = "\"type\":\"array\",\"items\":{\"type\":\"object\"}",
      .help = "with messages: functions" },
    { .name = "add_generation_prompt", .type = FIELD_BOOL, AT(add_generation_prompt), .default_note = "true",
      .help = "with messages: ask for an answer" },
    { .name = "enable_thinking", .type = FIELD_BOOL, .take = take_variable, .help = "with messages: as in chat" },
    { .name = "chat_template_kwargs", .type = FIELD_OBJECT, .take = take_template_kwargs,
      .help = "with messages: more variables for the chat template" },
    { .name = "add_special_tokens", .type = FIELD_BOOL, AT(add_special_tokens), .default_note = "true",
      .help = "with prompt: with the tokens that the model adds to a text" },
    { .name = "return_token_strs", .type = FIELD_BOOL, AT(return_token_strs), .default_note = "false",
      .help = "say how the vocabulary spells them" },
    { .name = NULL },
};

static const field detokenize[] = {
    { .name = "tokens", .type = FIELD_OTHER, .required = true, AT(tokens),
      .schema = "\"type\":\"array\",\"items\":{\"type\":\"integer\"}", .help = "token ids" },
    { .name = "skip_special_tokens", .type = FIELD_BOOL, .take = take_skip_special, .default_note = "true",
      .help = "leave markers out of the text" },
    { .name = NULL },
};

static const field model[] = {
    { .name = "model_id", .type = FIELD_TEXT, AT(model_id), .default_note = "the default model", .help = "the model" },
    { .name = NULL },
};
/* clang-format on */

static const struct {
    const char *name;
    field_set fields;
} kinds[API_N_KINDS] = {
    [API_CHAT] = { "ChatCompletionRequest", { { common, chat, generation } } },
    [API_COMPLETION] = { "CompletionRequest", { { common, completion, generation } } },
    [API_EMBEDDING] = { "EmbeddingRequest", { { common, embedding } } },
    [API_TOKENIZE] = { "TokenizeRequest", { { common, tokenize } } },
    [API_DETOKENIZE] = { "DetokenizeRequest", { { common, detokenize } } },
    [API_MODEL] = { "ModelRequest", { { common, model } } },
};

const field_set *api_fields(api_kind kind)
{
    return &kinds[kind].fields;
}

const char *api_kind_name(api_kind kind)
{
    return kinds[kind].name;
}

/* ---- a request */

/* What fields have to do with each other. */
static bool check_together(api_request *r, api_error *e)
{
    size_t n_prompts = r->prompt ? api_n_inputs(r->prompt) : 1;
    if (r->kind == API_CHAT && r->n_top > 0 && !r->logprobs)
        return api_fail_param(e, "top_logprobs", "top_logprobs needs logprobs: true");
    if (r->kind == API_CHAT && r->max_tokens < 0)
        r->max_tokens = 0;
    if (r->kind == API_EMBEDDING && api_n_inputs(r->input) > API_INPUTS_MAX)
        return api_fail_param(e, "input", "input: more than %d texts", API_INPUTS_MAX);
    if (r->kind == API_TOKENIZE && !r->prompt == !r->messages)
        return api_fail_param(e, r->prompt ? "messages" : "prompt", "expected either prompt or messages");
    if (r->kind == API_TOKENIZE && r->prompt && !cJSON_IsString(r->prompt))
        return api_fail_param(e, "prompt", "prompt: expected a string");
    if (r->kind == API_DETOKENIZE && !cJSON_IsArray(r->tokens))
        return api_fail_param(e, "tokens", "tokens: expected an array of integers");
    if (r->kind != API_COMPLETION)
        return true;
    if (r->best_of > 0 && r->best_of < r->n)
        return api_fail_param(e, "best_of", "best_of: %d is less than n, which is %d", r->best_of, r->n);
    if (r->best_of > r->n && r->stream)
        return api_fail_param(e, "best_of", "best_of: what is streamed cannot be chosen among");
    size_t each = (size_t)(r->best_of > r->n ? r->best_of : r->n);
    if (n_prompts > API_CHOICES_MAX / each)
        return api_fail_param(e, "prompt", "%zu prompts with %zu completions each: at most %d in all are possible",
                              n_prompts, each, API_CHOICES_MAX);
    return true;
}

bool api_request_read(api_request *r, api_kind kind, const char *body, size_t len, api_error *e)
{
    *r = (api_request){
        .kind = kind,
        .n = 1,
        .add_generation_prompt = true,
        .add_special_tokens = true,
        .max_tokens = kind == API_COMPLETION ? 16 : 0,
        .sampling = bora_sampling_defaults(),
    };
    bora_error err = { .code = BORA_OK };
    r->json = json_read_object(body, len, &err);
    if (!r->json)
        return api_fail(e, 400, NULL, NULL, "the body of the request: %s", err.message);
    return fields_read(api_fields(kind), r->json, r, &r->sampling, &r->seen, e) && check_together(r, e);
}

void api_request_free(api_request *r)
{
    cJSON_Delete(r->json);
    cJSON_Delete(r->variables);
    free(r->logit_bias);
    free(r->breakers);
    free(r->stop);
    *r = (api_request){ 0 };
}

bora_sampling api_request_sampling(const api_request *r, bora_sampling defaults)
{
    fields_copy_sampling(api_fields(r->kind), r->seen.given, &r->sampling, &defaults);
    defaults.logit_bias = r->sampling.logit_bias;
    defaults.n_logit_bias = r->sampling.n_logit_bias;
    if (r->breakers)
        defaults.dry_sequence_breakers = r->breakers;
    defaults.top_k = defaults.top_k < 0 ? 0 : defaults.top_k; /* -1 is a common way to say all */
    return defaults;
}
