/* Prompts and inputs: a text, token ids, or several of either. */
#include <math.h>
#include <stdlib.h>

#include "api_request.h"

static bool are_all(const cJSON *array, cJSON_bool (*is)(const cJSON *))
{
    const cJSON *item;
    cJSON_ArrayForEach(item, array) {
        if (!is(item))
            return false;
    }
    return true;
}

size_t api_n_inputs(const cJSON *value)
{
    if (cJSON_IsString(value))
        return 1;
    if (!cJSON_IsArray(value) || !value->child)
        return 0;
    if (are_all(value, cJSON_IsNumber))
        return 1;
    if (are_all(value, cJSON_IsString))
        return (size_t)cJSON_GetArraySize(value);
    const cJSON *item;
    cJSON_ArrayForEach(item, value) {
        if (!cJSON_IsArray(item) || !item->child || !are_all(item, cJSON_IsNumber))
            return 0;
    }
    return (size_t)cJSON_GetArraySize(value);
}

api_input api_input_at(const cJSON *value, size_t i)
{
    if (cJSON_IsArray(value) && !cJSON_IsNumber(value->child))
        value = cJSON_GetArrayItem(value, (int)i);
    return cJSON_IsString(value) ? (api_input){ .text = value->valuestring } : (api_input){ .ids = value };
}

int32_t *api_ids(const cJSON *ids, int32_t n_vocab, const char *param, size_t *n, api_error *e)
{
    size_t i = 0;
    *n = (size_t)cJSON_GetArraySize(ids);
    int32_t *out = malloc((*n ? *n : 1) * sizeof *out);
    if (!out) {
        api_fail_bora(e, NULL, &(bora_error){ .code = BORA_MEMORY });
        return NULL;
    }
    const cJSON *item;
    cJSON_ArrayForEach(item, ids) {
        double id = cJSON_IsNumber(item) ? item->valuedouble : -1;
        if (!(id >= 0 && id < n_vocab) || fabs(id - trunc(id)) > 0) {
            api_fail_param(e, param, "%s: item %zu is no token of this model, whose tokens are 0 to %d", param, i,
                           n_vocab - 1);
            free(out);
            return NULL;
        }
        out[i++] = (int32_t)id;
    }
    return out;
}
