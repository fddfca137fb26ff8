/* Products of bfloat16 weights with activations that are rounded to bfloat16, two numbers of a row at a time: the loops
 * of dot_body.h over words of 32 bits, by AVX-512's instruction for pairs. It takes as long as a multiply-add of floats
 * and reads half as many bytes.
 *
 * Sum l takes the words l, l + 16, … in order: of each the product of the second numbers and then that of the first,
 * both by a fused multiply-add, to which subnormal numbers are zero. An odd last number comes after all sums are added
 * up. */
#include "cpu.h"
#include "dot.h"

#ifdef CPU_BF16_PAIRS
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma,f16c")))
#include "dot_avx512.h"

PART_FUNCTION part fused(part a, part b, part c)
{
    return _mm512_dpbf16_ps(c, (__m512bh)a, (__m512bh)b);
}

#include "dot_body.h"

enum { NUMBER = 2, WORD = 2 * NUMBER, STEP_BYTES = LANES * WORD };

INLINE float number_at(const char *at)
{
    uint16_t half;
    memcpy(&half, at, sizeof half);
    return _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128((int)((uint32_t)half << 16))));
}

TARGET static void add_last_number(const char *rows, size_t row_bytes, size_t step_bytes, int n_rows, int64_t k,
                                   const char *acts, size_t act_bytes, int n_acts, float *out, size_t out_stride)
{
    const size_t at = (size_t)(k - 1) * NUMBER;
    rows += at / STEP_BYTES * step_bytes + at % STEP_BYTES;
    for (int t = 0; t < n_acts; t++)
        for (int r = 0; r < n_rows; r++) {
            float *sum = out + (size_t)t * out_stride + r;
            *sum = __builtin_fmaf(number_at(rows + (size_t)r * row_bytes), number_at(acts + (size_t)t * act_bytes + at),
                                  *sum);
        }
}

#define DOT_PAIRS(name, by_words)                                                                                      \
    TARGET void name(const char *rows, size_t row_bytes, size_t step_bytes, int n_rows, int64_t k, const char *acts,   \
                     size_t act_bytes, int n_acts, float *out, size_t out_stride)                                      \
    {                                                                                                                  \
        by_words(rows, row_bytes, step_bytes, n_rows, k / 2, acts, act_bytes, n_acts, out, out_stride);                \
        if (k % 2)                                                                                                     \
            add_last_number(rows, row_bytes, step_bytes, n_rows, k, acts, act_bytes, n_acts, out, out_stride);         \
    }
DOT_PAIRS(cpu_pairs_by_pages, f32_by_pages)
DOT_PAIRS(cpu_pairs_in_order, f32_in_order)

/* To the nearest, of two the even one. */
TARGET static void round_row(const float *in, const float *importance, void *row, size_t n)
{
    (void)importance;
    char *out = row;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const __m256i rounded = (__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(in + i));
        _mm256_storeu_si256((__m256i *)(void *)(out + i * NUMBER), rounded);
    }
    if (i < n) {
        const __mmask16 there = (__mmask16)((1u << (n - i)) - 1);
        const __m256i rounded = (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(there, in + i));
        _mm256_mask_storeu_epi16(out + i * NUMBER, there, rounded);
    }
}

const bora_quant cpu_rounded_bf16 = {
    .name = "bf16-rounded", .block_elems = 1, .block_bytes = NUMBER, .quantize = round_row
};

bool cpu_has_bf16_pairs(void)
{
    return cpu_best_loops() == &cpu_loops_avx512 && __builtin_cpu_supports("avx512bf16");
}

cpu_dot_loop *cpu_best_pairs(void)
{
    return bora_reads_in_order() ? cpu_pairs_in_order : cpu_pairs_by_pages;
}
#endif
