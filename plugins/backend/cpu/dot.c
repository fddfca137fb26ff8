/* Products and weighted sums of rows by the instructions of this processor: the best of the tables of dot_NAME.c, which
 * all give the same bits. */
#include "dot.h"

#include "cpu.h"

#include <bora/read_ahead.h>

const cpu_loops *const cpu_all_loops[] = {
#if defined(__x86_64__)
    &cpu_loops_avx512,
    &cpu_loops_avx2,
#elif defined(__aarch64__)
    &cpu_loops_neon,
#endif
    &cpu_loops_portable,
    NULL,
};

const cpu_loops *cpu_best_loops(void)
{
    static const cpu_loops *best; /* every thread would find the same one */
    const cpu_loops *found = __atomic_load_n(&best, __ATOMIC_RELAXED);
    if (!found) {
        const cpu_loops *const *at = cpu_all_loops;
        while (!(*at)->usable())
            at++;
        found = *at;
        __atomic_store_n(&best, found, __ATOMIC_RELAXED);
    }
    return found;
}

const cpu_dots *cpu_best_dots(void)
{
    const cpu_loops *loops = cpu_best_loops();
    return bora_reads_in_order() ? &loops->in_order : &loops->by_pages;
}

void cpu_dot(const void *rows, size_t row_bytes, int n_rows, int64_t k, const void *acts, size_t act_bytes,
             int n_tokens, float *out, size_t out_stride)
{
    cpu_best_dots()->f32(rows, row_bytes, CPU_DOT_STEP * sizeof(float), n_rows, k, acts, act_bytes, n_tokens, out,
                         out_stride);
}

void cpu_weighted_sum(float *sum, float keep, const float *weights, const float *rows, int64_t stride, int n,
                      int64_t width)
{
    cpu_best_loops()->weighted_sum(sum, keep, weights, rows, stride, n, width);
}

void cpu_state_step(float *state, int64_t n_rows, int64_t n, float keep, const float *add, const float *in,
                    const float *read, float *out)
{
    cpu_best_loops()->state_step(state, n_rows, n, keep, add, in, read, out);
}
