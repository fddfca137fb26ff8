/* The blocks as they lie in GGUF files, and the formats of this plugin.
 *
 * Every member is made of bytes, so that a block may lie at any address of a mapped file: no padding, no alignment.
 * Scales are halves, little-endian. In the comments x is a number, q its code; "low half first" means that byte j of a
 * group of n/2 holds code j in its low nibble and code j + n/2 in its high one. */
#ifndef GGML_LAYOUT_H
#define GGML_LAYOUT_H

#include <bora/layout.h>

enum {
    SMALL_BLOCK = 32,  /* numbers in a block of q4_0 ... q8_1 */
    SUPER_BLOCK = 256, /* numbers in a block of the K formats */
};

typedef struct q4_0_block { /* x = d (q - 8) */
    uint8_t d[2];
    uint8_t qs[16]; /* low half first */
} q4_0_block;

typedef struct q4_1_block { /* x = d q + m */
    uint8_t d[2], m[2];
    uint8_t qs[16];
} q4_1_block;

typedef struct q5_0_block { /* x = d (q - 16) */
    uint8_t d[2];
    uint8_t qh[4]; /* bit j of the little-endian word: the fifth bit of code j */
    uint8_t qs[16];
} q5_0_block;

typedef struct q5_1_block { /* x = d q + m */
    uint8_t d[2], m[2];
    uint8_t qh[4];
    uint8_t qs[16];
} q5_1_block;

typedef struct q8_0_block { /* x = d q */
    uint8_t d[2];
    int8_t qs[32];
} q8_0_block;

typedef struct q8_1_block { /* x = d q; s = d * sum(q), for products with a format that has a minimum */
    uint8_t d[2], s[2];
    int8_t qs[32];
} q8_1_block;

typedef struct q2_k_block { /* 16 groups of 16: x = d sc q - dmin m */
    uint8_t scales[16];     /* sc in the low nibble, m in the high one */
    uint8_t qs[64];         /* 2 bits; byte l of each half: codes l, l + 32, l + 64, l + 96 of 128 */
    uint8_t d[2], dmin[2];
} q2_k_block;

typedef struct q3_k_block { /* 16 groups of 16: x = d (sc - 32) (q - 4) */
    uint8_t hmask[32];      /* the third bit: bit g of byte l for code l + 32 g */
    uint8_t qs[64];         /* the lower two bits, as in q2_k */
    uint8_t scales[12];     /* 6 bits: low nibbles of 16 scales (low half first), then pairs of high bits */
    uint8_t d[2];
} q3_k_block;

typedef struct q4_k_block { /* 8 groups of 32: x = d sc q - dmin m */
    uint8_t d[2], dmin[2];
    uint8_t scales[12]; /* 8 sc and 8 m of 6 bits each; packed by pack_6bit() */
    uint8_t qs[128];    /* low half first in each 64 */
} q4_k_block;

typedef struct q5_k_block { /* as q4_k */
    uint8_t d[2], dmin[2];
    uint8_t scales[12];
    uint8_t qh[32]; /* the fifth bit: bit g of byte l for code l + 32 g */
    uint8_t qs[128];
} q5_k_block;

typedef struct q6_k_block { /* 16 groups of 16: x = d sc (q - 32) */
    uint8_t ql[128];        /* lower 4 bits; byte l of each half: codes l and l + 64 of 128 */
    uint8_t qh[64];         /* upper 2 bits, as qs in q2_k */
    int8_t scales[16];
    uint8_t d[2];
} q6_k_block;

typedef struct q8_k_block { /* x = d q; d is a float */
    uint8_t d[4];
    int8_t qs[256];
    uint8_t sums[16][2]; /* int16: the sums of 16 codes each */
} q8_k_block;

typedef struct mxfp4_block { /* x = 2^(e - 127) times a number of sign, 2 bits of exponent and 1 of mantissa */
    uint8_t e;
    uint8_t qs[16]; /* low half first */
} mxfp4_block;

_Static_assert(sizeof(q4_0_block) == 18, "q4_0");
_Static_assert(sizeof(q4_1_block) == 20, "q4_1");
_Static_assert(sizeof(q5_0_block) == 22, "q5_0");
_Static_assert(sizeof(q5_1_block) == 24, "q5_1");
_Static_assert(sizeof(q8_0_block) == 34, "q8_0");
_Static_assert(sizeof(q8_1_block) == 36, "q8_1");
_Static_assert(sizeof(q2_k_block) == 84, "q2_k");
_Static_assert(sizeof(q3_k_block) == 110, "q3_k");
_Static_assert(sizeof(q4_k_block) == 144, "q4_k");
_Static_assert(sizeof(q5_k_block) == 176, "q5_k");
_Static_assert(sizeof(q6_k_block) == 210, "q6_k");
_Static_assert(sizeof(q8_k_block) == 292, "q8_k");
_Static_assert(sizeof(mxfp4_block) == 17, "mxfp4");

/* The importance of what begins at number i, where there is any. */
static inline const float *at(const float *importance, size_t i)
{
    return importance != NULL ? importance + i : NULL;
}

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* plain.c */
extern const bora_quant quant_f32, quant_f16, quant_bf16, quant_f64;
extern const bora_quant quant_i8, quant_i16, quant_i32, quant_i64;
extern const bora_quant quant_u8, quant_u16, quant_u32, quant_u64, quant_bool;
/* legacy.c */
extern const bora_quant quant_q4_0, quant_q4_1, quant_q5_0, quant_q5_1, quant_q8_0, quant_q8_1;
/* kquants_offset.c: scale and minimum */
extern const bora_quant quant_q2_k, quant_q4_k, quant_q5_k;
/* kquants_signed.c: scale only */
extern const bora_quant quant_q3_k, quant_q6_k, quant_q8_k;
/* mxfp4.c */
extern const bora_quant quant_mxfp4;
extern const bora_layout layout_mxfp4;

#endif
