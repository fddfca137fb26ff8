/* Fields: see fields.h. */
#include "fields.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "writer.h"

static const double exact_end = 9007199254740992; /* 2^53: from here on a number may not be the one that was written */

const field *fields_at(const field_set *set, size_t i)
{
    for (size_t t = 0; t < FIELDS_TABLES_MAX && set->tables[t]; t++)
        for (const field *f = set->tables[t]; f->name; f++)
            if (i-- == 0)
                return f;
    return NULL;
}

const char *fields_type_name(const cJSON *value)
{
    return cJSON_IsString(value)   ? "a string"
           : cJSON_IsNumber(value) ? "a number"
           : cJSON_IsBool(value)   ? "a boolean"
           : cJSON_IsArray(value)  ? "an array"
           : cJSON_IsObject(value) ? "an object"
                                   : "null";
}

static bool fail_type(const field *f, const cJSON *value, const char *expected, api_error *e)
{
    return api_fail_param(e, f->name, "%s: expected %s, found %s", f->name, expected, fields_type_name(value));
}

static bool check_range(const field *f, double value, api_error *e)
{
    if (value >= f->min && value <= f->max)
        return true;
    if (isinf(f->max) || f->max >= INT32_MAX)
        return api_fail_param(e, f->name, "%s: %.10g is out of range: %.10g or more", f->name, value, f->min);
    return api_fail_param(e, f->name, "%s: %.10g is out of range: %.10g to %.10g", f->name, value, f->min, f->max);
}

static bool is_choice(const char *choices, const char *text)
{
    size_t n = strlen(text);
    for (const char *word = choices; *word;) {
        size_t len = strcspn(word, " ");
        if (len == n && memcmp(word, text, n) == 0)
            return true;
        word += len + (word[len] == ' ');
    }
    return false;
}

static bool check_type(const field *f, const cJSON *value, api_error *e)
{
    bool whole = cJSON_IsNumber(value) && fabs(value->valuedouble) < exact_end &&
                 !(fabs(value->valuedouble - trunc(value->valuedouble)) > 0);
    switch (f->type) {
    case FIELD_BOOL:
        return cJSON_IsBool(value) || fail_type(f, value, "true or false", e);
    case FIELD_INT:
    case FIELD_SEED:
        if (!cJSON_IsNumber(value))
            return fail_type(f, value, "an integer", e);
        if (!whole)
            return api_fail_param(e, f->name, "%s: expected an integer, found %.10g", f->name, value->valuedouble);
        return f->type == FIELD_SEED || check_range(f, value->valuedouble, e);
    case FIELD_FLOAT:
        if (!cJSON_IsNumber(value))
            return fail_type(f, value, "a number", e);
        return check_range(f, value->valuedouble, e);
    case FIELD_TEXT:
        return cJSON_IsString(value) || fail_type(f, value, "a string", e);
    case FIELD_CHOICE:
        if (!cJSON_IsString(value))
            return fail_type(f, value, "a string", e);
        return is_choice(f->choices, value->valuestring) ||
               api_fail_param(e, f->name, "%s: \"%.60s\" is none of: %s", f->name, value->valuestring, f->choices);
    case FIELD_OBJECT:
        return cJSON_IsObject(value) || fail_type(f, value, "an object", e);
    case FIELD_ARRAY:
        if (!cJSON_IsArray(value))
            return fail_type(f, value, "an array", e);
        return value->child || api_fail_param(e, f->name, "%s: expected at least one item", f->name);
    case FIELD_OTHER:
        break;
    }
    return true;
}

static void store(const field *f, const cJSON *value, char *target)
{
    char *at = target + f->offset;
    switch (f->type) {
    case FIELD_BOOL:
        *(bool *)(void *)at = cJSON_IsTrue(value);
        break;
    case FIELD_INT:
        *(int32_t *)(void *)at = (int32_t)value->valuedouble;
        break;
    case FIELD_SEED:
        *(uint64_t *)(void *)at = (uint64_t)(int64_t)value->valuedouble;
        break;
    case FIELD_FLOAT:
        *(float *)(void *)at = (float)value->valuedouble;
        break;
    case FIELD_TEXT:
    case FIELD_CHOICE:
        *(const char **)(void *)at = value->valuestring;
        break;
    case FIELD_OBJECT:
    case FIELD_ARRAY:
    case FIELD_OTHER:
        *(const cJSON **)(void *)at = value;
        break;
    }
}

static bool take(const field *f, const cJSON *value, void *target, void *sampling, api_error *e)
{
    if (f->status == FIELD_IGNORED)
        return true;
    if (f->status == FIELD_REFUSED && !f->take)
        return api_fail(e, 400, f->name, "unsupported", "%s is not supported by this server", f->name);
    if (!check_type(f, value, e))
        return false;
    if (f->take)
        return f->take(target, f, value, e);
    store(f, value, f->sampling ? sampling : target);
    return true;
}

static const field *find(const field_set *set, const char *name, size_t *i)
{
    const field *f;
    for (*i = 0; (f = fields_at(set, *i)); (*i)++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

bool fields_read(const field_set *set, const cJSON *object, void *target, void *sampling, fields_seen *seen,
                 api_error *e)
{
    uint64_t named = 0;
    *seen = (fields_seen){ 0 };
    const cJSON *member;
    cJSON_ArrayForEach(member, object) {
        size_t i;
        const field *f = find(set, member->string, &i);
        if (!f) {
            seen->unknown = seen->unknown ? seen->unknown : member->string;
            continue;
        }
        if (named & UINT64_C(1) << i)
            return api_fail_param(e, f->name, "%s is there twice", f->name);
        named |= UINT64_C(1) << i;
        if (cJSON_IsNull(member))
            continue;
        if (!take(f, member, target, sampling, e))
            return false;
        seen->given |= UINT64_C(1) << i;
    }
    const field *f;
    for (size_t i = 0; (f = fields_at(set, i)); i++)
        if (f->required && !(seen->given & UINT64_C(1) << i))
            return api_fail(e, 400, f->name, "missing_required_parameter", "%s is missing", f->name);
    return true;
}

void fields_copy_sampling(const field_set *set, uint64_t given, const void *from, void *to)
{
    const field *f;
    for (size_t i = 0; (f = fields_at(set, i)); i++) {
        if (!f->sampling || f->take || !(given & UINT64_C(1) << i))
            continue;
        size_t size = f->type == FIELD_SEED ? sizeof(uint64_t) : f->type == FIELD_BOOL ? sizeof(bool) : 4;
        memcpy((char *)to + f->offset, (const char *)from + f->offset, size);
    }
}

static void put_range(writer *w, const field *f)
{
    if (isfinite(f->min))
        put_format(w, ",\"minimum\":%.10g", f->min);
    if (isfinite(f->max) && f->max < INT32_MAX)
        put_format(w, ",\"maximum\":%.10g", f->max);
}

static void put_choices(writer *w, const char *choices)
{
    put_raw(w, ",\"enum\":[", 9);
    for (const char *word = choices; *word;) {
        size_t len = strcspn(word, " ");
        put_format(w, "%s\"%.*s\"", word == choices ? "" : ",", (int)len, word);
        word += len + (word[len] == ' ');
    }
    put_raw(w, "]", 1);
}

void fields_put_schema(writer *w, const field *f)
{
    static const char *const types[] = {
        [FIELD_BOOL] = "boolean", [FIELD_INT] = "integer",   [FIELD_FLOAT] = "number", [FIELD_SEED] = "integer",
        [FIELD_TEXT] = "string",  [FIELD_CHOICE] = "string", [FIELD_ARRAY] = "array",  [FIELD_OBJECT] = "object",
    };
    put_raw(w, "{", 1);
    if (f->schema)
        put_raw(w, f->schema, strlen(f->schema));
    else if (f->type != FIELD_OTHER)
        put_format(w, "\"type\":\"%s\"", types[f->type]);
    if (f->type == FIELD_INT || f->type == FIELD_FLOAT)
        put_range(w, f);
    if (f->type == FIELD_CHOICE)
        put_choices(w, f->choices);
    bool first = !f->schema && f->type == FIELD_OTHER;
    put_format(w, "%s\"description\":\"", first ? "" : ",");
    put_escaped(w, f->help, strlen(f->help));
    if (f->default_note) {
        put_format(w, "; where it is not given: ");
        put_escaped(w, f->default_note, strlen(f->default_note));
    }
    if (f->status == FIELD_IGNORED)
        put_format(w, " (accepted, without effect)");
    if (f->status == FIELD_REFUSED)
        put_format(w, " (not in this version)");
    put_raw(w, "\"}", 2);
}
