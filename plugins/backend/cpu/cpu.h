/* The inside of the cpu backend: its device, what its kernels share, and the kernels.
 *
 * One rule governs every file here: the bits of a result depend on that row's inputs alone, never on how many rows,
 * threads or batches there are. So work is split over rows and columns of results, and every sum has one order. */
#ifndef CPU_H
#define CPU_H

#include <bora/backend.h>
#include <bora/ops.h>
#include <bora/threads.h>

#include <pthread.h>
#include <stdint.h>

/* Memory that grows and is kept; its contents do not survive growing. */
typedef struct cpu_buffer {
    void *data; /* aligned to 64 bytes */
    size_t size_bytes;
} cpu_buffer;

/* Neighbouring rows of one sequence: what one thread works on where the position of a row matters. */
typedef struct cpu_run {
    const bora_sequence *sequence;
    int32_t first, n; /* rows, counted from the sequence's first_row */
} cpu_run;

/* How many neighbouring steps run as one job, and how many inputs they may have in formats of tiles. */
enum { CPU_MAX_TOGETHER = 8, CPU_CONVERSIONS = 4 };

/* Rows of activations in the format of a tile; they hold until somebody writes where the rows lie. */
typedef struct cpu_conversion {
    bora_view x; /* data NULL: none */
    const bora_quant *format;
    size_t row_bytes;
    cpu_buffer blocks;
    uint64_t used; /* when, counted in jobs */
} cpu_conversion;

/* Cosines and sines of a batch's positions, [rows][2][n_dims / 2], and what they were computed from. */
typedef struct cpu_rope_table {
    cpu_buffer key, turns;
    size_t key_bytes; /* 0: the table is empty */
} cpu_rope_table;

enum { CPU_ROPE_TABLES = 4 };

struct bora_device {
    bora_threads *threads;
    int n_threads;
    pthread_mutex_t busy; /* held while a piece runs: guards the buffers */
    cpu_buffer scratch;   /* n_threads areas of scratch_bytes */
    size_t scratch_bytes;
    size_t acts_bytes; /* of activations that stay near a processor while weights go by */
    cpu_conversion conversions[CPU_CONVERSIONS];
    uint64_t n_jobs;
    cpu_buffer products, spans; /* of one job, and how it is cut */
    int64_t n_products;
    cpu_buffer slots, sorted; /* of experts: which expert gets what, and the activations in that order */
    cpu_buffer runs;
    cpu_buffer rope_key;
    cpu_rope_table rope_tables[CPU_ROPE_TABLES];
    int next_rope_table;
    cpu_buffer partials; /* of attention: spans of the cache that are folded later */
    cpu_buffer vectors[BORA_MAX_WEIGHTS];
    cpu_buffer step_vectors[CPU_MAX_TOGETHER][2]; /* of steps that run together, two of each */
};

static inline int64_t cpu_div_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static inline int64_t cpu_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline bool cpu_overlap(const bora_view *a, const bora_view *b)
{
    uintptr_t at_a = (uintptr_t)a->data, at_b = (uintptr_t)b->data;
    return at_a < at_b + (size_t)(b->rows * b->width) * sizeof(float) &&
           at_b < at_a + (size_t)(a->rows * a->width) * sizeof(float);
}

/* ---- device.c: memory and threads ---- */

/* Bytes of the cache that a processor has for itself. */
size_t cpu_cache_bytes(void);

bool cpu_reserve(cpu_buffer *buffer, size_t size_bytes, bora_error *err);
/* Makes every thread's scratch at least so large. */
bool cpu_reserve_scratch(bora_device *device, size_t size_bytes, bora_error *err);
void *cpu_scratch(const bora_device *device, int thread);

/* All numbers of weight `i` of a call as floats, if need be in a buffer of the device; NULL when the call has no such
 * weight. */
bool cpu_vector(bora_device *device, const bora_call *call, int i, const float **vector, bora_error *err);

/* The same in a buffer of the caller's. */
bool cpu_vector_in(cpu_buffer *buffer, const bora_call *call, int i, const float **vector, bora_error *err);

/* The batch's rows in runs of at most `max_rows`; valid until the next call. Returns their number, or -1. */
int64_t cpu_runs(bora_device *device, const bora_batch *batch, int32_t max_rows, const cpu_run **runs, bora_error *err);

/* Splits n items into ranges over the threads. `cost` is that of one item, in numbers touched: small jobs stay on the
 * caller's thread. */
void cpu_parallel(bora_device *device, int64_t n, int64_t cost,
                  void (*range)(void *ctx, int64_t begin, int64_t end, int thread), void *ctx);

/* ---- dot.c: products and weighted sums, by the widest vectors of this processor: the same bits on all of them ---- */

/* out[t * out_stride + r] = row r . activation t, over k floats; strides of rows and activations in bytes. */
void cpu_dot(const void *rows, size_t row_bytes, int n_rows, int64_t k, const void *acts, size_t act_bytes,
             int n_tokens, float *out, size_t out_stride);
/* sum[i] = sum[i] * keep + weights[0] rows[0][i] + … + weights[n-1] rows[n-1][i], in this order and each by a fused
 * multiply-add, for i < width; rows lie `stride` floats apart. */
void cpu_weighted_sum(float *sum, float keep, const float *weights, const float *rows, int64_t stride, int n,
                      int64_t width);
/* One step of a linear recurrence with a state [n_rows, n]: row r becomes keep * row + add[r] * in, and then out[r] is
 * the row's product with `read`, summed as by cpu_dot. */
void cpu_state_step(float *state, int64_t n_rows, int64_t n, float keep, const float *add, const float *in,
                    const float *read, float *out);

/* ---- steps.c: the nodes of a piece, neighbours together where that changes no bit ---- */

bool cpu_run_steps(bora_device *device, const bora_step *steps, size_t n_steps, bora_error *err);

/* ---- conversions.c: activations in the formats of tiles ---- */

/* All of them: at the beginning of a piece nobody knows what happened to the memory. */
void cpu_forget_all(bora_device *device);
/* Those whose rows `written` touches. */
void cpu_forget(bora_device *device, const bora_view *written);
/* That of x (its rows may be cut smaller than those of the step that made them), for the job that is being made: valid
 * until the next job. With *fresh, its blocks are to be filled by cpu_convert. NULL: out of memory, or an error. */
cpu_conversion *cpu_conversion_of(bora_device *device, const bora_view *x, const bora_quant *format, bool *fresh,
                                  bora_error *err);
void cpu_convert(const cpu_conversion *conversion, int64_t begin, int64_t end);

/* ---- chain.c: steps that work row by row ---- */

/* A step whose row r comes from row r of its inputs alone, ready to run. A row is `items` pieces that are alone too:
 * numbers, or runs of them. */
typedef struct cpu_row_step cpu_row_step;
struct cpu_row_step {
    void (*run)(const cpu_row_step *step, int64_t begin, int64_t end); /* items */
    const bora_call *call;
    const float *a, *b; /* inputs; b: NULL for one input */
    float *out;
    int64_t items, cost; /* of a row; of an item, in additions */
    /* Norms. */
    const float *weight, *bias; /* [n_weights] or NULL */
    int64_t n, n_weights;       /* numbers of a run; of the weight, which may be that of several runs */
    double eps;
    float weight_bias;
    /* Numbers by themselves. */
    float factor, limit;
    bora_activation_kind kind;
};

/* Makes `step` of a call; `vectors` are two buffers that stay untouched until it has run. */
typedef bool cpu_row_maker(cpu_buffer *vectors, const bora_call *call, cpu_row_step *step, bora_error *err);
cpu_row_maker cpu_rms_norm, cpu_layer_norm, cpu_add, cpu_mul, cpu_scale, cpu_softcap, cpu_activation, cpu_gate,
    cpu_clamped_gate, cpu_expert_sum;

/* A kernel that works row by row: its `run` is cpu_run_by_rows, which only marks it. */
typedef struct cpu_row_kernel {
    bora_kernel kernel; /* first: a step's kernel leads here */
    cpu_row_maker *make;
} cpu_row_kernel;

bool cpu_run_by_rows(bora_device *device, const bora_call *call, bora_error *err);

static inline cpu_row_maker *cpu_row_maker_of(const bora_kernel *kernel)
{
    return kernel->run == cpu_run_by_rows ? ((const cpu_row_kernel *)(const void *)kernel)->make : NULL;
}

typedef struct cpu_chain {
    cpu_row_step steps[CPU_MAX_TOGETHER];
    int n_steps;
    const cpu_conversion *conversions[CPU_CONVERSIONS]; /* of what the steps wrote, row by row too */
    int n_conversions;
    int64_t rows;
} cpu_chain;

void cpu_run_chain(bora_device *device, const cpu_chain *chain);

/* ---- products.c: the driver of tiles ---- */

/* A matrix by some rows of activations, in any format of either. */
typedef struct cpu_product {
    const bora_tile *tile;
    const bora_quant *quant;
    const char *weight, *acts;
    const float *bias;    /* [n_out] or NULL */
    float *out;           /* row t of the result is the n_out floats from out + t * n_out, */
    const int64_t *slots; /* or from out + slots[t] * n_out where this is not NULL */
    size_t act_bytes;
    int64_t k, n_out, n_tokens;
    size_t row_bytes, panel_bytes;
    int64_t n_panels, tokens_each;
} cpu_product;

/* A job of at most so many products: begun, filled, run. */
bool cpu_begin_products(bora_device *device, int64_t most, bora_error *err);
void cpu_add_product(bora_device *device, const cpu_product *product);
bool cpu_run_products(bora_device *device, bora_error *err);

/* ---- linear.c, experts.c: what makes products ---- */

size_t cpu_act_bytes(const bora_tile *tile, int64_t k);
/* `acts` are the rows of the input in the tile's format. */
bool cpu_add_linear(bora_device *device, const bora_tile *tile, const bora_call *call, const char *acts,
                    cpu_buffer *bias, bora_error *err);

/* The slots of a batch by expert: which rows each of the chosen ones gets. */
typedef struct cpu_expert {
    int64_t expert, first, n; /* its part of the slots */
    const char *acts;
} cpu_expert;
typedef struct cpu_experts {
    const int64_t *slots;
    cpu_expert *chosen;
    int64_t n_chosen;
} cpu_experts;

/* Sorts by the routes of a call of expert_linear, and its rows with them: valid until the next call. */
bool cpu_sort_experts(bora_device *device, const bora_call *call, const char *acts, size_t act_bytes,
                      cpu_experts *experts, bora_error *err);
bool cpu_add_experts(bora_device *device, const bora_tile *tile, const bora_call *call, const cpu_experts *experts,
                     cpu_buffer *bias, bora_error *err);

/* ---- tiles.c, and the kernels ---- */

extern const bora_tile cpu_tile_f32, cpu_tile_f32_packed, cpu_tile_any;
extern const bora_tile cpu_tile_f16, cpu_tile_f16_packed, cpu_tile_bf16, cpu_tile_bf16_packed;
bool cpu_reads_half(void); /* these are usable */
#if defined(__x86_64__) && defined(__linux__)
#define CPU_MATRIX_UNIT /* there may be one */
extern const bora_tile cpu_tile_bf16_amx, cpu_tile_bf16_amx_packed;
bool cpu_has_matrix_unit(void); /* these are usable; asks the system for the use of it */
#endif
#ifdef __x86_64__
#define CPU_BF16_PAIRS /* there may be instructions for them */
extern const bora_tile cpu_tile_bf16_rounded, cpu_tile_bf16_rounded_packed;
extern const bora_quant cpu_rounded_bf16; /* what these make of activations */
bool cpu_has_bf16_pairs(void);            /* these are usable */
#endif

bool cpu_embed(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_outputs(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_rope(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_attention(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_slice(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_join(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_head_linear(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_route(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_causal_conv1d(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_mamba2(bora_device *device, const bora_call *call, bora_error *err);

/* elementwise.c: out[i] = f(x[i]) for i < n, the same bits wherever i stands; out may be x. */
void cpu_activate(bora_activation_kind kind, const float *x, float *out, int64_t n);
bool cpu_activation_known(bora_activation_kind kind, bora_error *err);

#endif
