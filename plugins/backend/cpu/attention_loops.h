/* The inner loops of attention, for each instruction set (attention_NAME.c), with the same bits on all. */
#ifndef CPU_ATTENTION_LOOPS_H
#define CPU_ATTENTION_LOOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ATTENTION_SPAN = 256,                            /* positions whose scores are there at once */
    ATTENTION_UNIT = 32,                             /* keys that are worked on at once */
    ATTENTION_UNITS = 2,                             /* for many queries so many units */
    ATTENTION_QUERIES = 8,                           /* queries that lie interleaved; with more it is */
    ATTENTION_MANY = 6,                              /* so many, which leave room for more keys in the registers */
    ATTENTION_PLACES = 4,                            /* that are asked for ahead */
    ATTENTION_LANES = 16,                            /* widths of values and of rows of scores are multiples of this */
    ATTENTION_ROW = ATTENTION_SPAN + ATTENTION_UNIT, /* from one query's scores, or weights, to the next one's */
};

/* How numbers lie. Codes of 8 bits are by 32 with a scale, a half: a row is blocks of a scale and its codes; in columns
 * the scales stand elsewhere. */
typedef enum cpu_number_kind { CPU_F32, CPU_F16, CPU_BF16, CPU_Q8, CPU_OTHER } cpu_number_kind;

typedef struct cpu_numbers {
    cpu_number_kind kind; /* not CPU_OTHER */
    const char *at;
    int n;              /* keys or values; keys have a whole unit of columns nevertheless */
    size_t stride;      /* bytes from one dimension of keys, or one row of values, to the next */
    const char *scales; /* of CPU_Q8 in columns: for each 32 dimensions those of all columns, 2 stride bytes apart */
} cpu_numbers;

/* What comes next, in some places. */
typedef struct cpu_ahead {
    const char *at[ATTENTION_PLACES];
    size_t left_bytes[ATTENTION_PLACES];
    int place, n_places;
} cpu_ahead;

/* The `ahead_bytes` at `ahead` (which may be none) are what comes next: they are asked for while a loop works.
 *
 * For a few queries, up to ATTENTION_QUERIES, numbers are read as they lie; for many they are floats. */
typedef struct cpu_attention_loops {
    const char *name;
    bool (*usable)(void); /* asks the processor */
    /* out[q * ATTENTION_ROW + j] = the product of query q and key j, summed in the order of the dimensions, for a unit
     * of keys, dimension by dimension, and n_queries of the interleaved queries [head_dim][ATTENTION_QUERIES]. */
    void (*score)(const float *queries, int n_queries, int head_dim, const cpu_numbers *keys, float *out,
                  const void *ahead, size_t ahead_bytes);
    /* The same for up to ATTENTION_UNITS units of floats, one's keys right behind the other's in `out`, and any number
     * of queries, [n_queries / ATTENTION_MANY][head_dim][ATTENTION_QUERIES]. */
    void (*score_many)(const float *queries, int n_queries, int head_dim, const cpu_numbers *keys, int n_units,
                       float *out, cpu_ahead *ahead);
    /* Turns the n scores of each query, `stride` apart, into weights relative to the largest: max[q] is that, total[q]
     * their sum. */
    void (*soften)(float *scores, size_t stride, int n_queries, size_t n, float *max, float *total);
    /* x = cap tanh(x / cap) */
    void (*softcap)(float *x, size_t n, float cap);
    /* sum[q] += weights[q][0] values[0] + weights[q][1] values[1] + …, in this order; sums are `width` floats. */
    void (*weigh)(const cpu_numbers *values, const float *weights, int n_queries, float *sum, size_t width,
                  const void *ahead, size_t ahead_bytes);
    /* The same for floats in some parts, one after the other. With `fresh` the sums begin at zero. */
    void (*weigh_many)(const cpu_numbers *values, int n_parts, const float *weights, int n_queries, float *sum,
                       size_t width, bool fresh, cpu_ahead *ahead);
    /* sum = sum keep + part add */
    void (*fold)(float *sum, float keep, const float *part, float add, size_t width);
    /* x = e^x, for n numbers, a multiple of ATTENTION_LANES. */
    void (*exps)(float *x, size_t n);

    /* n numbers, a multiple of ATTENTION_LANES, as floats. */
    void (*widen_f16)(const void *from, float *to, size_t n);
    void (*widen_bf16)(const void *from, float *to, size_t n);
    /* The nearest halves, those with even bits if there are two. */
    void (*narrow_f16)(const float *from, void *to, size_t n);
    /* Blocks of 32 codes behind their scale, a half. */
    void (*widen_q8_rows)(const void *blocks, float *to, size_t n_blocks);
    /* [n][ATTENTION_UNIT] floats of codes that lie `stride` bytes apart, by the scales (halves) of the columns. */
    void (*widen_q8_columns)(const int8_t *codes, size_t stride, const void *scales, size_t n, float *to);
    /* to[d][j] = rows[j][d], for ATTENTION_UNIT rows. */
    void (*transpose)(const float *rows, size_t stride, size_t n, float *to);
    /* to[d][j] = factor * rows[j][d]; the rows need not differ. */
    void (*interleave)(const float *const rows[ATTENTION_QUERIES], float factor, size_t n, float *to);
} cpu_attention_loops;

/* The best one first; the last is usable everywhere. Ends with NULL. */
extern const cpu_attention_loops *const cpu_all_attention_loops[];

#endif
