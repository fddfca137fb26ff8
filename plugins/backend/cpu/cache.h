/* Keys and values of the paged cache, in the number formats of caches.
 *
 * The keys of all blocks come first, block after block, and then all values: memory is read fastest in one row.
 * Keys are read a dimension at a time for many positions, values a position at a time for many dimensions. So where
 * the format is one that is known here, a block holds its keys as columns of ATTENTION_UNIT positions, or of those that
 * are left: [n_kv_heads][units][head_dim][positions]; blocks of codes are taken apart: for each unit codes
 * [dimensions][positions], then scales [blocks][positions]. Values are rows, [n_kv_heads][block_tokens]. In other
 * formats, and where the values are the beginnings of the keys, keys are rows too. */
#ifndef CPU_CACHE_H
#define CPU_CACHE_H

#include "attention_loops.h"
#include "cpu.h"

/* The cache of one attention. */
typedef struct cpu_cache {
    const bora_state *state;
    const cpu_attention_loops *loops;
    cpu_number_kind kind;
    const bora_quant *quant; /* NULL: floats */
    bool has_v;              /* else values are the beginnings of keys */
    bool columns;            /* of keys */
    int32_t n_kv_heads, head_dim, value_dim, block_tokens;
    size_t key_bytes, value_bytes; /* of a row */
    size_t key_width, value_width; /* numbers of a row as it is unpacked: whole blocks, whole lanes */
} cpu_cache;

cpu_cache cpu_cache_of(const bora_call *call, const cpu_attention_loops *loops);

/* Floats of scratch that the functions below need; it is 64-byte aligned. */
size_t cpu_cache_scratch(const cpu_cache *cache);

/* Writes the keys and values of n rows, [n][n_kv_heads, head_dim] and [n][n_kv_heads, value_dim], at their positions
 * from `position` on. */
void cpu_cache_write(const cpu_cache *cache, const bora_sequence *sequence, int32_t position, int32_t n, const float *k,
                     const float *v, float *scratch);

/* Up to ATTENTION_UNIT positions from `in_block` on, of a block and a key-value head: keys have ATTENTION_UNIT columns,
 * whatever n is, and rows of values value_width numbers. They are where they lie if they lie so and `often` is not set;
 * else they are turned into floats in the scratch: for those who read them more than once. */
cpu_numbers cpu_cache_keys(const cpu_cache *cache, int32_t block, int32_t kv_head, int32_t in_block, int32_t n,
                           bool often, float *scratch);
cpu_numbers cpu_cache_values(const cpu_cache *cache, int32_t block, int32_t kv_head, int32_t in_block, int32_t n,
                             bool often, float *scratch);
/* The bytes that the two read of n positions from `in_block` on, where a unit begins. */
const void *cpu_cache_key_bytes(const cpu_cache *cache, int32_t block, int32_t kv_head, int32_t in_block, int32_t n,
                                size_t *size_bytes);
const void *cpu_cache_value_bytes(const cpu_cache *cache, int32_t block, int32_t kv_head, int32_t in_block, int32_t n,
                                  size_t *size_bytes);

#endif
