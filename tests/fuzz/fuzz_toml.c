/* TOML: any bytes give a sound tree or an error that says where. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/toml.h"

static void check(const toml_value *v, int depth)
{
    if (depth > TOML_MAX_DEPTH || v->line < 1 || v->column < 1 || v->type > TOML_TABLE)
        abort();
    if (v->type != TOML_TABLE && v->type != TOML_ARRAY) {
        bool text = v->type != TOML_INT && v->type != TOML_FLOAT && v->type != TOML_BOOL;
        if (text && v->string[v->len] != '\0')
            abort();
        return;
    }
    size_t n = 0;
    for (const toml_value *child = v->first; child; child = child->next, n++) {
        bool named = child->key && child->key[child->key_len] == '\0';
        if (named != (v->type == TOML_TABLE))
            abort();
        if (named && n < 8 && strlen(child->key) == child->key_len && toml_get(v, child->key) != child)
            abort(); /* a key that was there before */
        check(child, depth + 1);
    }
    if (n != v->count)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    arena a = { 0 };
    bora_error err = { .code = BORA_OK };
    const toml_value *root = toml_parse(&a, (const char *)data, size, "fuzz", &err);
    if (root)
        check(root, 0);
    else if ((err.code != BORA_FORMAT && err.code != BORA_LIMIT) || strncmp(err.message, "fuzz:", 5) != 0)
        abort();
    arena_free(&a);
    return 0;
}
