/* Functions of many numbers, in the vectors of the file that includes this and defines FUNCTION_LOOPS and USABLE. */
#include "function_loops.h"
#include "vec.h"

INLINE vec vec_sigmoid(vec x)
{
    return 1 / (1 + vec_exp(-x));
}

INLINE vec vec_silu(vec x)
{
    return x / (1 + vec_exp(-x));
}

/* x (1 + tanh y) / 2 is x sigmoid(2 y). */
INLINE vec vec_gelu_tanh(vec x)
{
    const float twice_sqrt_2_over_pi = (float)(2 * M_2_SQRTPI * M_SQRT1_2);
    vec y = twice_sqrt_2_over_pi * vec_fma(0.044715F * x * x, x, x);
    return x / (1 + vec_exp(-y));
}

/* A rest that is no whole vector goes by a vector of its own. */
#define FUNCTION(name)                                                                                                 \
    static void loop_##name(const float *x, const float *factors, float *out, size_t n)                                \
    {                                                                                                                  \
        size_t i = 0;                                                                                                  \
        for (; i + VEC <= n; i += VEC) {                                                                               \
            vec y = vec_##name(vec_load(x + i));                                                                       \
            vec_store(out + i, factors ? y * vec_load(factors + i) : y);                                               \
        }                                                                                                              \
        float rest[VEC] = { 0 };                                                                                       \
        for (size_t r = i; r < n; r++)                                                                                 \
            rest[r - i] = x[r];                                                                                        \
        vec_store(rest, vec_##name(vec_load(rest)));                                                                   \
        for (size_t r = i; r < n; r++)                                                                                 \
            out[r] = factors ? rest[r - i] * factors[r] : rest[r - i];                                                 \
    }

FUNCTION(exp)
FUNCTION(silu)
FUNCTION(sigmoid)
FUNCTION(gelu_tanh)
FUNCTION(tanh)

const cpu_function_loops FUNCTION_LOOPS = {
    .usable = USABLE,
    .exp = loop_exp,
    .silu = loop_silu,
    .sigmoid = loop_sigmoid,
    .gelu_tanh = loop_gelu_tanh,
    .tanh = loop_tanh,
};
