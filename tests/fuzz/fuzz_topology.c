/* Topologies: any bytes give a topology that can be asked about any weight, or an error that says where. The name of
 * the weight is what stands behind the first NUL. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/topology.h"

static void ask(const topology *t, int layer, const char *name)
{
    bora_error err = { .code = BORA_OK };
    topology_choice choice;
    if (!topology_match(t, layer, name, &choice, &err)) {
        if (err.code == BORA_OK)
            abort();
        return;
    }
    if ((choice.isq && !choice.isq_from) || (choice.device && !choice.device_from) || choice.device_index < 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    size_t len = nul ? (size_t)(nul - data) : size;
    bora_error err = { .code = BORA_OK };
    topology *t = topology_parse((const char *)data, len, "fuzz", &err);
    if (!t) {
        if ((err.code != BORA_FORMAT && err.code != BORA_LIMIT) || strncmp(err.message, "fuzz:", 5) != 0)
            abort();
        return 0;
    }
    for (size_t i = 0; i < topology_n_entries(t); i++) {
        const topology_entry *e = topology_entry_at(t, i);
        if (e->index != i || e->line < 1 || e->column < 1 || (e->first_layer >= 0 && e->end_layer <= e->first_layer))
            abort();
        ask(t, e->first_layer, "model.layers.3.mlp.down_proj.weight");
    }
    if (nul) {
        size_t name_len = size - len - 1;
        char *name = calloc(name_len + 1, 1);
        if (name) {
            memcpy(name, nul + 1, name_len);
            ask(t, -1, name);
        }
        free(name);
    }
    topology_free(t);
    return 0;
}
