/* rope (arXiv:2104.09864): pairs of numbers turned by an angle that grows with the position.
 *
 * The cosines and sines of a batch are those of every layer, and of queries and keys: the device keeps them in a table,
 * with all that they were computed from. */
#include "cpu.h"

#include <math.h>
#include <string.h>

enum { ROWS_EACH = 16 };

typedef struct rope {
    bora_device *device;
    const bora_rope_attrs *attrs;
    const cpu_run *runs;
    const float *x, *factors;
    float *out, *turns; /* [rows][2][n_dims / 2] */
    int64_t width;
} rope;

static void turn_head(const bora_rope_attrs *a, const float *cosines, const float *sines, const float *x, float *out)
{
    int32_t half = a->n_dims / 2, step = a->interleaved ? 2 : 1, other = a->interleaved ? 1 : half;
    int32_t end = a->offset + a->n_dims;
    memcpy(out, x, (size_t)a->offset * sizeof *out);
    memcpy(out + end, x + end, (size_t)(a->head_dim - end) * sizeof *out);
    x += a->offset;
    out += a->offset;
    for (int32_t i = 0; i < half; i++) {
        float first = x[i * step], second = x[i * step + other];
        out[i * step] = first * cosines[i] - second * sines[i];
        out[i * step + other] = second * cosines[i] + first * sines[i];
    }
}

static float *turns_of(const rope *m, const bora_sequence *sequence, int32_t row)
{
    return m->turns + ((int64_t)sequence->first_row + row) * m->attrs->n_dims;
}

static void turn_row(const rope *m, const bora_sequence *sequence, int32_t row)
{
    const bora_rope_attrs *a = m->attrs;
    const float *cosines = turns_of(m, sequence, row), *sines = cosines + a->n_dims / 2;
    int64_t at = (sequence->first_row + row) * m->width;
    for (int64_t head = 0; head < m->width; head += a->head_dim)
        turn_head(a, cosines, sines, m->x + at + head, m->out + at + head);
}

static void turn_runs(void *ctx, int64_t begin, int64_t end, int thread)
{
    const rope *m = ctx;
    (void)thread;
    for (const cpu_run *run = m->runs + begin; run < m->runs + end; run++)
        for (int32_t r = 0; r < run->n; r++)
            turn_row(m, run->sequence, run->first + r);
}

static void fill_runs(void *ctx, int64_t begin, int64_t end, int thread)
{
    const rope *m = ctx;
    const bora_rope_attrs *a = m->attrs;
    int32_t half = a->n_dims / 2;
    for (const cpu_run *run = m->runs + begin; run < m->runs + end; run++)
        for (int32_t row = run->first; row < run->first + run->n; row++) {
            int32_t position = run->sequence->n_past + row;
            const float *freqs = bora_rope_row_freqs(a, run->sequence, position, cpu_scratch(m->device, thread));
            float *cosines = turns_of(m, run->sequence, row), *sines = cosines + half;
            for (int32_t i = 0; i < half; i++) {
                float angle = (float)position * (m->factors ? freqs[i] / m->factors[i] : freqs[i]);
                cosines[i] = cosf(angle) * a->scale;
                sines[i] = sinf(angle) * a->scale;
            }
        }
}

/* ---- the table ---- */

typedef struct key_writer {
    char *at; /* NULL: only counts */
    size_t size_bytes;
} key_writer;

static void add(key_writer *w, const void *from, size_t size_bytes)
{
    if (w->at && size_bytes > 0)
        memcpy(w->at + w->size_bytes, from, size_bytes);
    w->size_bytes += size_bytes;
}

/* All that cosines and sines depend on. */
static size_t write_key(const rope *m, const bora_batch *batch, char *key)
{
    const bora_rope_attrs *a = m->attrs;
    const int32_t numbers[] = { a->n_dims, a->dynamic_max, a->long_after, a->long_inv_freq != NULL,
                                m->factors != NULL };
    const float floats[] = { a->scale, a->theta, a->dynamic_factor };
    size_t freqs_bytes = (size_t)a->n_dims / 2 * sizeof(float);
    key_writer w = { .at = key };
    add(&w, numbers, sizeof numbers);
    add(&w, floats, sizeof floats);
    add(&w, a->inv_freq, freqs_bytes);
    if (a->long_inv_freq)
        add(&w, a->long_inv_freq, freqs_bytes);
    if (m->factors)
        add(&w, m->factors, freqs_bytes);
    for (int32_t s = 0; s < batch->n_sequences; s++) {
        const bora_sequence *sequence = &batch->sequences[s];
        const int32_t rows[] = { sequence->first_row, sequence->n_rows, sequence->n_past, sequence->prompt_tokens };
        add(&w, rows, sizeof rows);
    }
    return w.size_bytes;
}

/* The table of a batch, filled if it is a new one. */
static bool find_turns(rope *m, const bora_batch *batch, int64_t n_runs, bora_error *err)
{
    bora_device *device = m->device;
    cpu_buffer *key = &device->rope_key;
    size_t key_bytes = write_key(m, batch, NULL);
    if (!cpu_reserve(key, key_bytes, err))
        return false;
    write_key(m, batch, key->data);
    for (int i = 0; i < CPU_ROPE_TABLES; i++) {
        const cpu_rope_table *table = &device->rope_tables[i];
        if (table->key_bytes == key_bytes && memcmp(table->key.data, key->data, key_bytes) == 0) {
            m->turns = table->turns.data;
            return true;
        }
    }
    cpu_rope_table *table = &device->rope_tables[device->next_rope_table];
    device->next_rope_table = (device->next_rope_table + 1) % CPU_ROPE_TABLES;
    table->key_bytes = 0; /* until it is filled */
    if (!cpu_reserve(&table->turns, (size_t)batch->n_tokens * (size_t)m->attrs->n_dims * sizeof(float), err) ||
        !cpu_reserve_scratch(device, (size_t)m->attrs->n_dims * sizeof(float), err))
        return false;
    m->turns = table->turns.data;
    cpu_parallel(device, n_runs, (int64_t)ROWS_EACH * m->attrs->n_dims * 16, fill_runs, m);
    cpu_buffer swap = table->key;
    table->key = *key;
    *key = swap;
    table->key_bytes = key_bytes;
    return true;
}

bool cpu_rope(bora_device *device, const bora_call *call, bora_error *err)
{
    rope m = {
        .device = device,
        .attrs = call->attrs,
        .x = call->inputs[0].data,
        .out = call->output.data,
        .width = call->output.width,
    };
    int64_t n_runs = cpu_runs(device, call->batch, ROWS_EACH, &m.runs, err);
    if (n_runs < 0 || !cpu_vector(device, call, 0, &m.factors, err) || !find_turns(&m, call->batch, n_runs, err))
        return false;
    cpu_parallel(device, n_runs, ROWS_EACH * m.width * 2, turn_runs, &m);
    return true;
}
