/* The loops of rates.h. There are as many accumulators as the latency of an instruction, times its throughput, asks
 * for; HIDE keeps the compiler from seeing that the factors are the same every time, and each sum in a register. */
#include "rates.h"

#if defined __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#define HIDE(x) __asm__ volatile("" : "+x"(x))
#elif defined __aarch64__
#include <arm_neon.h>
#include <sys/auxv.h>
#define HIDE(x) __asm__ volatile("" : "+w"(x))
#endif

enum { CHAINS = 12, PAGE = 4096 };

/* ---- memory: sums of vectors at eight places, `apart` bytes from each other */

#define READ_LOOP(name, target, vector_bytes)                                                                          \
    target static uint64_t name(const char *memory, size_t bytes, size_t apart)                                        \
    {                                                                                                                  \
        typedef uint64_t vector __attribute__((vector_size(vector_bytes), may_alias));                                 \
        vector sums[8] = { 0 };                                                                                        \
        uint64_t sum = 0;                                                                                              \
        for (const char *at = memory; at < memory + bytes; at += 8 * apart)                                            \
            for (size_t i = 0; i < apart; i += sizeof(vector))                                                         \
                _Pragma("GCC unroll 8") for (size_t k = 0; k < 8; k++) sums[k] ^=                                      \
                    *(const vector *)(const void *)(at + k * apart + i);                                               \
        for (size_t k = 0; k < 8; k++)                                                                                 \
            for (size_t lane = 0; lane < sizeof(vector) / sizeof sum; lane++)                                          \
                sum ^= sums[k][lane];                                                                                  \
        return sum;                                                                                                    \
    }

READ_LOOP(read_16, , 16)

/* ---- arithmetic: CHAINS accumulators by name, as arrays would lie in memory; `step` is an expression of sum, a and b
 */

#define EACH_CHAIN(f, arg)                                                                                             \
    f(s0, arg) f(s1, arg) f(s2, arg) f(s3, arg) f(s4, arg) f(s5, arg) f(s6, arg) f(s7, arg) f(s8, arg) f(s9, arg)      \
        f(s10, arg) f(s11, arg)
#define STEP(sum, step)                                                                                                \
    HIDE(a);                                                                                                           \
    sum = step(sum, a, b);                                                                                             \
    HIDE(sum);
#define ARITHMETIC_LOOP(name, target, vector, zero, factor, step)                                                      \
    target static void name(int64_t rounds)                                                                            \
    {                                                                                                                  \
        vector a = factor, b = a;                                                                                      \
        vector s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero, s6 = zero, s7 = zero, s8 = zero,      \
               s9 = zero, s10 = zero, s11 = zero;                                                                      \
        for (int64_t i = 0; i < rounds; i++) {                                                                         \
            EACH_CHAIN(STEP, step)                                                                                     \
        }                                                                                                              \
    }

#if defined __x86_64__

#define TARGET(list) __attribute__((target(list)))

READ_LOOP(read_32, TARGET("avx2"), 32)
READ_LOOP(read_64, TARGET("avx512f"), 64)

#define MULTIPLY_ADD_SSE(sum, x, y) _mm_add_ps(sum, _mm_mul_ps(x, y))
#define MULTIPLY_ADD_AVX2(sum, x, y) _mm256_fmadd_ps(x, y, sum)
#define MULTIPLY_ADD_AVX512(sum, x, y) _mm512_fmadd_ps(x, y, sum)
/* Pairs of bytes to 16 bits, pairs of those to 32, and the sum. */
#define DOT_AVX2(sum, x, y) _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(x, y), _mm256_set1_epi16(1)))

ARITHMETIC_LOOP(f32_sse, , __m128, _mm_setzero_ps(), _mm_set1_ps(1e-3F), MULTIPLY_ADD_SSE)
ARITHMETIC_LOOP(f32_fma, TARGET("avx2,fma"), __m256, _mm256_setzero_ps(), _mm256_set1_ps(1e-3F), MULTIPLY_ADD_AVX2)
ARITHMETIC_LOOP(f32_avx512, TARGET("avx512f"), __m512, _mm512_setzero_ps(), _mm512_set1_ps(1e-3F), MULTIPLY_ADD_AVX512)
ARITHMETIC_LOOP(int8_avx2, TARGET("avx2"), __m256i, _mm256_setzero_si256(), _mm256_set1_epi8(1), DOT_AVX2)
ARITHMETIC_LOOP(int8_avx_vnni, TARGET("avx2,avxvnni"), __m256i, _mm256_setzero_si256(), _mm256_set1_epi8(1),
                _mm256_dpbusd_avx_epi32)
ARITHMETIC_LOOP(int8_vnni, TARGET("avx512f,avx512vnni"), __m512i, _mm512_setzero_si512(), _mm512_set1_epi8(1),
                _mm512_dpbusd_epi32)

static bool has_avx_vnni(void)
{
    unsigned eax, ebx, ecx, edx;
    return __builtin_cpu_supports("avx2") && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax & (1U << 4));
}

const rate_loop *rate_f32(void)
{
    static const rate_loop avx512 = { "AVX-512", 2 * CHAINS * 16, f32_avx512 };
    static const rate_loop fma = { "AVX2 and FMA", 2 * CHAINS * 8, f32_fma };
    static const rate_loop sse = { "SSE2", 2 * CHAINS * 4, f32_sse };
    if (__builtin_cpu_supports("avx512f"))
        return &avx512;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &fma : &sse;
}

const rate_loop *rate_int8(void)
{
    static const rate_loop vnni = { "AVX-512 VNNI", 2 * CHAINS * 64, int8_vnni };
    static const rate_loop avx_vnni = { "AVX-VNNI", 2 * CHAINS * 32, int8_avx_vnni };
    static const rate_loop avx2 = { "AVX2", 2 * CHAINS * 32, int8_avx2 };
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vnni"))
        return &vnni;
    if (has_avx_vnni())
        return &avx_vnni;
    return __builtin_cpu_supports("avx2") ? &avx2 : NULL;
}

uint64_t rate_read(const void *memory, size_t bytes, bool pages)
{
    if (__builtin_cpu_supports("avx512f"))
        return read_64(memory, bytes, pages ? PAGE : 64);
    return __builtin_cpu_supports("avx2") ? read_32(memory, bytes, pages ? PAGE : 32)
                                          : read_16(memory, bytes, pages ? PAGE : 16);
}

#else

uint64_t rate_read(const void *memory, size_t bytes, bool pages)
{
    return read_16(memory, bytes, pages ? PAGE : 16);
}

#if defined __aarch64__

#define HWCAP_DOTPROD (1UL << 20)
#define HWCAP2_I8MM_BIT (1UL << 13)

ARITHMETIC_LOOP(f32_neon, , float32x4_t, vdupq_n_f32(0), vdupq_n_f32(1e-3F), vfmaq_f32)
#define DOT_NEON(sum, x, y) vdotq_s32(sum, vreinterpretq_s8_s32(x), vreinterpretq_s8_s32(y))
#define DOT_I8MM(sum, x, y) vmmlaq_s32(sum, vreinterpretq_s8_s32(x), vreinterpretq_s8_s32(y))
ARITHMETIC_LOOP(int8_dotprod, __attribute__((target("arch=armv8.2-a+dotprod"))), int32x4_t, vdupq_n_s32(0),
                vdupq_n_s32(0x01010101), DOT_NEON)
ARITHMETIC_LOOP(int8_i8mm, __attribute__((target("arch=armv8.2-a+i8mm"))), int32x4_t, vdupq_n_s32(0),
                vdupq_n_s32(0x01010101), DOT_I8MM)

const rate_loop *rate_f32(void)
{
    static const rate_loop neon = { "NEON", 2 * CHAINS * 4, f32_neon };
    return &neon;
}

const rate_loop *rate_int8(void)
{
    static const rate_loop dotprod = { "NEON dotprod", 2 * CHAINS * 16, int8_dotprod };
    static const rate_loop i8mm = { "NEON i8mm", 2 * CHAINS * 32, int8_i8mm };
    if (getauxval(AT_HWCAP2) & HWCAP2_I8MM_BIT)
        return &i8mm;
    return getauxval(AT_HWCAP) & HWCAP_DOTPROD ? &dotprod : NULL;
}

#else

static void f32_plain(int64_t rounds)
{
    float sums[CHAINS] = { 0 };
    for (int64_t i = 0; i < rounds; i++) {
        for (int k = 0; k < CHAINS; k++)
            sums[k] += sums[k] * 1e-3F + 1e-3F;
        __asm__ volatile("" : : "r"(sums) : "memory");
    }
}

const rate_loop *rate_f32(void)
{
    static const rate_loop plain = { "plain C", 2 * CHAINS, f32_plain };
    return &plain;
}

const rate_loop *rate_int8(void)
{
    return NULL;
}

#endif
#endif
