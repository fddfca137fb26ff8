/* What activations become before they meet quantized weights: 32 numbers to a block, 8 bits each, and a float scale.
 *
 * One format serves the weights of every format, so that products with the same input share it. A row of k numbers is
 * its k codes, and behind them lists of what is needed of each block: a product reads two of them, and each is short.
 * Nobody else reads it: it is no format of files. */
#ifndef GGML_CPU_ACTIVATION_H
#define GGML_CPU_ACTIVATION_H

#include <bora/quant.h>

enum { BLOCK = 32 };

/* One number for each block, or for each half of one. */
typedef struct block_lists {
    const float *d;                  /* [n_blocks]: x = d q */
    const float *sum, *half_sum;     /* [n_blocks], [2 n_blocks]: d times the sum of its codes */
    const int32_t *bias, *half_bias; /* likewise: WHOLE_FLOAT - 128 times the sum of its codes */
} block_lists;

enum {
    LISTS_BYTES = 28, /* for each block */
    /* The bits of 1.5 * 2^23: added to a whole number n they are the float 1.5 * 2^23 + n. */
    WHOLE_FLOAT = 0x4b400000,
};

extern const bora_quant quant_activation;

/* Those of a row of k numbers. */
static inline block_lists lists_of(const int8_t *row, int64_t k)
{
    const int64_t n = k / BLOCK;
    const float *d = (const float *)(const void *)(row + k);
    const int32_t *bias = (const int32_t *)(const void *)(d + 4 * n);
    return (block_lists){ .d = d, .sum = d + n, .half_sum = d + 2 * n, .bias = bias, .half_bias = bias + n };
}

#endif
