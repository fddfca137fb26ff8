/* Products of quantized rows with 8-bit activations: the inner loops, compiled once for each instruction set (TIER).
 *
 * One lane sums one row, block by block in the order of columns: the sum of a block's 32 products is a whole number,
 * and exact; it becomes a float, is scaled, and joins the row's sum in one rounding. So the bits of a result are those
 * of its row and its token, whatever the number of tokens, the instruction set, or the unit that multiplies. */
#include "product.h"

#include "pack.h"
#include "unpack.h"
#ifdef __AMX_INT8__
#include "matrix_unit.h"
#endif
#ifdef WIDE
#include "wide.h"
#endif

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

enum {
    MAX_TOKENS = 256,
    TOKENS_AT_ONCE = REGISTER_BYTES == 64 ? 8 : 4, /* whose sums stay in registers */
    WIDEST_STRIDE = 1 << 26,
    STREAMED_BYTES = 1 << 19, /* of results from which on they go past the caches */
};

#ifdef __aarch64__
#include "arm.h"
#elif REGISTER_BYTES == 32
#include "narrow.h"
#else
/* Codes around zero, when the multiplication wants them unsigned and they are not yet. */
INLINE words biased(words codes, bool flip)
{
    EACH_REGISTER(q)
    codes.r[q] ^= flip ? 0x80808080u : 0;
    return codes;
}

/* A sum of products waits for the one before in its lane: two for each token are on their way at a time, of two blocks,
 * or of the halves of one. */
enum { DOTS = 2 };

/* sums[t] += a block of the chunk, or two, times those of each token; for formats with halves, one. x: the first
 * token's. The first four arguments are constants where this is inlined. */
INLINE void add_blocks(code_kind kind, bool flip, int n_tokens, int n_blocks, const words *codes, const factors *f,
                       row_pointers x, row_strides rows, floats *sums)
{
    const int n_dots = HAS_HALVES(kind) ? 2 : n_blocks, n_words = WORDS_PER_BLOCK * n_blocks / n_dots;
    const int8_t *acts[TOKENS_AT_ONCE];
    ints dots[DOTS][TOKENS_AT_ONCE];
    UNROLL(int t = 0; t < n_tokens; t++)
    UNROLL(int i = 0; i < n_dots; i++)
    dots[i][t] = begin_sum(kind, 8, in_row(x.bias, rows, t) + 4 * i);
    UNROLL(int t = 0; t < n_tokens; t++)
    {
        acts[t] = in_row(x.codes, rows, t);
        KEEP(acts[t]);
    }
    UNROLL(int j = 0; j < n_words; j++)
    UNROLL(int i = 0; i < n_dots; i++)
    {
        const int word = i * n_words + j;
        const words four = biased(codes[word], flip && IS_SIGNED(kind) && CODE_BIAS > 0);
        UNROLL(int t = 0; t < n_tokens; t++)
        dots[i][t] = dot_words(dots[i][t], four, acts[t] + 4 * word);
    }
    UNROLL(int i = 0; i < n_blocks; i++)
    UNROLL(int t = 0; t < n_tokens; t++)
    {
        floats scaled = scale_sum(dots[i][t], f + i);
        if (HAS_HALVES(kind))
            scaled = fma_floats(float_sum(dots[1][t]), f[1].scale, scaled);
        sums[t] =
            join_block(kind, sums[t], scaled, f + i, in_row(x.d, rows, t) + 4 * i, in_row(x.sum, rows, t) + 4 * i);
    }
}

INLINE void add_chunk(code_kind kind, bool flip, int n_tokens, bool ahead, const chunk *c, int n_blocks,
                      const int8_t *acts, size_t act_bytes, int64_t first, int64_t k, floats *results)
{
    const int step = HAS_HALVES(kind) ? 1 : 2;
    const size_t fetched = ahead ? c->block_bytes : 0; /* with each block */
    row_pointers x = pointers_to(acts, places_of(kind, first / BLOCK, k));
    row_strides rows = strides_of(act_bytes);
    const factors *f = c->factors;
    floats sums[TOKENS_AT_ONCE];
    UNROLL(int t = 0; t < n_tokens; t++)
    sums[t] = results[t];
    int b = 0;
    for (; b + step <= n_blocks; b += step) {
        fetch_ahead(c->from + (size_t)b * fetched, (size_t)step * fetched);
        rows = keep_strides(rows);
        add_blocks(kind, flip, n_tokens, step, c->codes[b], f, x, rows, sums);
        x = next_block(kind, x, step);
        f += 2;
    }
    if (b < n_blocks) {
        fetch_ahead(c->from + (size_t)b * fetched, fetched);
        add_blocks(kind, flip, n_tokens, 1, c->codes[b], f, x, rows, sums);
    }
    UNROLL(int t = 0; t < n_tokens; t++)
    results[t] = sums[t];
}

INLINE void add_tokens(code_kind kind, bool flip, const chunk *c, int n_blocks, const int8_t *acts, size_t act_bytes,
                       int n_tokens, int64_t first, int64_t k, floats *results)
{
    int t = 0;
#define TOKENS(n)                                                                                                      \
    add_chunk(kind, flip, n, t == 0, c, n_blocks, acts + (size_t)t * act_bytes, act_bytes, first, k, results + t)
    for (; t + TOKENS_AT_ONCE <= n_tokens; t += TOKENS_AT_ONCE)
        TOKENS(TOKENS_AT_ONCE);
    for (; t + 4 <= n_tokens; t += 4)
        TOKENS(4);
    for (; t + 2 <= n_tokens; t += 2)
        TOKENS(2);
    for (; t < n_tokens; t++)
        TOKENS(1);
#undef TOKENS
}

#endif

typedef void (*add_function)(const chunk *c, int n_blocks, const int8_t *acts, size_t act_bytes, int n_tokens,
                             int64_t first, int64_t k, floats *results);

/* What loops are compiled for, beside the kind. */
#if REGISTER_BYTES == 32
#define CONSTANT(BITS, flip) BITS
#else
#define CONSTANT(BITS, flip) flip
#endif

#define ADD_TOKENS(NAME, KIND, BITS, flip)                                                                             \
    static void NAME(const chunk *c, int n_blocks, const int8_t *acts, size_t act_bytes, int n_tokens, int64_t first,  \
                     int64_t k, floats *results)                                                                       \
    {                                                                                                                  \
        add_tokens(KIND, CONSTANT(BITS, flip), c, n_blocks, acts, act_bytes, n_tokens, first, k, results);             \
    }

/* Loops for each kind, and where these are others, for each number of bits. */
#if ADDS_PAIRS
#define ADD(KIND, BITS) JOIN(add_##KIND##_, BITS)
ADD_TOKENS(add_SIGNED_32_4, SIGNED_32, 4, false)
ADD_TOKENS(add_SIGNED_32_5, SIGNED_32, 5, false)
ADD_TOKENS(add_SIGNED_32_8, SIGNED_32, 8, false)
ADD_TOKENS(add_OFFSET_32_4, OFFSET_32, 4, false)
ADD_TOKENS(add_OFFSET_32_5, OFFSET_32, 5, false)
ADD_TOKENS(add_SIGNED_16_3, SIGNED_16, 3, false)
ADD_TOKENS(add_SIGNED_16_6, SIGNED_16, 6, false)
ADD_TOKENS(add_OFFSET_16_2, OFFSET_16, 2, false)
#else
#define ADD(KIND, BITS) add_##KIND
ADD_TOKENS(add_SIGNED_32, SIGNED_32, 8, false)
ADD_TOKENS(add_OFFSET_32, OFFSET_32, 8, false)
ADD_TOKENS(add_SIGNED_16, SIGNED_16, 8, false)
ADD_TOKENS(add_OFFSET_16, OFFSET_16, 8, false)
#endif

#ifdef WIDE
typedef void (*add_wide_function)(const chunk *chunks, int n_blocks, const next_chunks *next, const int8_t *acts,
                                  size_t act_bytes, int n_tokens, int64_t first, int64_t k, floats *results,
                                  size_t result_stride);

#define ADD_WIDE(KIND)                                                                                                 \
    static void add_wide_##KIND(const chunk *chunks, int n_blocks, const next_chunks *next, const int8_t *acts,        \
                                size_t act_bytes, int n_tokens, int64_t first, int64_t k, floats *results,             \
                                size_t result_stride)                                                                  \
    {                                                                                                                  \
        add_wide(KIND, chunks, n_blocks, next, acts, act_bytes, n_tokens, first, k, results, result_stride);           \
    }

ADD_WIDE(SIGNED_32)
ADD_WIDE(OFFSET_32)
ADD_WIDE(SIGNED_16)
ADD_WIDE(OFFSET_16)
static const add_wide_function add_wide_functions[] = { add_wide_SIGNED_32, add_wide_OFFSET_32, add_wide_SIGNED_16,
                                                        add_wide_OFFSET_16 };
#endif

#ifdef __AMX_INT8__
/* For the tokens that are left over where codes were unpacked for tiles, which take them with their signs. */
ADD_TOKENS(add_flipped_SIGNED_32, SIGNED_32, 8, true)
#endif

/* Adds `n_blocks` blocks of 32 columns from p on, where those of the first row begin, or the panel's, to the sums of a
 * few tokens. */
typedef void (*few_function)(const uint8_t *p, size_t stride, int n_blocks, const int8_t *acts, size_t act_bytes,
                             int n_tokens, int64_t first, int64_t k, floats *results);

/* Unpacks as many; codes around zero get `bias` added. */
typedef void (*unpack_function)(const uint8_t *p, size_t stride, int n_blocks, uint8_t bias, chunk *out);

/* What is done with rows as they lie, or with panels. */
typedef struct layout_functions {
    unpack_function unpack;
    few_function few[MOST_FEW_TOKENS + 1]; /* by the number of tokens; NULL: there is none */
} layout_functions;

typedef struct format_functions {
    code_kind kind;
    int bits; /* of a code */
    add_function add;
    int block_elems;
    size_t block_bytes;
    layout_functions rows, panels;
} format_functions;

/* Asks memory for what follows `bytes` of each row of a panel, `at` bytes from the rows' beginnings: the next columns,
 * or the next rows. Where memory is read in order, for as much of the next rows as is worked on of these. Inlined,
 * because gcc leaves out calls of functions that do nothing else. */
INLINE void fetch_rows(const uint8_t *rows, size_t row_bytes, size_t at, size_t bytes, bool last)
{
    enum { LINE = BORA_READ_AHEAD_LINE };
    const uint8_t *next_rows = rows + PANEL_ROWS * row_bytes, *next = last ? next_rows : rows + at + bytes;
    if (bora_reads_in_order()) {
        bora_read_lines_ahead((uintptr_t)next_rows + PANEL_ROWS * at, (int)(PANEL_ROWS * bytes / LINE));
        return;
    }
    for (size_t r = 0; r < PANEL_ROWS; r++)
        for (size_t line = 0; line < bytes; line += LINE)
            __builtin_prefetch(next + r * row_bytes + line, 0, 2);
}

/* Results of many tokens are far apart, and read when the caches hold other things. */
static bool is_streamed(const float *out, size_t out_stride, int n_rows, int n_tokens)
{
    const size_t row_bytes = out_stride * sizeof *out;
    return n_rows == PANEL_ROWS && (size_t)n_tokens * row_bytes >= STREAMED_BYTES &&
           (uintptr_t)out % sizeof(floats) == 0 && row_bytes % sizeof(floats) == 0;
}

static void put_results(const floats *results, int n_rows, int n_tokens, float *out, size_t out_stride)
{
    if (is_streamed(out, out_stride, n_rows, n_tokens)) {
        for (int t = 0; t < n_tokens; t++)
            stream_floats(out + (size_t)t * out_stride, results[t]);
        end_stream();
        return;
    }
    for (int t = 0; t < n_tokens; t++)
        if (n_rows == PANEL_ROWS)
            memcpy(out + (size_t)t * out_stride, &results[t], sizeof *results);
        else
            memcpy(out + (size_t)t * out_stride, &results[t], (size_t)n_rows * sizeof *out);
}

static void multiply_panel(const format_functions *format, bool packed, const uint8_t *rows, size_t row_bytes,
                           int n_rows, int64_t k, const int8_t *acts, size_t act_bytes, int n_tokens, float *out,
                           size_t out_stride)
{
    _Alignas(64) chunk c;
    _Alignas(64) floats results[MAX_TOKENS];
    /* The last rows of a matrix may be fewer than a panel has: they are copied, and zeros follow. */
    uint8_t copies[PANEL_ROWS * CHUNK_BLOCKS * sizeof(q8_1_block)];
    const bool copied = !packed && (n_rows < PANEL_ROWS || row_bytes > WIDEST_STRIDE);
    const layout_functions *functions = packed ? &format->panels : &format->rows;
    const few_function few = n_tokens <= MOST_FEW_TOKENS ? functions->few[n_tokens] : NULL;
    memset(results, 0, (size_t)n_tokens * sizeof *results);
    uint8_t bias = code_bias(format->bits);
    add_function add = format->add;
    int n_by_tiles = 0;
#ifdef __AMX_INT8__
    n_by_tiles = tiles_tokens(format->kind, n_tokens);
    if (n_by_tiles > 0) {
        tiles_begin();
        bias = 0;
        if (format->kind == SIGNED_32)
            add = add_flipped_SIGNED_32;
    }
#endif
    for (int64_t first = 0; first < k; first += CHUNK_BLOCKS * BLOCK) {
        const int n_blocks = k - first < CHUNK_BLOCKS * BLOCK ? (int)((k - first) / BLOCK) : CHUNK_BLOCKS;
        const size_t bytes = (size_t)(n_blocks * BLOCK / format->block_elems) * format->block_bytes;
        const size_t at = (size_t)(first / format->block_elems) * format->block_bytes;
        const uint8_t *p = rows + at;
        size_t stride = row_bytes;
        if (packed) {
            p = rows + PANEL_ROWS * at;
        } else if (copied) {
            memset(copies, 0, sizeof copies);
            for (int r = 0; r < n_rows; r++)
                memcpy(copies + (size_t)r * bytes, p + (size_t)r * row_bytes, bytes);
            p = copies;
            stride = bytes;
        } else {
            fetch_rows(rows, row_bytes, at, bytes, first + CHUNK_BLOCKS * BLOCK >= k);
        }
        if (few != NULL) {
            few(p, stride, n_blocks, acts, act_bytes, n_tokens, first, k, results);
            continue;
        }
        functions->unpack(p, stride, n_blocks, bias, &c);
        c.from = p;
        c.block_bytes = packed ? PANEL_ROWS * bytes / (size_t)n_blocks : 0;
#ifdef __AMX_INT8__
        if (n_by_tiles > 0) {
            tiles_add(format->kind, &c, n_blocks, acts, act_bytes, n_by_tiles, first, k, results);
            c.block_bytes = 0;
        }
#endif
        if (n_by_tiles < n_tokens)
            add(&c, n_blocks, acts + (size_t)n_by_tiles * act_bytes, act_bytes, n_tokens - n_by_tiles, first, k,
                results + n_by_tiles);
    }
#ifdef __AMX_INT8__
    if (n_by_tiles > 0)
        tiles_end();
#endif
    put_results(results, n_rows, n_tokens, out, out_stride);
}

#ifdef WIDE
/* The same for two panels that lie one behind the other. */
static void multiply_panels(const format_functions *format, const uint8_t *panels, int n_rows, int64_t k,
                            const int8_t *acts, size_t act_bytes, int n_tokens, float *out, size_t out_stride)
{
    const size_t panel_bytes = (size_t)(k / format->block_elems) * format->block_bytes * PANEL_ROWS;
    if (n_tokens <= MOST_FEW_TOKENS || n_rows <= PANEL_ROWS) {
        for (int r = 0; r < n_rows; r += PANEL_ROWS, panels += panel_bytes) {
            const int n = n_rows - r < PANEL_ROWS ? n_rows - r : PANEL_ROWS;
            multiply_panel(format, true, panels, 0, n, k, acts, act_bytes, n_tokens, out + r, out_stride);
        }
        return;
    }
    _Alignas(64) chunk chunks[WIDE_PANELS];
    _Alignas(64) floats results[WIDE_PANELS][MAX_TOKENS];
    EACH_PANEL(p)
    memset(results[p], 0, (size_t)n_tokens * sizeof *results[p]);
    const size_t block_bytes = PANEL_ROWS * format->block_bytes * BLOCK / (size_t)format->block_elems;
    for (int64_t first = 0; first < k; first += CHUNK_BLOCKS * BLOCK) {
        const int64_t left = (k - first) / BLOCK;
        const int n_blocks = left < CHUNK_BLOCKS ? (int)left : CHUNK_BLOCKS;
        const size_t at = (size_t)(first / BLOCK) * block_bytes, bytes = (size_t)n_blocks * block_bytes;
        const size_t next_at = left > n_blocks ? at + bytes : WIDE_PANELS * panel_bytes; /* the next two panels */
        next_chunks next = { .n_lines = (int)(bytes / BORA_READ_AHEAD_LINE) };
        EACH_PANEL(p)
        {
            const uint8_t *panel = panels + (size_t)p * panel_bytes;
            format->panels.unpack(panel + at, 0, n_blocks, CODE_BIAS, &chunks[p]);
            next.from[p] = (const uint8_t *)((uintptr_t)panel + next_at); /* may be behind the end of everything */
        }
        add_wide_functions[format->kind](chunks, n_blocks, &next, acts, act_bytes, n_tokens, first, k, results[0],
                                         MAX_TOKENS);
    }
    put_results(results[0], PANEL_ROWS, n_tokens, out, out_stride);
    put_results(results[1], n_rows - PANEL_ROWS, n_tokens, out + PANEL_ROWS, out_stride);
}
#endif

#define BLOCK_BYTES(packed, NAME) ((packed ? PANEL_ROWS : 1) * sizeof(NAME##_block))

/* The functions of a format and a layout. */
#define UNPACK(LAYOUT, packed, NAME, KIND, BLOCK_ELEMS)                                                                \
    static void LAYOUT##_##NAME(const uint8_t *p, size_t stride, int n_blocks, uint8_t bias, chunk *out)               \
    {                                                                                                                  \
        for (int b = 0; b < n_blocks; b += BLOCK_ELEMS / BLOCK, p += BLOCK_BYTES(packed, NAME)) {                      \
            sink to = { .kind = KIND, .zero_bias = bias, .chunk = out, .first = b };                                   \
            unpack_##NAME(packed, p, stride, &to);                                                                     \
        }                                                                                                              \
    }

/* What is stored for zero, of codes around it, if they are multiplied so. */
#define STORED_BIAS(BITS) (code_bias(BITS) > 0 ? 1 << ((BITS)-1) : 0)

/* For up to N tokens: where they are fewer, the last one is there several times. BITS: of a code, as it
 * is stored; 8 where it is stored with a sign. */
#define FEW(LAYOUT, packed, N, NAME, KIND, BITS, BLOCK_ELEMS)                                                          \
    static void LAYOUT##_##NAME##_##N(const uint8_t *p, size_t stride, int n_blocks, const int8_t *acts,               \
                                      size_t act_bytes, int n_tokens, int64_t first, int64_t k, floats *results)       \
    {                                                                                                                  \
        sink to = { .kind = KIND, .n_tokens = N, .bits = BITS, .zero_bias = STORED_BIAS(BITS) };                       \
        UNROLL(int t = 0; t < N; t++)                                                                                  \
        {                                                                                                              \
            const int token = t < n_tokens ? t : n_tokens - 1;                                                         \
            to.few.rows[t] = acts + (size_t)token * act_bytes;                                                         \
            to.few.sums[t] = results[token];                                                                           \
        }                                                                                                              \
        for (int b = 0; b < n_blocks; b += BLOCK_ELEMS / BLOCK, p += BLOCK_BYTES(packed, NAME)) {                      \
            to.few.at = places_of(KIND, first / BLOCK + b, k);                                                         \
            if (packed)                                                                                                \
                fetch_after(p, BLOCK_BYTES(packed, NAME));                                                             \
            unpack_##NAME(packed, p, stride, &to);                                                                     \
        }                                                                                                              \
        UNROLL(int t = 0; t < N; t++)                                                                                  \
        results[t < n_tokens ? t : n_tokens - 1] = to.few.sums[t];                                                     \
    }

/* Where registers are small, the codes of a block do not fit them. */
#if REGISTER_BYTES == 64
#define ALL_FEW(NAME, KIND, BITS, BLOCK_ELEMS)                                                                         \
    FEW(rows, false, 1, NAME, KIND, BITS, BLOCK_ELEMS)                                                                 \
    FEW(panels, true, 1, NAME, KIND, BITS, BLOCK_ELEMS)                                                                \
    FEW(panels, true, 2, NAME, KIND, BITS, BLOCK_ELEMS)                                                                \
    FEW(panels, true, 4, NAME, KIND, BITS, BLOCK_ELEMS)
#define FEW_ROWS(NAME)                                                                                                 \
    {                                                                                                                  \
        NULL, rows_##NAME##_1                                                                                          \
    }
#define FEW_PANELS(NAME)                                                                                               \
    {                                                                                                                  \
        NULL, panels_##NAME##_1, panels_##NAME##_2, panels_##NAME##_4, panels_##NAME##_4                               \
    }
#elif REGISTER_BYTES == 32
#define ALL_FEW(NAME, KIND, BITS, BLOCK_ELEMS)                                                                         \
    FEW(rows, false, 1, NAME, KIND, BITS, BLOCK_ELEMS)                                                                 \
    FEW(panels, true, 1, NAME, KIND, BITS, BLOCK_ELEMS)                                                                \
    FEW(panels, true, 2, NAME, KIND, BITS, BLOCK_ELEMS)
#define FEW_ROWS(NAME)                                                                                                 \
    {                                                                                                                  \
        NULL, rows_##NAME##_1                                                                                          \
    }
#define FEW_PANELS(NAME)                                                                                               \
    {                                                                                                                  \
        NULL, panels_##NAME##_1, panels_##NAME##_2                                                                     \
    }
#else
#define ALL_FEW(NAME, KIND, BITS, BLOCK_ELEMS)
#define FEW_ROWS(NAME)                                                                                                 \
    {                                                                                                                  \
        NULL                                                                                                           \
    }
#define FEW_PANELS(NAME) FEW_ROWS(NAME)
#endif

/* What a tile packs together: a panel, or two, one behind the other. */
#ifdef WIDE
#define PACKED_ROWS (WIDE_PANELS * PANEL_ROWS)
#define PACKED(function) wide_##function
#define PACKING(NAME)                                                                                                  \
    static size_t PACKED(panel_bytes_##NAME)(int64_t k)                                                                \
    {                                                                                                                  \
        return WIDE_PANELS * panel_bytes_##NAME(k);                                                                    \
    }                                                                                                                  \
    static void PACKED(pack_##NAME)(const bora_quant *quant, const void *rows, size_t row_bytes, int n_rows,           \
                                    int64_t k, void *panel)                                                            \
    {                                                                                                                  \
        EACH_PANEL(p)                                                                                                  \
        {                                                                                                              \
            const int left = n_rows - p * PANEL_ROWS, n = left < 0 ? 0 : left < PANEL_ROWS ? left : PANEL_ROWS;        \
            pack_##NAME(quant, (const uint8_t *)rows + (size_t)(p * PANEL_ROWS) * row_bytes, row_bytes, n, k,          \
                        (uint8_t *)panel + (size_t)p * panel_bytes_##NAME(k));                                         \
        }                                                                                                              \
    }
#define MULTIPLY_PACKED(format, panel, ...) multiply_panels(format, panel, __VA_ARGS__)
#else
#define PACKED_ROWS PANEL_ROWS
#define PACKED(function) function
#define PACKING(NAME)
#define MULTIPLY_PACKED(format, panel, ...) multiply_panel(format, true, panel, 0, __VA_ARGS__)
#endif

/* Two tiles for each format: for rows as they lie, and for panels. */
#define FORMAT(NAME, KIND, BITS, BLOCK_ELEMS)                                                                          \
    UNPACK(rows, false, NAME, KIND, BLOCK_ELEMS)                                                                       \
    UNPACK(panels, true, NAME, KIND, BLOCK_ELEMS)                                                                      \
    ALL_FEW(NAME, KIND, BITS, BLOCK_ELEMS)                                                                             \
    PACKING(NAME)                                                                                                      \
    static const format_functions format_##NAME = {                                                                    \
        KIND,                                                                                                          \
        BITS,                                                                                                          \
        ADD(KIND, BITS),                                                                                               \
        BLOCK_ELEMS,                                                                                                   \
        sizeof(NAME##_block),                                                                                          \
        { rows_##NAME, FEW_ROWS(NAME) },                                                                               \
        { panels_##NAME, FEW_PANELS(NAME) },                                                                           \
    };                                                                                                                 \
    static void dot_##NAME(const bora_quant *quant, const void *rows, size_t row_bytes, int n_rows, int64_t k,         \
                           const void *acts, size_t act_bytes, int n_tokens, float *out, size_t out_stride,            \
                           float *scratch)                                                                             \
    {                                                                                                                  \
        (void)quant, (void)scratch;                                                                                    \
        multiply_panel(&format_##NAME, false, rows, row_bytes, n_rows, k, acts, act_bytes, n_tokens, out, out_stride); \
    }                                                                                                                  \
    static void dot_packed_##NAME(const bora_quant *quant, const void *panel, size_t row_bytes, int n_rows, int64_t k, \
                                  const void *acts, size_t act_bytes, int n_tokens, float *out, size_t out_stride,     \
                                  float *scratch)                                                                      \
    {                                                                                                                  \
        (void)quant, (void)scratch, (void)row_bytes;                                                                   \
        MULTIPLY_PACKED(&format_##NAME, panel, n_rows, k, acts, act_bytes, n_tokens, out, out_stride);                 \
    }                                                                                                                  \
    const tile_pair JOIN(tiles_##NAME##_, TIER) = {                                                                    \
        .rows = { .panel_rows = PANEL_ROWS,                                                                            \
                  .max_tokens = MAX_TOKENS,                                                                            \
                  .activation = &quant_activation,                                                                     \
                  .dot = dot_##NAME },                                                                                 \
        .panels = { .panel_rows = PACKED_ROWS,                                                                         \
                    .max_tokens = MAX_TOKENS,                                                                          \
                    .activation = &quant_activation,                                                                   \
                    .panel_bytes = PACKED(panel_bytes_##NAME),                                                         \
                    .pack = PACKED(pack_##NAME),                                                                       \
                    .dot = dot_packed_##NAME },                                                                        \
    };

FORMAT(q4_0, SIGNED_32, 4, SMALL_BLOCK)
FORMAT(q4_1, OFFSET_32, 4, SMALL_BLOCK)
FORMAT(q5_0, SIGNED_32, 5, SMALL_BLOCK)
FORMAT(q5_1, OFFSET_32, 5, SMALL_BLOCK)
FORMAT(q8_0, SIGNED_32, 8, SMALL_BLOCK)
FORMAT(mxfp4, SIGNED_32, 8, SMALL_BLOCK)
FORMAT(q2_k, OFFSET_16, 2, SUPER_BLOCK)
FORMAT(q3_k, SIGNED_16, 3, SUPER_BLOCK)
FORMAT(q4_k, OFFSET_32, 4, SUPER_BLOCK)
FORMAT(q5_k, OFFSET_32, 5, SUPER_BLOCK)
FORMAT(q6_k, SIGNED_16, 6, SUPER_BLOCK)
