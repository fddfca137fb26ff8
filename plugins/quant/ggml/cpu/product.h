/* The tiles of this folder: one for each format and each instruction set that product.c is compiled for. */
#ifndef GGML_CPU_PRODUCT_H
#define GGML_CPU_PRODUCT_H

#include <bora/kernel.h>

/* Which of the two is used is a choice between a quick start and quick reading. Their results are the same bits. */
typedef struct tile_pair {
    bora_tile rows;   /* for rows as they lie in a file */
    bora_tile panels; /* for packed ones */
} tile_pair;

#define TIER_TILES(tier)                                                                                               \
    extern const tile_pair tiles_q4_0_##tier, tiles_q4_1_##tier, tiles_q5_0_##tier, tiles_q5_1_##tier,                 \
        tiles_q8_0_##tier, tiles_mxfp4_##tier, tiles_q2_k_##tier, tiles_q3_k_##tier, tiles_q4_k_##tier,                \
        tiles_q5_k_##tier, tiles_q6_k_##tier

TIER_TILES(portable);
#ifdef __x86_64__
TIER_TILES(avx2);
TIER_TILES(avxvnni);
TIER_TILES(avx512vnni);
TIER_TILES(zen);
TIER_TILES(amx);
#endif
#ifdef __aarch64__
TIER_TILES(dotprod);
TIER_TILES(i8mm);
#endif

#endif
