/* The loops of dot_body.h for AVX-512. */
#ifdef __x86_64__
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma,f16c")))
#define HAS_HALF
#include "dot_avx512.h"

PART_FUNCTION part load_f16(const char *at)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)at));
}

PART_FUNCTION part load_bf16(const char *at)
{
    const __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)at);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
}

PART_FUNCTION part fused(part a, part b, part c)
{
    return _mm512_fmadd_ps(a, b, c);
}

#include "dot_body.h"
#include "sum_body.h"

static bool usable(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

const cpu_loops cpu_loops_avx512 = {
    .name = "AVX-512",
    .usable = usable,
    .block_rows = BLOCK_ROWS,
    .by_pages = DOTS(by_pages),
    .in_order = DOTS(in_order),
    .weighted_sum = weighted_sum,
    .state_step = state_step,
};
#endif
