/* The loops of attention for AVX-512: 32 registers of 16 floats. */
#ifdef __x86_64__
#include <stdbool.h>

#define TARGET __attribute__((target("avx512f")))
#define VEC 16
enum {
    SCORE_QUERIES = 8,
    SCORE_VECS = 2,
    WEIGH_QUERIES = 4,
    WEIGH_VECS = 4,
    CONVERT_QUERIES = 8,
    CONVERT_VECS = 2,
    MANY_VECS = 4
};

static bool usable(void)
{
    return __builtin_cpu_supports("avx512f");
}

#define ATTENTION_LOOPS cpu_attention_loops_avx512
#define NAME "AVX-512"
#define USABLE usable
#include "attention_body.h"
#endif
