/* Products and weighted sums of rows of floats, once for each instruction set: dot_NAME.c says what sixteen floats are
 * there, dot_body.h what is done with them, and dot.c chooses a table. All tables give the same bits. */
#ifndef CPU_DOT_H
#define CPU_DOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* out[t * out_stride + r] = row r . activation t, over k numbers; numbers n to n + 15 of row r, for n a multiple of 16,
 * lie at rows + r * row_bytes + n / 16 * step_bytes. Activations lie act_bytes apart. */
typedef void cpu_dot_loop(const char *rows, size_t row_bytes, size_t step_bytes, int n_rows, int64_t k,
                          const char *acts, size_t act_bytes, int n_acts, float *out, size_t out_stride);

enum { CPU_DOT_STEP = 16 };

/* Of rows of 32-bit floats, and of 16-bit ones, which are turned into floats while they are read; NULL: there are no
 * instructions for that. */
typedef struct cpu_dots {
    cpu_dot_loop *f32, *f16, *bf16;
} cpu_dots;

/* The rest is as in cpu.h. */
typedef struct cpu_loops {
    const char *name;
    bool (*usable)(void); /* asks the processor */
    int block_rows;       /* that are read together */
    /* Two ways to the same bits, for processors that ask memory in either order (bora/read_ahead.h). */
    cpu_dots by_pages, in_order;
    void (*weighted_sum)(float *sum, float keep, const float *weights, const float *rows, int64_t stride, int n,
                         int64_t width);
    void (*state_step)(float *state, int64_t n_rows, int64_t n, float keep, const float *add, const float *in,
                       const float *read, float *out);
} cpu_loops;

/* The best one first; the last is usable everywhere. Ends with NULL. */
extern const cpu_loops *const cpu_all_loops[];
extern const cpu_loops cpu_loops_avx512, cpu_loops_avx2, cpu_loops_neon, cpu_loops_portable;
/* The one that this processor gets. */
const cpu_loops *cpu_best_loops(void);
const cpu_dots *cpu_best_dots(void);

/* The same of rows and activations of bfloat16, in two orders of asking memory: a step is sixteen pairs of numbers.
 * Their bits are their own. */
cpu_dot_loop cpu_pairs_by_pages, cpu_pairs_in_order;
cpu_dot_loop *cpu_best_pairs(void);

#endif
