/* Any bytes as a GGUF file: refused, or every key, value and tensor can be read. */
#include <stdlib.h>
#include <string.h>

#include "checkpoint/gguf.h"

static const bora_quant words = { .name = "words", .block_elems = 1, .block_bytes = 4 };
static const bora_quant blocks = { .name = "blocks", .block_elems = 32, .block_bytes = 34 };

static const bora_quant *lookup(void *ctx, const char *stored_as)
{
    (void)ctx;
    return strcmp(stored_as, "gguf:0") == 0 ? &words : strcmp(stored_as, "gguf:8") == 0 ? &blocks : NULL;
}

static size_t read_meta(const bora_meta *m)
{
    size_t sum = 0;
    if (m->type == BORA_META_STRING)
        sum += strlen(m->text.data) + (size_t)m->text.data[m->text.len];
    for (size_t i = 0; m->type == BORA_META_ARRAY && i < m->n_elems; i++) {
        if (m->elem_type == BORA_META_STRING)
            sum += strlen(m->texts[i].data) + (size_t)m->texts[i].data[m->texts[i].len];
        else if (m->elem_type == BORA_META_FLOAT)
            sum += m->floats[i] > 0;
        else
            sum += m->elem_type == BORA_META_BOOL ? m->bools[i] : (size_t)m->ints[i];
    }
    return sum;
}

static size_t read_all(const bora_checkpoint *c)
{
    size_t sum = 0;
    for (size_t i = 0; i < bora_checkpoint_n_meta(c); i++)
        sum += read_meta(bora_checkpoint_meta_at(c, i));
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
    gguf_split split;
    volatile size_t sum = 0; /* volatile: all that is read has to be read */
    if (c && gguf_parse(c, &file, &split, &err) && ckpt_finish(c, &err))
        sum = read_all(c);
    (void)sum;
    bora_checkpoint_close(c);
    return 0;
}
