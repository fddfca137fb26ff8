/* JSON by cJSON: positions for errors, and accessors that tolerate absence. */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

cJSON *json_parse(const char *text, size_t len, const char *name, bora_error *err)
{
    const char *end = NULL;
    cJSON *value = cJSON_ParseWithLengthOpts(text, len, &end, false);
    const char *at = end ? end : text;
    if (value) {
        while (at < text + len && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
            at++;
        if (at == text + len)
            return value;
        cJSON_Delete(value);
    }
    size_t line = 1, column = 1;
    for (const char *c = text; c < at && c < text + len; c++) {
        column = *c == '\n' ? 1 : column + 1;
        line += *c == '\n';
    }
    bora_fail(err, BORA_FORMAT, "%s:%zu:%zu: not valid JSON", name, line, column);
    return NULL;
}

cJSON *json_load(const char *path, size_t limit_bytes, bora_error *err)
{
    size_t len;
    char *text = file_read(path, limit_bytes, &len, err);
    if (!text)
        return NULL;
    cJSON *value = json_parse(text, len, path, err);
    free(text);
    return value;
}

const cJSON *json_get(const cJSON *object, const char *key)
{
    return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, key) : NULL;
}

const char *json_string(const cJSON *object, const char *key, const char *fallback)
{
    const cJSON *item = json_get(object, key);
    return cJSON_IsString(item) ? item->valuestring : fallback;
}
