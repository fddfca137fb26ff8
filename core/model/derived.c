#include "model/derived.h"

#include <string.h>

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static size_t row_bytes(const bora_tensor_info *t)
{
    return bora_row_bytes(t->quant, graph_width(t));
}

/* Where a row lies, of a tensor or of a stack of tensors. */
static const char *row_at(const graph_origin *origin, int64_t row)
{
    while (origin->made) {
        int64_t part_rows = graph_rows(origin->made->parts[0].tensor);
        origin = &origin->made->parts[row / part_rows];
        row %= part_rows;
    }
    return (const char *)origin->tensor->data + (size_t)row * row_bytes(origin->tensor);
}

/* The rows of a part follow those of the part before. */
static void read_stacked(const graph_made *m, int64_t first, int64_t n, char *out)
{
    int64_t part_rows = graph_rows(m->parts[0].tensor);
    while (n > 0) {
        int64_t at = first % part_rows, some = smaller(n, part_rows - at);
        derived_read(&m->parts[first / part_rows], at, some, out);
        out += (size_t)some * row_bytes(&m->info);
        first += some;
        n -= some;
    }
}

static void read_taken_rows(const graph_made *m, int64_t first, int64_t n, char *out)
{
    int64_t rows = m->info.shape[m->info.n_dims - 2];
    int64_t part_rows = m->parts->tensor->shape[m->info.n_dims - 2];
    while (n > 0) {
        int64_t matrix = first / rows, at = first % rows, some = m->step == 1 ? smaller(n, rows - at) : 1;
        derived_read(m->parts, matrix * part_rows + m->from + at * m->step, some, out);
        out += (size_t)some * row_bytes(&m->info);
        first += some;
        n -= some;
    }
}

/* Neighbouring rows are neighbouring columns of the part, so that several at once are read in its own order. */
static void read_transposed(const graph_made *m, int64_t first, int64_t n, char *out)
{
    size_t number = m->info.quant->block_bytes;
    int64_t rows = m->info.shape[m->info.n_dims - 2], width = graph_width(&m->info);
    while (n > 0) {
        int64_t matrix = first / rows, at = first % rows, some = smaller(n, rows - at);
        for (int64_t k = 0; k < width; k++) {
            const char *from = row_at(m->parts, matrix * width + k);
            for (int64_t r = 0; r < some; r++)
                memcpy(out + (size_t)(r * width + k) * number, from + (size_t)(m->from + (at + r) * m->step) * number,
                       number);
        }
        out += (size_t)(some * width) * number;
        first += some;
        n -= some;
    }
}

static void read_numbers(const graph_made *m, int64_t first, int64_t n, char *out)
{
    size_t number = m->info.quant->block_bytes;
    int64_t width = graph_width(&m->info);
    for (int64_t r = first; r < first + n; r++) {
        const char *from = row_at(m->parts, r);
        for (int64_t i = 0; i < width; i++, out += number)
            memcpy(out, from + (size_t)(m->from + i * m->step) * number, number);
    }
}

void derived_read(const graph_origin *origin, int64_t first, int64_t n, void *out)
{
    const graph_made *m = origin->made;
    const bora_tensor_info *t = origin->tensor;
    if (!m) {
        memcpy(out, (const char *)t->data + (size_t)first * row_bytes(t), (size_t)n * row_bytes(t));
        return;
    }
    switch (m->making) {
    case MADE_STACKED:
        read_stacked(m, first, n, out);
        break;
    case MADE_ROWS:
        read_taken_rows(m, first, n, out);
        break;
    case MADE_TRANSPOSED:
        read_transposed(m, first, n, out);
        break;
    case MADE_NUMBERS:
        read_numbers(m, first, n, out);
        break;
    case MADE_BY_LAYOUT:
        m->layout->read(&m->stored, first, n, out);
        break;
    }
}
