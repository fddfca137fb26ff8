/* What a model says of conversation: its chat template, the text of its special tokens, the tokens that end an answer,
 * and how it calls tools. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "model/model.h"

enum { TEMPLATE_LIMIT_BYTES = 16 << 20 };

/* Models of every family are trained to call tools like this: for those whose architecture does not know better. */
static const bora_tool_syntax common_tools[] = {
    { .when = "<tool_call>", .begin = "<tool_call>", .end = "</tool_call>" },
    { 0 },
};

/* The first that the template (NULL: there is none) speaks of. */
static const bora_tool_syntax *find_tool_syntax(const bora_tool_syntax *list, const char *source, size_t len)
{
    for (; list && list->begin; list++)
        if (!list->when || (source && memmem(source, len, list->when, strlen(list->when))))
            return list;
    return NULL;
}

static void choose_tool_syntax(bora_model *m, const char *source, size_t len)
{
    const bora_chat_conventions *chat = m->source.arch->chat;
    m->tool_syntax = find_tool_syntax(chat ? chat->tools : NULL, source, len);
    if (!m->tool_syntax)
        m->tool_syntax = find_tool_syntax(common_tools, source, len);
}

static bool set_template(bora_model *m, const char *source, size_t len, const char *name, bora_error *err)
{
    m->chat_template = bora_chat_template_new(source, len, name, err);
    if (m->chat_template)
        choose_tool_syntax(m, source, len);
    return m->chat_template != NULL;
}

/* A template in JSON: a string, or a list of { name, template } of which "default" (else the first) counts. */
static const char *template_in_json(const cJSON *item)
{
    if (cJSON_IsString(item))
        return item->valuestring;
    const char *chosen = NULL;
    const cJSON *each, *list = cJSON_IsArray(item) ? item : NULL;
    cJSON_ArrayForEach(each, list) {
        const char *text = json_string(each, "template", NULL);
        if (text && (!chosen || strcmp(json_string(each, "name", ""), "default") == 0))
            chosen = text;
    }
    return chosen;
}

/* A template from a file: .json holds { "chat_template": … }, anything else is the template itself. */
static bool template_file(bora_model *m, const char *path, bora_error *err)
{
    size_t len;
    char *text = file_read(path, TEMPLATE_LIMIT_BYTES, &len, err);
    if (!text)
        return false;
    size_t n = strlen(path);
    bool ok;
    if (n > 5 && strcmp(path + n - 5, ".json") == 0) {
        cJSON *json = json_parse(text, len, path, err);
        const char *source = template_in_json(json_get(json, "chat_template"));
        ok = json && (source ? set_template(m, source, strlen(source), path, err)
                             : bora_fail(err, BORA_FORMAT, "%s: has no \"chat_template\"", path));
        cJSON_Delete(json);
    } else {
        ok = set_template(m, text, len, path, err);
    }
    free(text);
    return ok;
}

static bool load_template(bora_model *m, const bora_settings *settings, bora_error *err)
{
    const char *chosen = bora_settings_string(settings, "jinja-explicit");
    if (!chosen)
        chosen = bora_settings_string(settings, "chat-template");
    if (chosen)
        return template_file(m, chosen, err);
    const char *source = NULL, *name = m->source.name;
    if (m->source.is_gguf) {
        const bora_meta *meta = bora_checkpoint_meta(m->source.checkpoint, "tokenizer.chat_template");
        source = meta && meta->type == BORA_META_STRING ? meta->text.data : NULL;
    } else {
        char *path = path_join(m->source.dir, "chat_template.jinja");
        if (!path)
            return bora_fail_memory(err, "a path");
        bool there = file_exists(path), ok = there && template_file(m, path, err);
        free(path);
        if (there)
            return ok;
        source = template_in_json(json_get(m->source.tokenizer_config, "chat_template"));
    }
    /* A model's own template that cannot be used is no reason not to complete text with it. */
    bora_error why = { .code = BORA_OK };
    if (source && !set_template(m, source, strlen(source), name, &why))
        runtime_log(m->runtime, BORA_LOG_WARN, "the model's chat template is left out: %s", why.message);
    return true;
}

/* ---- special tokens ---- */

static const char *const roles[] = { "bos", "eos", "unk", "pad", "sep", "cls", "mask" };
enum { N_ROLES = sizeof roles / sizeof *roles };

/* The text of a special token as templates see it ("bos_token"), or NULL. */
static const char *role_text(const bora_model *m, const char *role)
{
    if (m->source.is_gguf)
        return m->tokenizer ? bora_tokenizer_piece(m->tokenizer, bora_tokenizer_role(m->tokenizer, role)) : NULL;
    char key[32] = "";
    strncat(key, role, 16);
    strcat(key, "_token");
    const cJSON *item = json_get(m->source.tokenizer_config, key);
    return cJSON_IsString(item) ? item->valuestring : json_string(item, "content", NULL);
}

static bool add_stop(bora_model *m, int32_t token)
{
    if (token < 0 || bora_model_is_stop(m, token))
        return true;
    int32_t *grown = realloc(m->stop_tokens, (m->n_stop_tokens + 1) * sizeof *grown);
    if (!grown)
        return false;
    m->stop_tokens = grown;
    m->stop_tokens[m->n_stop_tokens++] = token;
    return true;
}

static bool add_stop_json(bora_model *m, const cJSON *item)
{
    if (cJSON_IsNumber(item))
        return item->valuedouble < 0 || item->valuedouble > INT32_MAX || add_stop(m, (int32_t)item->valuedouble);
    const cJSON *each, *list = cJSON_IsArray(item) ? item : NULL;
    cJSON_ArrayForEach(each, list) {
        if (cJSON_IsNumber(each) && !add_stop_json(m, each))
            return false;
    }
    return true;
}

/* From generation_config.json, else config.json, and what tokenizer_config.json calls eos (a GGUF file's tokenizer
 * knows by itself); and what the architecture says. */
static bool load_stop_tokens(bora_model *m)
{
    const cJSON *ids = json_get(m->source.generation, "eos_token_id");
    if (!ids)
        ids = json_get(m->source.params, "eos_token_id");
    if (!add_stop_json(m, ids) || !m->tokenizer)
        return m->tokenizer == NULL;
    const char *eos = role_text(m, "eos");
    if (eos && !add_stop(m, bora_tokenizer_find(m->tokenizer, eos)))
        return false;
    const bora_chat_conventions *chat = m->source.arch->chat;
    for (const char *const *stop = chat ? chat->stop : NULL; stop && *stop; stop++)
        if (!add_stop(m, bora_tokenizer_find(m->tokenizer, *stop)))
            return false;
    return true;
}

bool model_load_chat(bora_model *m, const bora_settings *settings, bora_error *err)
{
    if (!load_stop_tokens(m))
        return bora_fail_memory(err, "stop tokens");
    choose_tool_syntax(m, NULL, 0);
    return load_template(m, settings, err);
}

bool bora_model_is_stop(const bora_model *m, int32_t token)
{
    for (size_t i = 0; i < m->n_stop_tokens; i++)
        if (m->stop_tokens[i] == token)
            return true;
    return m->tokenizer && bora_tokenizer_is_end(m->tokenizer, token);
}

const bora_tool_syntax *bora_model_tool_syntax(const bora_model *m)
{
    return m->tool_syntax;
}

bool bora_model_has_chat_template(const bora_model *m)
{
    return m->chat_template != NULL;
}

/* ---- rendering ---- */

static bool add_json(cJSON *context, const char *key, const char *text, bora_error *err)
{
    cJSON *value = text ? json_parse(text, strlen(text), key, err) : cJSON_CreateNull();
    if (value && cJSON_AddItemToObject(context, key, value))
        return true;
    cJSON_Delete(value);
    return bora_fail_memory(err, key);
}

static cJSON *render_context(const bora_model *m, const char *messages_json, const char *tools_json,
                             bool add_generation_prompt, bora_thinking thinking, bora_error *err)
{
    cJSON *context = cJSON_CreateObject();
    bool ok = context && add_json(context, "messages", messages_json, err) &&
              add_json(context, "tools", tools_json, err) && cJSON_AddNullToObject(context, "documents") &&
              cJSON_AddBoolToObject(context, "add_generation_prompt", add_generation_prompt);
    if (ok && thinking != BORA_THINKING_UNSAID)
        ok = cJSON_AddBoolToObject(context, "enable_thinking", thinking == BORA_THINKING_ON) != NULL;
    for (int i = 0; ok && i < N_ROLES; i++) {
        char key[32] = "";
        const char *text = role_text(m, roles[i]);
        strncat(key, roles[i], 16);
        strcat(key, "_token");
        ok = !text || cJSON_AddStringToObject(context, key, text);
    }
    if (ok)
        return context;
    cJSON_Delete(context);
    bora_fail_memory(err, "a conversation");
    return NULL;
}

char *bora_model_render_chat(const bora_model *m, const char *messages_json, const char *tools_json,
                             bool add_generation_prompt, bora_thinking thinking, bora_error *err)
{
    if (!m->chat_template) {
        bora_fail(err, BORA_NOT_FOUND,
                  "%s: the model has no chat template; give one with --chat-template, or use --raw", m->source.name);
        return NULL;
    }
    cJSON *context = render_context(m, messages_json, tools_json, add_generation_prompt, thinking, err);
    char *json = context ? cJSON_PrintUnformatted(context) : NULL;
    char *text = NULL;
    size_t len;
    if (json)
        text = bora_chat_template_render(m->chat_template, json, NULL, &len, err);
    else
        bora_fail_memory(err, "a conversation");
    cJSON_Delete(context);
    free(json);
    return text;
}

bool bora_model_encode(const bora_model *m, const char *text, size_t len, bool rendered, int32_t **ids, size_t *n,
                       bora_error *err)
{
    const bora_tokenizer *t = bora_model_tokenizer(m, err);
    if (!t)
        return false;
    unsigned flags = BORA_ENCODE_PARSE_SPECIAL;
    const char *bos = role_text(m, "bos");
    bool has_bos = bos && *bos && len >= strlen(bos) && memcmp(text, bos, strlen(bos)) == 0;
    if (!rendered || (m->source.is_gguf && !has_bos))
        flags |= BORA_ENCODE_ADD_SPECIAL;
    return bora_tokenizer_encode(t, text, len, flags, ids, n, err);
}
