/* How many blocks, and snapshots of recurrent states, the cache may have: what the --pa-… options say, or what the
 * machine has left after loading. */
#include "base/memory.h"
#include "model/model.h"

enum { MIB = 1 << 20, LEAST_TOKENS = 2048, SNAPSHOTS_EACH = 4 };

/* Weights that are read where they lie in files: the system counts their memory as free, but it is needed. */
static double mapped_weight_bytes(const bora_model *m)
{
    double bytes = 0;
    for (int i = 0; i < m->n_weights; i++)
        if (!m->weights[i]->device && m->weights[i]->owned_bytes == 0)
            bytes += bora_weight_bytes(&m->weights[i]->weight);
    return bytes;
}

/* As much of what the machine has left as may be taken: others live there too, a second model perhaps. */
static double free_bytes(const bora_model *m)
{
    return 0.5 * ((double)memory_available("") - mapped_weight_bytes(m));
}

static int64_t blocks_for(const bora_model *m, int64_t n_tokens)
{
    return (n_tokens + m->states.block_tokens - 1) / m->states.block_tokens;
}

/* What is worth having when nobody says: enough for every sequence at once, as far as half of the free memory goes. */
static int64_t default_blocks(const bora_model *m, const bora_settings *settings, double block_bytes)
{
    double useful = (double)bora_settings_int(settings, "max-seqs") * (double)blocks_for(m, m->context_length);
    double room = block_bytes > 0 ? free_bytes(m) / block_bytes : useful;
    /* The system's word on free memory is an estimate: a model that was loaded should be able to say something. */
    double least = (double)blocks_for(m, m->context_length < LEAST_TOKENS ? m->context_length : LEAST_TOKENS);
    double n = room < useful ? room : useful;
    return (int64_t)(n < least ? least : n);
}

int32_t model_cache_blocks(const bora_model *m, const bora_settings *settings, size_t block_bytes, bora_error *err)
{
    double bytes = (double)block_bytes, n;
    if (bora_settings_is_set(settings, "pa-context-len"))
        n = (double)blocks_for(m, bora_settings_int(settings, "pa-context-len"));
    else if (block_bytes > 0 && bora_settings_is_set(settings, "pa-memory-mb"))
        n = (double)bora_settings_int(settings, "pa-memory-mb") * MIB / bytes;
    else if (block_bytes > 0 && bora_settings_is_set(settings, "pa-memory-fraction"))
        n = bora_settings_float(settings, "pa-memory-fraction") * (double)memory_total("") / bytes;
    else
        n = (double)default_blocks(m, settings, bytes);
    int32_t most = INT32_MAX / 4 / m->states.block_tokens;
    if (n < 1) {
        bora_fail(err, BORA_LIMIT, "the cache has no room for a block of %d tokens, which takes %zu bytes",
                  m->states.block_tokens, block_bytes);
        return -1;
    }
    return n < most ? (int32_t)n : most;
}

int32_t model_cache_snapshots(const bora_model *m, const bora_settings *settings, size_t slot_bytes)
{
    if (slot_bytes == 0 || !m->states.share)
        return 0;
    /* Beside what the sequences have themselves: an eighth of the memory, and a few for each. */
    double memory = bora_settings_is_set(settings, "pa-memory-mb")
                        ? (double)bora_settings_int(settings, "pa-memory-mb") * MIB
                        : free_bytes(m);
    double room = memory / 8 / (double)slot_bytes;
    double useful = (double)bora_settings_int(settings, "max-seqs") * SNAPSHOTS_EACH;
    double n = room < useful ? room : useful;
    return n < 1 ? 1 : n < INT32_MAX / 4 ? (int32_t)n : INT32_MAX / 4;
}

bool model_block_tokens(const bora_settings *settings, int32_t *n, bora_error *err)
{
    int64_t wanted = bora_settings_int(settings, "pa-block-size");
    if (wanted < BLOCK_TOKENS_STEP || wanted > BLOCK_TOKENS_MAX || wanted % BLOCK_TOKENS_STEP != 0)
        return bora_fail(err, BORA_USAGE, "--pa-block-size %lld: blocks have 8, 16, 24, … %d tokens", (long long)wanted,
                         BLOCK_TOKENS_MAX);
    *n = (int32_t)wanted;
    return true;
}
