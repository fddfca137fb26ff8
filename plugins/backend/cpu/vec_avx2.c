/* The loops on vectors for AVX2 with FMA and F16C: 16 registers of 8 floats. */
#ifdef __AVX2__
#include <cpuid.h>
#include <stdbool.h>

/* Not every compiler has a name for F16C. */
static bool usable(void)
{
    unsigned eax, ebx, ecx, edx;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __get_cpuid(1, &eax, &ebx, &ecx, &edx) &&
           (ecx & bit_F16C);
}

#define ATTENTION_LOOPS cpu_attention_loops_avx2
#define FUNCTION_LOOPS cpu_function_loops_avx2
#define NAME "AVX2"
#define USABLE usable
enum { SCORE_QUERIES = 4, SCORE_VECS = 2, WEIGH_QUERIES = 4, WEIGH_VECS = 2, CONVERT_QUERIES = 4, CONVERT_VECS = 2 };
#include "attention_body.h"
#include "function_body.h"
#endif
