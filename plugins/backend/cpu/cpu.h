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

struct bora_device {
    bora_threads *threads;
    int n_threads;
    pthread_mutex_t busy; /* held while a piece runs: guards the buffers */
    cpu_buffer scratch;   /* n_threads areas of scratch_bytes */
    size_t scratch_bytes;
    cpu_buffer activations;   /* of one linear, in the format of its kernel */
    cpu_buffer slots, sorted; /* of one expert_linear: which expert gets what, and the activations in that order */
    cpu_buffer runs;
    cpu_buffer vectors[BORA_MAX_WEIGHTS];
};

static inline int64_t cpu_div_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static inline int64_t cpu_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- device.c: memory and threads ---- */

bool cpu_reserve(cpu_buffer *buffer, size_t size_bytes, bora_error *err);
/* Makes every thread's scratch at least so large. */
bool cpu_reserve_scratch(bora_device *device, size_t size_bytes, bora_error *err);
void *cpu_scratch(const bora_device *device, int thread);

/* All numbers of weight `i` of a call as floats, if need be in a buffer of the device; NULL when the call has no such
 * weight. */
bool cpu_vector(bora_device *device, const bora_call *call, int i, const float **vector, bora_error *err);

/* The batch's rows in runs of at most `max_rows`; valid until the next call. Returns their number, or -1. */
int64_t cpu_runs(bora_device *device, const bora_batch *batch, int32_t max_rows, const cpu_run **runs, bora_error *err);

/* Splits n items into ranges over the threads. `cost` is that of one item, in numbers touched: small jobs stay on the
 * caller's thread. */
void cpu_parallel(bora_device *device, int64_t n, int64_t cost,
                  void (*range)(void *ctx, int64_t begin, int64_t end, int thread), void *ctx);

/* ---- inner.c: the inner loops, by the widest vectors of this processor, with the same bits on all of them ---- */

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

/* ---- the drivers of tiles, and the kernels ---- */

bool cpu_linear(bora_device *device, const bora_tile *tile, const bora_call *call, bora_error *err);
bool cpu_expert_linear(bora_device *device, const bora_tile *tile, const bora_call *call, bora_error *err);
extern const bora_tile cpu_tile_plain, cpu_tile_f16, cpu_tile_bf16, cpu_tile_any;
bool cpu_reads_half(void); /* the two in the middle are usable */
extern const bora_tile cpu_tile_bf16_amx;
bool cpu_has_matrix_unit(void); /* this one is; asks the system for the use of it */

bool cpu_embed(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_outputs(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_rms_norm(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_layer_norm(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_add(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_mul(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_scale(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_softcap(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_activation(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_gate(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_clamped_gate(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_rope(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_attention(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_slice(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_join(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_head_linear(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_route(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_expert_sum(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_causal_conv1d(bora_device *device, const bora_call *call, bora_error *err);
bool cpu_mamba2(bora_device *device, const bora_call *call, bora_error *err);

/* elementwise.c: the function of an activation; an error for one that is not known. */
typedef float (*cpu_function)(float x);
cpu_function cpu_activation_function(bora_activation_kind kind, bora_error *err);

#endif
