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

/* Where the lists of a row of k numbers begin: bytes from the row's beginning. */
typedef struct list_places {
    size_t d, sum, half_sum, bias, half_bias;
} list_places;

static inline list_places list_places_of(int64_t k)
{
    const size_t d = (size_t)k, n = d / BLOCK;
    const size_t sum = d + 4 * n, half_sum = sum + 4 * n, bias = half_sum + 8 * n;
    return (list_places){ d, sum, half_sum, bias, bias + 4 * n };
}

static inline block_lists lists_of(const int8_t *row, int64_t k)
{
    const list_places at = list_places_of(k);
    return (block_lists){ .d = (const float *)(const void *)(row + at.d),
                          .sum = (const float *)(const void *)(row + at.sum),
                          .half_sum = (const float *)(const void *)(row + at.half_sum),
                          .bias = (const int32_t *)(const void *)(row + at.bias),
                          .half_bias = (const int32_t *)(const void *)(row + at.half_bias) };
}

#endif
