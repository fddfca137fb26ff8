/* The loops of attention for AVX2 with FMA and F16C: 16 registers of 8 floats. */
#ifdef __x86_64__
#include "avx2.h"

#define TARGET __attribute__((target("avx2,fma,f16c")))
#define VEC 8
enum {
    SCORE_QUERIES = 4,
    SCORE_VECS = 2,
    WEIGH_QUERIES = 4,
    WEIGH_VECS = 2,
    CONVERT_QUERIES = 4,
    CONVERT_VECS = 2,
    MANY_VECS = 2
};

#define ATTENTION_LOOPS cpu_attention_loops_avx2
#define NAME "AVX2"
#define USABLE has_avx2
#include "attention_body.h"
#endif
