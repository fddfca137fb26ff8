/* Post-processors of tokenizer.json: the tokens that a model wants around a text. */
#include <stdlib.h>
#include <string.h>

#include "text/tokenizer.h"

static bool parse_id(const cJSON *json, int32_t *out, bora_error *err)
{
    double value = cJSON_IsNumber(json) ? json->valuedouble : -1;
    if (!(value >= 0) || value > INT32_MAX || value != (double)(int32_t)value)
        return bora_fail(err, BORA_FORMAT, "a token id is not a whole number from 0 to %d", INT32_MAX);
    *out = (int32_t)value;
    return true;
}

/* ["[SEP]", 102] */
static bool parse_pair(const cJSON *json, id_list *out, bora_error *err)
{
    int32_t id = 0;
    if (cJSON_GetArraySize(json) != 2 || !cJSON_IsString(cJSON_GetArrayItem(json, 0)))
        return bora_fail(err, BORA_FORMAT, "\"sep\" or \"cls\" is not [token, id]");
    return parse_id(cJSON_GetArrayItem(json, 1), &id, err) && id_list_push(out, id);
}

static bool parse_special(const cJSON *tokens, const char *name, id_list *out, bora_error *err)
{
    const cJSON *ids = json_get(json_get(tokens, name), "ids"), *item;
    if (!cJSON_IsArray(ids))
        return bora_fail(err, BORA_FORMAT, "the template uses \"%.60s\", which is not among the special_tokens", name);
    cJSON_ArrayForEach(item, ids) {
        int32_t id = 0;
        if (!parse_id(item, &id, err))
            return false;
        id_list_push(out, id);
    }
    return true;
}

static bool parse_template(const cJSON *json, id_list *out, bora_error *err)
{
    const cJSON *single = json_get(json, "single"), *item;
    if (!cJSON_IsArray(single))
        return bora_fail(err, BORA_FORMAT, "\"single\" is not a list");
    cJSON_ArrayForEach(item, single) {
        const cJSON *sequence = json_get(item, "Sequence");
        const char *special = json_string(json_get(item, "SpecialToken"), "id", NULL);
        const char *id = json_string(sequence, "id", "");
        if (special ? !parse_special(json_get(json, "special_tokens"), special, out, err) : strcmp(id, "A") != 0)
            return bora_fail(err, BORA_FORMAT, "an item of \"single\" is neither SpecialToken nor Sequence A");
        if (!special)
            id_list_push(out, TEMPLATE_SEQUENCE);
    }
    return true;
}

/* `out` stays empty for processors that add nothing. */
static bool parse(const cJSON *json, int depth, id_list *out, bora_error *err)
{
    const char *type = json_string(json, "type", NULL);
    if (json_absent(json))
        return true;
    if (!type)
        return bora_fail(err, BORA_FORMAT, "a post-processor has no \"type\"");
    if (depth > MAX_NESTING)
        return bora_fail(err, BORA_LIMIT, "post-processors nested deeper than %d", MAX_NESTING);
    if (strcmp(type, "ByteLevel") == 0) /* changes offsets, not ids */
        return true;
    if (strcmp(type, "Sequence") == 0) {
        const cJSON *list = json_get(json, "processors"), *item;
        if (!cJSON_IsArray(list))
            return bora_fail(err, BORA_FORMAT, "a Sequence without \"processors\"");
        cJSON_ArrayForEach(item, list)
            if (!parse(item, depth + 1, out, err))
                return false;
        return true;
    }
    if (out->n > 0)
        return bora_fail(err, BORA_UNSUPPORTED, "more than one processor that adds tokens");
    if (strcmp(type, "TemplateProcessing") == 0)
        return parse_template(json, out, err);
    if (strcmp(type, "BertProcessing") == 0 || strcmp(type, "RobertaProcessing") == 0)
        return parse_pair(json_get(json, "cls"), out, err) && id_list_push(out, TEMPLATE_SEQUENCE) &&
               parse_pair(json_get(json, "sep"), out, err);
    return bora_fail(err, BORA_UNSUPPORTED, "a post-processor of type \"%.60s\"", type);
}

bool template_parse(arena *mem, const cJSON *json, int32_t **items, size_t *n, bora_error *err)
{
    id_list list = { 0 };
    bool ok = parse(json, 0, &list, err);
    *items = NULL;
    *n = list.n;
    if (ok && list.n > 0)
        *items = arena_copy(mem, list.data, list.n * sizeof *list.data);
    if (ok && (list.failed || (list.n > 0 && !*items)))
        ok = bora_fail_memory(err, "a template");
    free(list.data);
    return ok || bora_error_prefix(err, "post_processor");
}
