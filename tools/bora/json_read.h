/* JSON from a client or a file: hostile until it is read. Text that could not be kept as it is, or that would take far
 * more memory than it has bytes, is refused before anything is made of it. */
#ifndef JSON_READ_H
#define JSON_READ_H

#include <stddef.h>

#include <cjson/cJSON.h>

#include <bora/error.h>

enum {
    JSON_DEPTH_MAX = 128,     /* arrays and objects inside one another */
    JSON_VALUES_MAX = 400000, /* of arrays and objects; each takes a hundred bytes once it is read */
};

/* Reads a JSON object, all of `len` bytes; `text` has a NUL behind them. BORA_FORMAT and BORA_LIMIT say what is wrong
 * and at which byte (from 1): no JSON, no object; bytes that are no UTF-8; NUL characters, which would end a text
 * early. The caller frees with cJSON_Delete(). */
cJSON *json_read_object(const char *text, size_t len, bora_error *err);

#endif
