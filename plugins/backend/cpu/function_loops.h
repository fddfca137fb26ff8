/* Functions of many numbers, compiled for several instruction sets (vec_NAME.c), with the same bits on all. */
#ifndef CPU_FUNCTION_LOOPS_H
#define CPU_FUNCTION_LOOPS_H

#include <stdbool.h>
#include <stddef.h>

/* out[i] = f(x[i]), or f(x[i]) factor[i] where there are factors. `out` may be x. */
typedef void cpu_function_loop(const float *x, const float *factors, float *out, size_t n);

typedef struct cpu_function_loops {
    bool (*usable)(void);                                       /* asks the processor */
    cpu_function_loop *exp, *silu, *sigmoid, *gelu_tanh, *tanh; /* as in bora/ops.h */
} cpu_function_loops;

/* The best one first; the last is usable everywhere. Ends with NULL. */
extern const cpu_function_loops *const cpu_all_function_loops[];

#endif
