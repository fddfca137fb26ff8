/* JSON from outside: see json_read.h. */
#include "json_read.h"

#include <string.h>

#include "text.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The character at i, of n bytes; behind a backslash what it escapes. False: it cannot be kept. */
static bool check_char(const char *text, size_t len, size_t i, size_t *n, bora_error *err)
{
    uint32_t c;
    if ((*n = text_char(text + i, len - i, &c)) == 0)
        return bora_fail(err, BORA_FORMAT, "byte %zu is not UTF-8", i + 1);
    if (c == '\\' && len - i >= 6 && memcmp(text + i, "\\u0000", 6) == 0)
        c = 0;
    else if (c == '\\' && i + 1 < len && (text[i + 1] == '\\' || text[i + 1] == '"'))
        *n = 2;
    return c != 0 || bora_fail(err, BORA_FORMAT, "byte %zu is a NUL character, which text may not have here", i + 1);
}

/* Looks at the text without making anything of it. Where it is no JSON the counts mean nothing, and it is refused
 * later. */
static bool check_text(const char *text, size_t len, bora_error *err)
{
    size_t depth = 0, values = 0;
    bool quoted = false;
    for (size_t i = 0, n; i < len; i += n) {
        if (!check_char(text, len, i, &n, err))
            return false;
        char c = text[i];
        if (c == '"')
            quoted = !quoted;
        if (quoted)
            continue;
        depth += c == '[' || c == '{';
        depth -= depth > 0 && (c == ']' || c == '}');
        values += c == '[' || c == '{' || c == ',';
        if (depth > JSON_DEPTH_MAX)
            return bora_fail(err, BORA_LIMIT, "byte %zu: more than %d arrays and objects inside one another", i + 1,
                             JSON_DEPTH_MAX);
        if (values > JSON_VALUES_MAX)
            return bora_fail(err, BORA_LIMIT, "byte %zu: more than %d values", i + 1, JSON_VALUES_MAX);
    }
    return true;
}

cJSON *json_read_object(const char *text, size_t len, bora_error *err)
{
    if (!check_text(text, len, err))
        return NULL;
    const char *end = NULL;
    cJSON *object = cJSON_ParseWithLengthOpts(text, len, &end, false);
    size_t at = end ? (size_t)(end - text) : 0;
    while (object && at < len && is_space(text[at]))
        at++;
    if (object && at == len && cJSON_IsObject(object))
        return object;
    if (object && at == len)
        bora_fail(err, BORA_FORMAT, "expected a JSON object");
    else
        bora_fail(err, BORA_FORMAT, "not valid JSON (byte %zu)", at + 1);
    cJSON_Delete(object);
    return NULL;
}
