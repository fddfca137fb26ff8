/* What a model says of conversation: its chat template, the text of its special tokens, the tokens that end an answer,
 * and how it calls tools. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
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

/* A member of the context: the text as it stands, once it has been seen to be JSON of the right kind. Numbers keep how
 * they are written. */
static bool put_checked(buf *out, const char *key, const char *text, cJSON_bool (*is_kind)(const cJSON *value),
                        const char *kind, bora_error *err)
{
    cJSON *value = json_parse(text, strlen(text), key, err);
    bool ok = value && (is_kind(value) || bora_fail(err, BORA_FORMAT, "%s: expected %s", key, kind));
    cJSON_Delete(value);
    if (ok)
        buf_printf(out, ", \"%s\": %s", key, text);
    return ok;
}

/* cJSON's own texts are valid by construction. */
static void put_item(buf *out, const char *key, const cJSON *value)
{
    cJSON *name = cJSON_CreateString(key);
    char *key_text = name ? cJSON_PrintUnformatted(name) : NULL;
    char *text = cJSON_PrintUnformatted(value);
    if (key_text && text)
        buf_printf(out, ", %s: %s", key_text, text);
    else
        out->failed = true;
    cJSON_free(key_text);
    cJSON_free(text);
    cJSON_Delete(name);
}

static void put_string(buf *out, const char *key, const char *text)
{
    cJSON *value = cJSON_CreateString(text);
    put_item(out, key, value);
    cJSON_Delete(value);
}

static bool is_taken(const char *key)
{
    static const char *const taken[] = { "messages", "tools", "add_generation_prompt" };
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcmp(key, taken[i]) == 0)
            return true;
    for (int i = 0; i < N_ROLES; i++) {
        size_t n = strlen(roles[i]);
        if (strncmp(key, roles[i], n) == 0 && strcmp(key + n, "_token") == 0)
            return true;
    }
    return false;
}

static bool put_variables(buf *out, const cJSON *variables, bora_error *err)
{
    const cJSON *each, *seen;
    cJSON_ArrayForEach(each, variables) {
        if (is_taken(each->string))
            return bora_fail(err, BORA_USAGE, "\"%.60s\" is no variable of templates that can be set", each->string);
        for (seen = variables->child; seen != each; seen = seen->next)
            if (strcmp(seen->string, each->string) == 0)
                return bora_fail(err, BORA_USAGE, "\"%.60s\" is there twice", each->string);
        put_item(out, each->string, each);
    }
    return true;
}

static bool put_context(buf *out, const bora_model *m, const bora_conversation *c, const cJSON *variables,
                        bora_error *err)
{
    buf_printf(out, "{\"add_generation_prompt\": %s", c->add_generation_prompt ? "true" : "false");
    if (!put_checked(out, "messages", c->messages, cJSON_IsArray, "an array", err) ||
        (c->tools && !put_checked(out, "tools", c->tools, cJSON_IsArray, "an array", err)))
        return false;
    buf_puts(out, c->tools ? "" : ", \"tools\": null");
    buf_puts(out, json_get(variables, "documents") ? "" : ", \"documents\": null");
    for (int i = 0; i < N_ROLES; i++) {
        char key[32] = "";
        const char *text = role_text(m, roles[i]);
        strncat(key, roles[i], 16);
        strcat(key, "_token");
        if (text)
            put_string(out, key, text);
    }
    if (!put_variables(out, variables, err))
        return false;
    return buf_putc(out, '}') || bora_fail_memory(err, "a conversation");
}

char *bora_model_render(const bora_model *m, const bora_conversation *c, bora_error *err)
{
    if (!m->chat_template) {
        bora_fail(err, BORA_NOT_FOUND,
                  "%s: the model has no chat template; give one with --chat-template, or use --raw", m->source.name);
        return NULL;
    }
    cJSON *variables = c->variables ? json_parse(c->variables, strlen(c->variables), "variables", err) : NULL;
    if (c->variables && !variables)
        return NULL;
    buf context = { 0 };
    char *text = NULL;
    size_t len;
    if (variables && !cJSON_IsObject(variables))
        bora_fail(err, BORA_FORMAT, "variables: expected an object");
    else if (put_context(&context, m, c, variables, err))
        text = bora_chat_template_render(m->chat_template, buf_text(&context), NULL, &len, err);
    cJSON_Delete(variables);
    buf_free(&context);
    return text;
}

char *bora_model_render_chat(const bora_model *m, const char *messages_json, const char *tools_json,
                             bool add_generation_prompt, bora_thinking thinking, bora_error *err)
{
    bora_conversation c = { .messages = messages_json,
                            .tools = tools_json,
                            .add_generation_prompt = add_generation_prompt };
    if (thinking != BORA_THINKING_UNSAID)
        c.variables = thinking == BORA_THINKING_ON ? "{\"enable_thinking\": true}" : "{\"enable_thinking\": false}";
    return bora_model_render(m, &c, err);
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
