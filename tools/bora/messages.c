/* Messages of a conversation: see messages.h. */
#include "messages.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_read.h"

/* ---- what a template wants */

static const char needle[] = "bora needle";

/* Whether the needle is in what the template makes of the messages. */
static bool shows(const bora_model *model, const char *messages, const char *text)
{
    char *prompt = bora_model_render_chat(model, messages, NULL, true, BORA_THINKING_UNSAID, NULL);
    bool there = prompt && strstr(prompt, text);
    free(prompt);
    return there;
}

/* Whether a call shows whose arguments are written like this, as JSON that was not escaped once more. */
static bool shows_call(const bora_model *model, const char *content, const char *arguments)
{
    char messages[512];
    snprintf(messages, sizeof messages,
             "[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":%s,\"tool_calls\":[{"
             "\"id\":\"call00001\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":%s}}]}]",
             content, arguments);
    return shows(model, messages, "\"bora needle\": \"x\"") || shows(model, messages, "\"bora needle\":\"x\"");
}

message_style messages_style(const bora_model *model)
{
    static const char object[] = "{\"bora needle\":\"x\"}", text[] = "\"{\\\"bora needle\\\": \\\"x\\\"}\"";
    message_style style = { 0 };
    if (!bora_model_has_chat_template(model))
        return style;
    style.content_as_parts =
        !shows(model, "[{\"role\":\"user\",\"content\":\"bora needle\"}]", needle) &&
        shows(model, "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"bora needle\"}]}]", needle);
    if (shows_call(model, "null", object))
        return style;
    if (shows_call(model, "\"\"", object)) {
        style.no_null = true;
    } else if (shows_call(model, "null", text)) {
        style.arguments_as_text = true;
    } else if (shows_call(model, "\"\"", text)) {
        style.arguments_as_text = style.no_null = true;
    } else {
        style.no_null = true; /* templates that know no calls: they do know text */
    }
    return style;
}

/* ---- what a client wrote */

typedef struct maker {
    message_style style;
    char *place;
    bora_error *err;
} maker;

static void set_place(const maker *m, const char *fmt, ...) BORA_PRINTF(2, 3);

static void set_place(const maker *m, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(m->place, MESSAGES_PLACE_BYTES, fmt, args);
    va_end(args);
}

static bool fail(const maker *m, bora_code code, const char *what)
{
    return bora_fail(m->err, code, "%s: %s", m->place, what);
}

static bool fail_memory(const maker *m)
{
    return bora_fail_memory(m->err, "messages");
}

static const char *text_member(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

/* The text of one part of a content, or NULL with an error. */
static const char *part_text(const maker *m, const cJSON *part)
{
    const char *type = text_member(part, "type");
    bool is_text =
        type && (strcmp(type, "text") == 0 || strcmp(type, "input_text") == 0 || strcmp(type, "output_text") == 0);
    const char *text = is_text                                ? text_member(part, "text")
                       : type && strcmp(type, "refusal") == 0 ? text_member(part, "refusal")
                                                              : NULL;
    if (text)
        return text;
    if (type && !is_text && strcmp(type, "refusal") != 0)
        bora_fail(m->err, BORA_UNSUPPORTED, "%s: this model takes text only, and this is \"%.40s\"", m->place, type);
    else
        fail(m, BORA_FORMAT, "expected {\"type\": \"text\", \"text\": …}");
    return NULL;
}

/* The parts' texts, a line break between two. malloc'd. */
static char *join_parts(const maker *m, const cJSON *parts, int at)
{
    char *text = NULL;
    size_t len = 0, i = 0;
    FILE *out = open_memstream(&text, &len);
    bool ok = out != NULL || fail_memory(m);
    for (const cJSON *part = parts->child; ok && part; part = part->next, i++) {
        set_place(m, "messages[%d].content[%zu]", at, i);
        const char *each = part_text(m, part);
        ok = each != NULL;
        if (ok)
            fprintf(out, "%s%s", i ? "\n" : "", each);
    }
    if (out && fclose(out) != 0 && ok)
        ok = fail_memory(m);
    if (ok)
        return text;
    free(text);
    return NULL;
}

/* The content as the template wants it, or NULL with an error. */
static cJSON *make_content(const maker *m, const cJSON *content, bool may_lack, int at)
{
    char *joined = NULL;
    const char *text = cJSON_GetStringValue(content);
    if (cJSON_IsArray(content)) {
        if (!(joined = join_parts(m, content, at)))
            return NULL;
        text = joined;
    } else if (!text && ((content && !cJSON_IsNull(content)) || !may_lack)) {
        set_place(m, "messages[%d].content", at);
        fail(m, BORA_FORMAT, "expected a string, or an array of parts");
        return NULL;
    }
    cJSON *made;
    if (may_lack && (!text || !*text))
        made = m->style.no_null ? cJSON_CreateString("") : cJSON_CreateNull();
    else if (m->style.content_as_parts) {
        made = cJSON_CreateArray();
        cJSON *part = cJSON_CreateObject();
        if (!part || !cJSON_AddStringToObject(part, "type", "text") || !cJSON_AddStringToObject(part, "text", text) ||
            !cJSON_AddItemToArray(made, part)) {
            cJSON_Delete(part);
            cJSON_Delete(made);
            made = NULL;
        }
    } else {
        made = cJSON_CreateString(text);
    }
    free(joined);
    if (!made)
        fail_memory(m);
    return made;
}

/* Whether a text is a JSON object. */
static bool is_object_text(const char *text)
{
    cJSON *object = json_read_object(text, strlen(text), NULL);
    cJSON_Delete(object);
    return object != NULL;
}

/* Arguments as the template wants them: an object keeps its text, numbers and all. What is no object stays what it is:
 * models write such things, and clients send them back. */
static bool fix_arguments(const maker *m, cJSON *function)
{
    const cJSON *given = cJSON_GetObjectItemCaseSensitive(function, "arguments");
    const char *text = cJSON_GetStringValue(given);
    cJSON *made = NULL;
    if (text && !m->style.arguments_as_text) {
        if (!*text)
            made = cJSON_CreateObject();
        else
            made = is_object_text(text) ? cJSON_CreateRaw(text) : cJSON_CreateString(text);
    } else if (!given || cJSON_IsNull(given)) {
        made = m->style.arguments_as_text ? cJSON_CreateString("{}") : cJSON_CreateObject();
    } else if (!text && m->style.arguments_as_text) {
        char *printed = cJSON_PrintUnformatted(given);
        made = printed ? cJSON_CreateString(printed) : NULL;
        cJSON_free(printed);
    } else {
        return true;
    }
    if (!made)
        return fail_memory(m);
    cJSON_DeleteItemFromObjectCaseSensitive(function, "arguments");
    if (cJSON_AddItemToObject(function, "arguments", made))
        return true;
    cJSON_Delete(made);
    return fail_memory(m);
}

static bool fix_calls(const maker *m, cJSON *calls, int at)
{
    int i = 0;
    set_place(m, "messages[%d].tool_calls", at);
    if (!cJSON_IsArray(calls))
        return fail(m, BORA_FORMAT, "expected an array");
    for (cJSON *call = calls->child; call; call = call->next, i++) {
        cJSON *function = cJSON_GetObjectItemCaseSensitive(call, "function");
        set_place(m, "messages[%d].tool_calls[%d].function", at, i);
        if (!cJSON_IsObject(function) || !text_member(function, "name"))
            return fail(m, BORA_FORMAT, "expected an object with a \"name\" and \"arguments\"");
        if (!fix_arguments(m, function))
            return false;
    }
    return true;
}

static bool replace(const maker *m, cJSON *object, const char *key, cJSON *value)
{
    if (!value)
        return false; /* which said why */
    cJSON_DeleteItemFromObjectCaseSensitive(object, key);
    if (cJSON_AddItemToObject(object, key, value))
        return true;
    cJSON_Delete(value);
    return fail_memory(m);
}

/* One message in place. */
static bool fix_message(const maker *m, cJSON *message, int at)
{
    const char *role = text_member(message, "role");
    set_place(m, "messages[%d]", at);
    if (!role || !*role)
        return fail(m, BORA_FORMAT, "expected an object with a \"role\"");
    bool assistant = strcmp(role, "assistant") == 0;
    cJSON *calls = cJSON_GetObjectItemCaseSensitive(message, "tool_calls");
    if (cJSON_IsNull(calls) ||
        (cJSON_IsArray(calls) && !calls->child)) { /* some templates ask only whether it is there */
        cJSON_DeleteItemFromObjectCaseSensitive(message, "tool_calls");
        calls = NULL;
    }
    if (calls && !fix_calls(m, calls, at))
        return false;
    if (strcmp(role, "developer") == 0) {
        cJSON *system = cJSON_CreateString("system");
        if (!replace(m, message, "role", system))
            return system ? false : fail_memory(m);
    }
    const cJSON *content = cJSON_GetObjectItemCaseSensitive(message, "content");
    bool may_lack = calls || (assistant && cJSON_HasObjectItem(message, "function_call"));
    if (assistant && !may_lack && (!content || cJSON_IsNull(content))) {
        cJSON *none = cJSON_CreateString("");
        return none ? replace(m, message, "content", none) : fail_memory(m);
    }
    return replace(m, message, "content", make_content(m, content, may_lack, at));
}

char *messages_normalize(const cJSON *messages, message_style style, char place[MESSAGES_PLACE_BYTES], bora_error *err)
{
    maker m = { .style = style, .place = place, .err = err };
    set_place(&m, "messages");
    if (!cJSON_IsArray(messages) || !messages->child) {
        fail(&m, BORA_FORMAT, "expected an array with one message or more");
        return NULL;
    }
    cJSON *copy = cJSON_Duplicate(messages, true);
    bool ok = copy != NULL || fail_memory(&m);
    int i = 0;
    for (cJSON *message = copy ? copy->child : NULL; ok && message; message = message->next)
        ok = fix_message(&m, message, i++);
    char *text = ok ? cJSON_PrintUnformatted(copy) : NULL;
    if (ok && !text)
        fail_memory(&m);
    cJSON_Delete(copy);
    return text;
}
