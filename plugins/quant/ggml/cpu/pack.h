/* Packing: the blocks of 16 rows side by side, so that nothing has to be transposed any more when they are used. */
#ifndef GGML_CPU_PACK_H
#define GGML_CPU_PACK_H

#include <bora/kernel.h>

/* `panel_bytes` and `pack` of a tile (bora/kernel.h) for each format. */
#define PACKING(NAME)                                                                                                  \
    size_t panel_bytes_##NAME(int64_t k);                                                                              \
    void pack_##NAME(const bora_quant *quant, const void *rows, size_t row_bytes, int n_rows, int64_t k, void *panel)

PACKING(q4_0);
PACKING(q4_1);
PACKING(q5_0);
PACKING(q5_1);
PACKING(q8_0);
PACKING(mxfp4);
PACKING(q2_k);
PACKING(q3_k);
PACKING(q4_k);
PACKING(q5_k);
PACKING(q6_k);

#undef PACKING

#endif
