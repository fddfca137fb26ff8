/* The vectors of the steps that work row by row (norm.c, elementwise.c): sixteen floats, one definition in gcc's
 * vectors, compiled for each instruction set, with the same bits on all, because nothing is contracted and every number
 * is alone in its lane. There are no fused multiply-adds, which are slow where no instruction does them; attention is
 * made of those, so it has its own vectors, e^x and tanh (attention_vectors.h). */
#ifndef CPU_ROW_VECTORS_H
#define CPU_ROW_VECTORS_H

#include <stdint.h>
#include <string.h>

enum { LANES = 16 };

typedef float lanes __attribute__((vector_size(64)));
typedef int32_t int_lanes __attribute__((vector_size(64)));
typedef uint32_t bit_lanes __attribute__((vector_size(64)));
typedef double double_lanes __attribute__((vector_size(128)));
/* Sixteen floats wherever they lie. */
typedef float lanes_at __attribute__((vector_size(64), aligned(1), may_alias));

#define INLINE static inline __attribute__((always_inline))
#define LOAD(p) (*(const lanes_at *)(const void *)(p))
#define STORE(p, x) (*(lanes_at *)(void *)(p) = (x))

/* a where the mask is set, else b. */
INLINE lanes choose(int_lanes mask, lanes a, lanes b)
{
    return (lanes)((mask & (int_lanes)a) | (~mask & (int_lanes)b));
}

/* e^x within a unit in the last place or two, with infinities, numbers too small to be normal, and NaN: 2^n e^r with
 * |r| at most half of ln 2. ln 2 in two parts and the polynomial are those of Cephes' expf. */
INLINE lanes exp_lanes(lanes x)
{
    const lanes zero = { 0 };
    x = choose(x > 104, zero + 104, x);
    x = choose(x < -104, zero - 104, x);
    lanes shifted = x * 0x1.715476p+0F + 0x1.8p+23F, n = shifted - 0x1.8p+23F; /* n: to the nearest */
    lanes r = x - n * 0.693359375F + n * 2.12194440e-4F;
    lanes p = r * 1.9875691500e-4F + 1.3981999507e-3F;
    p = p * r + 8.3334519073e-3F;
    p = p * r + 4.1665795894e-2F;
    p = p * r + 1.6666665459e-1F;
    p = p * r + 5.0000001201e-1F;
    p = p * (r * r) + r + 1;
    /* In two steps, because 2^n alone may be out of a float's range. */
    int_lanes exponent = (int_lanes)((bit_lanes)shifted - 0x4b400000U), half = exponent >> 1;
    lanes first = (lanes)((bit_lanes)(half + 127) << 23), second = (lanes)((bit_lanes)(exponent - half + 127) << 23);
    return p * first * second;
}

/* Near zero by the polynomial of Cephes' tanhf: there 1 - 2 / (e^2x + 1) would lose what is small. */
INLINE lanes tanh_lanes(lanes x)
{
    const bit_lanes sign = (bit_lanes)x & 0x80000000U;
    lanes size = (lanes)((bit_lanes)x & 0x7fffffffU), square = x * x;
    lanes far = 1 - 2 / (exp_lanes(size * 2) + 1);
    lanes p = square * -5.70498872745e-3F + 2.06390887954e-2F;
    p = p * square - 5.37397155531e-2F;
    p = p * square + 1.33314422036e-1F;
    p = p * square - 3.33332819422e-1F;
    return (lanes)((bit_lanes)choose(size < 0.625F, p * square * x + x, far) | sign);
}

/* NAME_baseline, NAME_avx2 and NAME_avx512: the row step NAME, which is INLINE, for each instruction set. */
#define CPU_VARIANT(name, set, attribute)                                                                              \
    attribute static void name##_##set(const cpu_row_step *step, int64_t begin, int64_t end)                           \
    {                                                                                                                  \
        name(step, begin, end);                                                                                        \
    }
#ifdef __x86_64__
#define CPU_VARIANTS(name)                                                                                             \
    CPU_VARIANT(name, baseline, )                                                                                      \
    CPU_VARIANT(name, avx2, __attribute__((target("avx2"))))                                                           \
    CPU_VARIANT(name, avx512, __attribute__((target("avx512f"))))
#define CPU_CHOOSE(name)                                                                                               \
    (__builtin_cpu_supports("avx512f") ? name##_avx512 : __builtin_cpu_supports("avx2") ? name##_avx2 : name##_baseline)
#else
#define CPU_VARIANTS(name) CPU_VARIANT(name, baseline, )
#define CPU_CHOOSE(name) name##_baseline
#endif

#endif
