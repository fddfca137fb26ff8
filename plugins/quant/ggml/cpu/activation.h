/* What activations become before they meet quantized weights: 32 numbers to a block, 8 bits each, and a float scale.
 *
 * One format serves the weights of every format, so that products with the same input share it. A row of k numbers is
 * its k codes, and behind them what is needed of each block. Nobody else reads it: it is no format of files. */
#ifndef GGML_CPU_ACTIVATION_H
#define GGML_CPU_ACTIVATION_H

#include <bora/quant.h>

enum { BLOCK = 32 };

typedef struct block_scales {
    float d;                 /* x = d q */
    float sum, sums[2];      /* d times the sum of all codes, of each half */
    int32_t bias, biases[2]; /* -128 times the sum of all codes, of each half */
} block_scales;

extern const bora_quant quant_activation;

static inline const block_scales *scales_of(const int8_t *codes, int64_t k)
{
    return (const block_scales *)(const void *)(codes + k);
}

#endif
