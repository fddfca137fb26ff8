/* JSON from outside, by cJSON, with errors that say where. */
#ifndef BORA_BASE_JSON_H
#define BORA_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include <bora/error.h>

/* Parses `len` bytes, all of them (only white space may follow the value). `name` is the file, for the error message,
 * which gives line and column. The caller frees with cJSON_Delete(). */
cJSON *json_parse(const char *text, size_t len, const char *name, bora_error *err);
/* The same for a whole file of at most `limit_bytes`. */
cJSON *json_load(const char *path, size_t limit_bytes, bora_error *err);

/* The member `key` of an object, exact case, or NULL; tolerates NULL and non-objects. */
const cJSON *json_get(const cJSON *object, const char *key);
/* The string member `key`, or `fallback` when it is absent or not a string. */
const char *json_string(const cJSON *object, const char *key, const char *fallback);

#endif
