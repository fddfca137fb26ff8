/* What the kernels of the cpu backend share: memory that is kept between batches, and the splitting of work. */
#include "cpu.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* To split a job between two threads that wait for it costs about a microsecond, and one of three microseconds begins
 * to gain by it. A range of the smallest size takes two to four. More threads take longer to begin and to end. */
enum { CACHE_LINE = 64, SMALLEST_RANGE = 1 << 13, RANGES_PER_THREAD = 16, THREADS_PER_RANGE = 16 };

size_t cpu_cache_bytes(void)
{
    enum { ORDINARY = 1 << 20, LEAST = 1 << 18 };
    long bytes = 0;
#ifdef _SC_LEVEL2_CACHE_SIZE
    bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
#endif
    return bytes <= 0 ? ORDINARY : bytes < LEAST ? LEAST : (size_t)bytes;
}

bool cpu_reserve(cpu_buffer *buffer, size_t size_bytes, bora_error *err)
{
    if (size_bytes <= buffer->size_bytes)
        return true;
    if (size_bytes > SIZE_MAX / 2)
        return bora_fail_memory(err, "the cpu backend's buffers");
    size_t size = (size_bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    void *data = aligned_alloc(CACHE_LINE, size);
    if (!data)
        return bora_fail(err, BORA_MEMORY, "out of memory for a buffer of %zu bytes in the cpu backend", size);
    free(buffer->data);
    *buffer = (cpu_buffer){ data, size };
    return true;
}

bool cpu_reserve_scratch(bora_device *device, size_t size_bytes, bora_error *err)
{
    if (size_bytes <= device->scratch_bytes)
        return true;
    size_t total, each = (size_bytes / CACHE_LINE + 1) * CACHE_LINE;
    if (__builtin_mul_overflow(each, (size_t)device->n_threads, &total))
        return bora_fail_memory(err, "the cpu backend's threads");
    if (!cpu_reserve(&device->scratch, total, err))
        return false;
    device->scratch_bytes = each;
    return true;
}

void *cpu_scratch(const bora_device *device, int thread)
{
    return (char *)device->scratch.data + (size_t)thread * device->scratch_bytes;
}

bool cpu_vector_in(cpu_buffer *buffer, const bora_call *call, int i, const float **vector, bora_error *err)
{
    *vector = NULL;
    const bora_weight *w = i < call->n_weights ? call->weights[i] : NULL;
    if (!w)
        return true;
    bool as_it_lies = !w->quant && (uintptr_t)w->data % _Alignof(float) == 0;
    if (as_it_lies) {
        *vector = w->data;
        return true;
    }
    int64_t width = bora_weight_width(w), n_rows = bora_weight_rows(w);
    if (!cpu_reserve(buffer, (size_t)(n_rows * width) * sizeof(float), err))
        return false;
    float *numbers = buffer->data;
    for (int64_t r = 0; r < n_rows; r++) {
        const float *row = bora_weight_row(w, r, numbers + r * width);
        if (row != numbers + r * width)
            memcpy(numbers + r * width, row, (size_t)width * sizeof *row);
    }
    *vector = numbers;
    return true;
}

bool cpu_vector(bora_device *device, const bora_call *call, int i, const float **vector, bora_error *err)
{
    return cpu_vector_in(&device->vectors[i], call, i, vector, err);
}

int64_t cpu_runs(bora_device *device, const bora_batch *batch, int32_t max_rows, const cpu_run **runs, bora_error *err)
{
    size_t n = 0, most = (size_t)batch->n_sequences + (size_t)(batch->n_tokens / max_rows);
    if (!cpu_reserve(&device->runs, most * sizeof(cpu_run), err))
        return -1;
    cpu_run *all = device->runs.data;
    for (int32_t s = 0; s < batch->n_sequences; s++) {
        const bora_sequence *sequence = &batch->sequences[s];
        for (int32_t first = 0; first < sequence->n_rows; first += max_rows) {
            int32_t left = sequence->n_rows - first;
            all[n++] = (cpu_run){ sequence, first, left < max_rows ? left : max_rows };
        }
    }
    *runs = all;
    return (int64_t)n;
}

typedef struct split {
    void (*range)(void *ctx, int64_t begin, int64_t end, int thread);
    void *ctx;
    int64_t n, n_ranges;
} split;

static void run_range(void *ctx, size_t i, int thread)
{
    const split *s = ctx;
    int64_t each = s->n / s->n_ranges, longer = s->n % s->n_ranges, at = (int64_t)i;
    int64_t begin = at * each + (at < longer ? at : longer);
    s->range(s->ctx, begin, begin + each + (at < longer), thread);
}

void cpu_parallel(bora_device *device, int64_t n, int64_t cost,
                  void (*range)(void *ctx, int64_t begin, int64_t end, int thread), void *ctx)
{
    int64_t worth, most = (int64_t)device->n_threads * RANGES_PER_THREAD;
    worth = __builtin_mul_overflow(n, cost, &worth) ? most : worth / SMALLEST_RANGE;
    int64_t n_ranges = worth < most ? worth : most;
    n_ranges = n_ranges < n ? n_ranges : n;
    if (n_ranges > 1 && device->n_threads > 1 && n_ranges >= device->n_threads / THREADS_PER_RANGE)
        bora_threads_run(device->threads, (size_t)n_ranges, run_range, &(split){ range, ctx, n, n_ranges });
    else if (n > 0)
        range(ctx, 0, n, 0);
}
