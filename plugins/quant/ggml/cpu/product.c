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

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

enum {
    MAX_TOKENS = 256,
    TOKENS_AT_ONCE = REGISTER_BYTES == 64 ? 8 : 4, /* whose sums stay in registers */
    FEW_TOKENS = 4,
    WIDEST_STRIDE = 1 << 26,
};

#ifdef __aarch64__
#include "arm.h"
#else
/* Codes around zero, when the multiplication wants them unsigned and they are not yet. */
INLINE words biased(words codes, bool flip)
{
    EACH_REGISTER(q)
    codes.r[q] ^= flip ? 0x80808080u : 0;
    return codes;
}

INLINE ints dot_codes(ints sum, const words *codes, int n_words, const int8_t *x)
{
    for (int j = 0; j < n_words; j++)
        sum = dot_words(sum, codes[j], x + 4 * j);
    return sum;
}

/* Where a sum of products begins. With unsigned codes (CODE_BIAS) that is the bits of 1.5 * 2^23, less what the codes'
 * bias adds: then the sum's bits are a float already, and to convert it is to subtract. `few`: the codes are as stored,
 * their bias is 128 >> shift. */
INLINE ints begin_sum(bool is_signed, bool few, int shift, int32_t bias)
{
    if (CODE_BIAS == 0)
        return all_ints(0);
    if (!is_signed)
        return all_ints(WHOLE_FLOAT);
    ints i = all_ints(bias);
    EACH_REGISTER(q)
    i.r[q] = few ? ((i.r[q] - WHOLE_FLOAT) >> shift) + WHOLE_FLOAT : i.r[q];
    return i;
}

/* sum * scale, rounded once; with unsigned codes by (1.5 * 2^23 + sum) * scale + minus: a scale has so few digits that
 * `minus` is exact, and so the rounding is the same. */
INLINE floats scale_sum(ints sum, floats scale, floats minus)
{
    return CODE_BIAS > 0 ? fma_floats(floats_of_bits(sum), scale, minus) : multiply(float_ints(sum), scale);
}

INLINE floats float_sum(ints sum)
{
    return CODE_BIAS > 0 ? subtract(floats_of_bits(sum), 0x1.8p23f) : float_ints(sum);
}

/* sums[t] += block b of the chunk times that of each token. The first four arguments are constants where this is
 * inlined. */
INLINE void add_block(code_kind kind, bool flip, bool few, int n_tokens, int shift, const chunk *c, int b,
                      const int8_t *acts, size_t act_bytes, int64_t first, int64_t k, floats *sums)
{
    const bool is_signed = kind == SIGNED_32 || kind == SIGNED_16;
    words codes[WORDS_PER_BLOCK];
    for (int j = 0; j < WORDS_PER_BLOCK; j++)
        codes[j] = biased(c->codes[b][j], flip && is_signed && CODE_BIAS > 0);
    for (int t = 0; t < n_tokens; t++) {
        const int8_t *row = acts + (size_t)t * act_bytes, *x = row + first + b * BLOCK;
        const block_lists lists = lists_of(row, k);
        const int64_t at = first / BLOCK + b;
        if (kind == SIGNED_32 || kind == OFFSET_32) {
            const ints dot = dot_codes(begin_sum(is_signed, few, shift, lists.bias[at]), codes, WORDS_PER_BLOCK, x);
            sums[t] = fma_all(scale_sum(dot, c->scales[b], c->minus[b]), lists.d[at], sums[t]);
            if (kind == OFFSET_32)
                sums[t] = fma_all(c->offsets[b], lists.sum[at], sums[t]);
        } else {
            const ints low =
                dot_codes(begin_sum(is_signed, few, shift, lists.half_bias[2 * at]), codes, WORDS_PER_BLOCK / 2, x);
            const ints high = dot_codes(begin_sum(is_signed, few, shift, lists.half_bias[2 * at + 1]),
                                        codes + WORDS_PER_BLOCK / 2, WORDS_PER_BLOCK / 2, x + BLOCK / 2);
            const floats both =
                fma_floats(float_sum(high), c->scales[2 * b + 1], scale_sum(low, c->scales[2 * b], c->minus[b]));
            sums[t] = fma_all(both, lists.d[at], sums[t]);
            if (kind == OFFSET_16) {
                sums[t] = fma_all(c->offsets[2 * b], lists.half_sum[2 * at], sums[t]);
                sums[t] = fma_all(c->offsets[2 * b + 1], lists.half_sum[2 * at + 1], sums[t]);
            }
        }
    }
}

INLINE void add_chunk(code_kind kind, bool flip, bool few, int n_tokens, int shift, const chunk *c, int n_blocks,
                      const int8_t *acts, size_t act_bytes, int64_t first, int64_t k, floats *results)
{
    floats sums[TOKENS_AT_ONCE];
    for (int t = 0; t < n_tokens; t++)
        sums[t] = results[t];
    for (int b = 0; b < n_blocks; b++)
        add_block(kind, flip, few, n_tokens, shift, c, b, acts, act_bytes, first, k, sums);
    for (int t = 0; t < n_tokens; t++)
        results[t] = sums[t];
}

INLINE void add_tokens(code_kind kind, bool flip, bool few, int shift, const chunk *c, int n_blocks, const int8_t *acts,
                       size_t act_bytes, int n_tokens, int64_t first, int64_t k, floats *results)
{
    int t = 0;
#define TOKENS(n)                                                                                                      \
    add_chunk(kind, flip, few, n, shift, c, n_blocks, acts + (size_t)t * act_bytes, act_bytes, first, k, results + t)
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

typedef void (*add_function)(int shift, const chunk *c, int n_blocks, const int8_t *acts, size_t act_bytes,
                             int n_tokens, int64_t first, int64_t k, floats *results);

#define ADD_TOKENS(NAME, KIND, flip, few)                                                                              \
    static void NAME##_##KIND(int shift, const chunk *c, int n_blocks, const int8_t *acts, size_t act_bytes,           \
                              int n_tokens, int64_t first, int64_t k, floats *results)                                 \
    {                                                                                                                  \
        add_tokens(KIND, flip, few, shift, c, n_blocks, acts, act_bytes, n_tokens, first, k, results);                 \
    }

ADD_TOKENS(add, SIGNED_32, false, false)
ADD_TOKENS(add, OFFSET_32, false, false)
ADD_TOKENS(add, SIGNED_16, false, false)
ADD_TOKENS(add, OFFSET_16, false, false)
static const add_function add_functions[] = { add_SIGNED_32, add_OFFSET_32, add_SIGNED_16, add_OFFSET_16 };

#if defined(__x86_64__)
/* For few tokens it is quicker to leave codes as they are stored, and to work a little more on each sum. */
ADD_TOKENS(add_few, SIGNED_32, false, true)
ADD_TOKENS(add_few, SIGNED_16, false, true)
static const add_function few_functions[] = { add_few_SIGNED_32, add_OFFSET_32, add_few_SIGNED_16, add_OFFSET_16 };
#else
#define few_functions add_functions
#endif

#ifdef __AMX_INT8__
/* For the tokens that are left over where codes were unpacked for tiles, which take them with their signs. */
ADD_TOKENS(add_flipped, SIGNED_32, true, false)
ADD_TOKENS(add_flipped, SIGNED_16, true, false)
static const add_function flipped_functions[] = { add_flipped_SIGNED_32, add_OFFSET_32, add_flipped_SIGNED_16,
                                                  add_OFFSET_16 };
#endif

/* Brings the next columns of a panel near while these are worked on. */
static void prefetch_rows(const uint8_t *p, size_t stride, size_t bytes)
{
    for (int r = 0; r < PANEL_ROWS; r++)
        for (size_t at = 0; at < bytes; at += 64)
            __builtin_prefetch(p + (size_t)r * stride + at, 0, 2);
}

/* 128 >> shift is what stands for zero. */
static int bias_shift(const unpacker *format)
{
    int shift = 0;
    while (format->zero && format->zero << shift < 128)
        shift++;
    return shift;
}

static void prepare_minus(code_kind kind, int n_blocks, chunk *c)
{
    const int step = kind == SIGNED_16 || kind == OFFSET_16 ? 2 : 1;
    for (int b = 0; CODE_BIAS > 0 && b < n_blocks; b++)
        c->minus[b] = multiply(c->scales[step * b], all_floats(-0x1.8p23f));
}

INLINE void product(const unpacker *format, bool packed, const uint8_t *rows, size_t row_bytes, int n_rows, int64_t k,
                    const int8_t *acts, size_t act_bytes, int n_tokens, float *out, size_t out_stride)
{
    _Alignas(64) chunk c;
    _Alignas(64) floats results[MAX_TOKENS];
    /* The last rows of a matrix may be fewer than a panel has: they are copied, and zeros follow. */
    uint8_t copies[PANEL_ROWS * CHUNK_BLOCKS * sizeof(q8_1_block)];
    const bool copied = !packed && (n_rows < PANEL_ROWS || row_bytes > WIDEST_STRIDE);
    const unpack_function unpack = packed ? format->panel : format->rows;
    memset(results, 0, (size_t)n_tokens * sizeof *results);
    int n_by_tiles = 0;
    const bool few = n_tokens <= FEW_TOKENS;
    uint8_t bias = few && CODE_BIAS > 0 ? (uint8_t)format->zero : CODE_BIAS;
    add_function add = (few ? few_functions : add_functions)[format->kind];
#ifdef __AMX_INT8__
    n_by_tiles = n_tokens >= TILE_TOKENS         ? n_tokens / TILE_TOKENS * TILE_TOKENS
                 : n_tokens >= SMALL_TILE_TOKENS ? SMALL_TILE_TOKENS
                                                 : 0;
    if (n_by_tiles > 0) {
        tiles_begin(format->kind, n_tokens >= TILE_TOKENS ? TILE_TOKENS : SMALL_TILE_TOKENS);
        bias = 0;
        add = flipped_functions[format->kind];
    }
#endif
    const int shift = bias_shift(format);
    for (int64_t first = 0; first < k; first += CHUNK_BLOCKS * BLOCK) {
        const int n_blocks = k - first < CHUNK_BLOCKS * BLOCK ? (int)((k - first) / BLOCK) : CHUNK_BLOCKS;
        const size_t bytes = (size_t)(n_blocks * BLOCK / format->block_elems) * format->block_bytes;
        const size_t at = (size_t)(first / format->block_elems) * format->block_bytes;
        if (packed) {
            unpack(rows + PANEL_ROWS * at, 0, n_blocks, bias, &c);
        } else if (copied) {
            memset(copies, 0, sizeof copies);
            for (int r = 0; r < n_rows; r++)
                memcpy(copies + (size_t)r * bytes, rows + at + (size_t)r * row_bytes, bytes);
            unpack(copies, bytes, n_blocks, bias, &c);
        } else {
            prefetch_rows(first + CHUNK_BLOCKS * BLOCK < k ? rows + at + bytes : rows + PANEL_ROWS * row_bytes,
                          row_bytes, bytes);
            unpack(rows + at, row_bytes, n_blocks, bias, &c);
        }
        prepare_minus(format->kind, n_blocks, &c);
#ifdef __AMX_INT8__
        if (n_by_tiles > 0)
            tile_adders[format->kind].add(&c, n_blocks, acts, act_bytes, n_by_tiles, first, k, results);
#endif
        if (n_by_tiles < n_tokens)
            add(shift, &c, n_blocks, acts + (size_t)n_by_tiles * act_bytes, act_bytes, n_tokens - n_by_tiles, first, k,
                results + n_by_tiles);
    }
#ifdef __AMX_INT8__
    if (n_by_tiles > 0)
        tiles_end();
#endif
    for (int t = 0; t < n_tokens; t++)
        if (n_rows == PANEL_ROWS)
            memcpy(out + (size_t)t * out_stride, &results[t], sizeof *results);
        else
            memcpy(out + (size_t)t * out_stride, &results[t], (size_t)n_rows * sizeof *out);
}

/* Two tiles for each format: for rows as they lie, and for panels. */
#define FORMAT(NAME, KIND, ZERO, BLOCK_ELEMS)                                                                          \
    static void rows_##NAME(const uint8_t *p, size_t stride, int n_blocks, uint8_t bias, chunk *out)                   \
    {                                                                                                                  \
        unpack_##NAME(false, p, stride, n_blocks, bias, out);                                                          \
    }                                                                                                                  \
    static void panel_##NAME(const uint8_t *p, size_t stride, int n_blocks, uint8_t bias, chunk *out)                  \
    {                                                                                                                  \
        unpack_##NAME(true, p, stride, n_blocks, bias, out);                                                           \
    }                                                                                                                  \
    static const unpacker format_##NAME = {                                                                            \
        KIND, ZERO, BLOCK_ELEMS, sizeof(NAME##_block), rows_##NAME, panel_##NAME,                                      \
    };                                                                                                                 \
    static void dot_##NAME(const bora_quant *quant, const void *rows, size_t row_bytes, int n_rows, int64_t k,         \
                           const void *acts, size_t act_bytes, int n_tokens, float *out, size_t out_stride,            \
                           float *scratch)                                                                             \
    {                                                                                                                  \
        (void)quant, (void)scratch;                                                                                    \
        product(&format_##NAME, false, rows, row_bytes, n_rows, k, acts, act_bytes, n_tokens, out, out_stride);        \
    }                                                                                                                  \
    static void dot_packed_##NAME(const bora_quant *quant, const void *panel, size_t row_bytes, int n_rows, int64_t k, \
                                  const void *acts, size_t act_bytes, int n_tokens, float *out, size_t out_stride,     \
                                  float *scratch)                                                                      \
    {                                                                                                                  \
        (void)quant, (void)scratch, (void)row_bytes;                                                                   \
        product(&format_##NAME, true, panel, 0, n_rows, k, acts, act_bytes, n_tokens, out, out_stride);                \
    }                                                                                                                  \
    const tile_pair JOIN(tiles_##NAME##_, TIER) = {                                                                    \
        .rows = { .panel_rows = PANEL_ROWS,                                                                            \
                  .max_tokens = MAX_TOKENS,                                                                            \
                  .activation = &quant_activation,                                                                     \
                  .dot = dot_##NAME },                                                                                 \
        .panels = { .panel_rows = PANEL_ROWS,                                                                          \
                    .max_tokens = MAX_TOKENS,                                                                          \
                    .activation = &quant_activation,                                                                   \
                    .panel_bytes = panel_bytes_##NAME,                                                                 \
                    .pack = pack_##NAME,                                                                               \
                    .dot = dot_packed_##NAME },                                                                        \
    };

FORMAT(q4_0, SIGNED_32, 8, SMALL_BLOCK)
FORMAT(q4_1, OFFSET_32, 0, SMALL_BLOCK)
FORMAT(q5_0, SIGNED_32, 16, SMALL_BLOCK)
FORMAT(q5_1, OFFSET_32, 0, SMALL_BLOCK)
FORMAT(q8_0, SIGNED_32, 128, SMALL_BLOCK)
FORMAT(mxfp4, SIGNED_32, 128, SMALL_BLOCK)
FORMAT(q2_k, OFFSET_16, 0, SUPER_BLOCK)
FORMAT(q3_k, SIGNED_16, 4, SUPER_BLOCK)
FORMAT(q4_k, OFFSET_32, 0, SUPER_BLOCK)
FORMAT(q5_k, OFFSET_32, 0, SUPER_BLOCK)
FORMAT(q6_k, SIGNED_16, 32, SUPER_BLOCK)
