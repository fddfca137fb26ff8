/* The loops on vectors for AVX-512: 32 registers of 16 floats. */
#ifdef __AVX512F__
#include <stdbool.h>

static bool usable(void)
{
    return __builtin_cpu_supports("avx512f");
}

#define ATTENTION_LOOPS cpu_attention_loops_avx512
#define FUNCTION_LOOPS cpu_function_loops_avx512
#define NAME "AVX-512"
#define USABLE usable
enum { SCORE_QUERIES = 8, SCORE_VECS = 2, WEIGH_QUERIES = 4, WEIGH_VECS = 4, CONVERT_QUERIES = 8, CONVERT_VECS = 2 };
#include "attention_body.h"
#include "function_body.h"
#endif
