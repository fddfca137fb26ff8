/* Any bytes as a safetensors file, and as an index of several: refused, or every tensor's bytes can be read. */
#include <stdlib.h>

#include "checkpoint/safetensors.h"

static const bora_quant pairs = { .name = "pairs", .block_elems = 2, .block_bytes = 1 };
static const bora_quant words = { .name = "words", .block_elems = 1, .block_bytes = 4 };

static const bora_quant *lookup(void *ctx, const char *stored_as)
{
    (void)ctx;
    return stored_as[12] == 'F' ? &words : stored_as[12] == 'P' ? &pairs : NULL;
}

static size_t read_all(const bora_checkpoint *c)
{
    size_t sum = 0;
    for (size_t i = 0; i < bora_checkpoint_n_tensors(c); i++) {
        const bora_tensor_info *t = bora_checkpoint_tensor(c, i);
        if (bora_checkpoint_find(c, t->name) != t)
            abort();
        for (size_t k = 0; k < t->size_bytes; k++)
            sum += ((const uint8_t *)t->data)[k];
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ckpt_bytes file = { "fuzz", data, size };
    bora_error err = { .code = BORA_OK };
    bora_checkpoint *c = ckpt_new(lookup, NULL, &err);
    volatile size_t sum = 0; /* volatile: all that is read has to be read */
    if (c && safetensors_parse(c, &file, 0, &err) && ckpt_finish(c, &err))
        sum = read_all(c);
    (void)sum;
    bora_checkpoint_close(c);

    c = ckpt_new(lookup, NULL, NULL);
    safetensors_index index = { 0 };
    if (c)
        safetensors_index_parse(c, &file, &index, NULL);
    free(index.places);
    bora_checkpoint_close(c);
    return 0;
}
