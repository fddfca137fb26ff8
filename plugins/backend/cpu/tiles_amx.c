/* Tiles for 16-bit floats by the matrix unit of x86 processors that have one (AMX), with the accuracy of floats.
 *
 * The unit multiplies bfloat16 numbers and adds floats. A float is the sum of three bfloat16 numbers, exactly: 24 bits,
 * eight in each. So a row of activations becomes three (the format below), and a product with bfloat16 weights is three
 * products, each in a sum of its own, that are added at the end: the small ones first. A binary16 weight is the sum of
 * two bfloat16 numbers (11 bits are 8 + 3); of its six products the one of the two smallest parts is left out, which is
 * below 2^-24 of the whole.
 *
 * The order of summation is that of the instruction, which is defined to the last bit: of 32 numbers of a row, those at
 * even places are multiplied and added in order, those at odd places likewise, starting from zero; the two sums are
 * added, and the result is added to the sum of the 32 numbers before. It is the same whichever operand is the first, so
 * for few tokens weights are the first operand and read where they lie; for many, activations are, and weights are
 * transposed once for all of them. Subnormal numbers count as zero, as the instruction wants it. */
#include "cpu.h"

#if defined(__x86_64__) && defined(__linux__)
#include <bora/quant.h>

#include <cpuid.h>
#include <immintrin.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,f16c,fma,amx-tile,amx-bf16")))
#define INLINE TARGET static inline __attribute__((always_inline))

enum {
    SIDE = 16,             /* rows of a tile, and columns of 32 bits */
    STEP = 32,             /* numbers of a row that one instruction multiplies */
    STEP_BYTES = STEP * 2, /* of 16 bits: a row of a tile */
    TILE_BYTES = SIDE * STEP_BYTES,
    SPLIT = 3, /* parts of an activation */
    SPLIT_BYTES = SPLIT * STEP_BYTES,
    PANEL_ROWS = 2 * SIDE,
    FEW_TOKENS = 6, /* weights are read as they lie */
    MANY_TOKENS = 128,
    AHEAD = 512, /* bytes of a row that are asked for before they are needed */
};

typedef enum weights { BF16, F16 } weights;

/* Tells the compiler nothing about memory: the instructions that read and write tiles do not say what they touch. */
#define MEMORY_BARRIER() __asm__ volatile("" ::: "memory")

/* ---- activations ---- */

/* A row of 32 floats in three rows of bfloat16 numbers, `between` bytes apart, that add up to it. Each part is what the
 * first 8 bits of the rest are, so nothing overflows. */
INLINE void split_step(const float *in, char *out, size_t between)
{
    const __m512i high_half = _mm512_set1_epi32((int)0xffff0000);
    const __m512i odd = _mm512_set_epi16(63, 61, 59, 57, 55, 53, 51, 49, 47, 45, 43, 41, 39, 37, 35, 33, 31, 29, 27, 25,
                                         23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
    __m512 low = _mm512_loadu_ps(in), high = _mm512_loadu_ps(in + SIDE);
    for (int s = 0; s < SPLIT; s++) {
        const __m512i a = _mm512_and_si512(_mm512_castps_si512(low), high_half);
        const __m512i b = _mm512_and_si512(_mm512_castps_si512(high), high_half);
        _mm512_storeu_si512(out + (size_t)s * between, _mm512_permutex2var_epi16(a, odd, b));
        low = _mm512_sub_ps(low, _mm512_castsi512_ps(a));
        high = _mm512_sub_ps(high, _mm512_castsi512_ps(b));
    }
}

/* A row: for each 32 numbers three times 64 bytes; what is left of the row likewise, in shorter parts. */
TARGET static void split(const float *in, const float *importance, void *blocks, size_t n)
{
    (void)importance;
    char *out = blocks;
    size_t i = 0;
    for (; i + STEP <= n; i += STEP, out += SPLIT_BYTES)
        split_step(in + i, out, STEP_BYTES);
    if (i == n)
        return;
    float last[STEP] = { 0 };
    char parts[SPLIT_BYTES];
    memcpy(last, in + i, (n - i) * sizeof *in);
    split_step(last, parts, STEP_BYTES);
    for (int s = 0; s < SPLIT; s++)
        memcpy(out + (size_t)s * (n - i) * 2, parts + s * STEP_BYTES, (n - i) * 2);
}

static const bora_quant activation = {
    .name = "bf16x3", .block_elems = 1, .block_bytes = SPLIT * 2, .quantize = split
};

/* The last k % 32 numbers of a row of activations, with zeros behind each part. */
static void last_acts(const char *row, int64_t k, char *to)
{
    const size_t n = (size_t)(k % STEP) * 2;
    memset(to, 0, SPLIT_BYTES);
    for (int s = 0; s < SPLIT; s++)
        memcpy(to + s * STEP_BYTES, row + (size_t)(k - k % STEP) * SPLIT * 2 + (size_t)s * n, n);
}

/* Rows of 32 weights, those of a step; what is left of k at the end, and rows that are not there, are zeros. */
static void last_weights(const char *panel, size_t row_bytes, int n_rows, int64_t k, char *to)
{
    memset(to, 0, TILE_BYTES);
    for (int r = 0; r < n_rows; r++)
        memcpy(to + r * STEP_BYTES, panel + (size_t)r * row_bytes + (size_t)(k - k % STEP) * 2, (size_t)(k % STEP) * 2);
}

/* ---- weights ---- */

/* 32 binary16 numbers as the sums of two bfloat16 numbers. */
INLINE void split_half(__m512i half, __m512i *large, __m512i *small)
{
    const __m512i high_half = _mm512_set1_epi32((int)0xffff0000);
    const __m512i odd = _mm512_set_epi16(63, 61, 59, 57, 55, 53, 51, 49, 47, 45, 43, 41, 39, 37, 35, 33, 31, 29, 27, 25,
                                         23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
    const __m512 a = _mm512_cvtph_ps(_mm512_castsi512_si256(half)),
                 b = _mm512_cvtph_ps(_mm512_extracti64x4_epi64(half, 1));
    const __m512i a_large = _mm512_and_si512(_mm512_castps_si512(a), high_half);
    const __m512i b_large = _mm512_and_si512(_mm512_castps_si512(b), high_half);
    const __m512 a_small = _mm512_sub_ps(a, _mm512_castsi512_ps(a_large));
    const __m512 b_small = _mm512_sub_ps(b, _mm512_castsi512_ps(b_large));
    *large = _mm512_permutex2var_epi16(a_large, odd, b_large);
    *small = _mm512_permutex2var_epi16(_mm512_castps_si512(a_small), odd, _mm512_castps_si512(b_small));
}

/* Sixteen rows of sixteen 32-bit numbers, transposed and stored. */
INLINE void transpose(__m512i r[SIDE], char *to)
{
    __m512i t[SIDE];
    for (int i = 0; i < SIDE; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < SIDE; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        const __m512i a = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88), b = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
        const __m512i c = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
        const __m512i d = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
        _mm512_storeu_si512(to + i * STEP_BYTES, _mm512_shuffle_i32x4(a, c, 0x88));
        _mm512_storeu_si512(to + (i + 4) * STEP_BYTES, _mm512_shuffle_i32x4(b, d, 0x88));
        _mm512_storeu_si512(to + (i + 8) * STEP_BYTES, _mm512_shuffle_i32x4(a, c, 0xdd));
        _mm512_storeu_si512(to + (i + 12) * STEP_BYTES, _mm512_shuffle_i32x4(b, d, 0xdd));
    }
}

/* Sixteen rows by 32 weights as second operands: one of bfloat16 weights, two of binary16. Rows from n_rows on are
 * zeros. */
INLINE void transpose_step(weights type, const char *rows, size_t row_bytes, int n_rows, char *to)
{
    __m512i large[SIDE], small[SIDE];
    for (int r = 0; r < SIDE; r++) {
        const __m512i row = r < n_rows ? _mm512_loadu_si512(rows + (size_t)r * row_bytes) : _mm512_setzero_si512();
        if (type == F16)
            split_half(row, &large[r], &small[r]);
        else
            large[r] = row;
    }
    transpose(large, to);
    if (type == F16)
        transpose(small, to + TILE_BYTES);
}

/* ---- tiles ---- */

typedef struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} tile_config;

/* Tiles 0 … 5 are sums, 6 the first operand, 7 the second. */
TARGET static void configure(int first_rows, int second_columns)
{
    tile_config c = { .palette = 1 };
    for (int i = 0; i < 6; i++) {
        c.rows[i] = (uint8_t)first_rows;
        c.row_bytes[i] = (uint16_t)(second_columns * 4);
    }
    c.rows[6] = (uint8_t)first_rows;
    c.row_bytes[6] = STEP_BYTES;
    c.rows[7] = SIDE;
    c.row_bytes[7] = (uint16_t)(second_columns * 4);
    MEMORY_BARRIER();
    _tile_loadconfig(&c);
}

/* A sum is never -0: which zero is added to one that is must not matter. */
static float whole(float large, float middle, float small)
{
    return (large + (middle + small)) + 0.0F;
}

/* ---- many tokens: activations are the first operand ---- */

/* sums[g][s]: of part s of 16 activations with the 16 rows g. A second operand is used while it is there. */
INLINE void many_step(weights type, bool both, const char *acts, size_t act_bytes, const char *w0, const char *w1)
{
    if (type == BF16) {
        _tile_loadd(6, acts, act_bytes);
        _tile_loadd(7, w0, STEP_BYTES);
        _tile_dpbf16ps(0, 6, 7);
        if (both) {
            _tile_loadd(7, w1, STEP_BYTES);
            _tile_dpbf16ps(3, 6, 7);
            _tile_loadd(6, acts + STEP_BYTES, act_bytes);
            _tile_dpbf16ps(4, 6, 7);
            _tile_loadd(7, w0, STEP_BYTES);
        } else {
            _tile_loadd(6, acts + STEP_BYTES, act_bytes);
        }
        _tile_dpbf16ps(1, 6, 7);
        _tile_loadd(6, acts + 2 * STEP_BYTES, act_bytes);
        _tile_dpbf16ps(2, 6, 7);
        if (both) {
            _tile_loadd(7, w1, STEP_BYTES);
            _tile_dpbf16ps(5, 6, 7);
        }
        return;
    }
    _tile_loadd(6, acts, act_bytes);
    _tile_loadd(7, w0, STEP_BYTES);
    _tile_dpbf16ps(0, 6, 7);
    _tile_loadd(7, w0 + TILE_BYTES, STEP_BYTES);
    _tile_dpbf16ps(1, 6, 7);
    if (both) {
        _tile_loadd(7, w1 + TILE_BYTES, STEP_BYTES);
        _tile_dpbf16ps(4, 6, 7);
        _tile_loadd(7, w1, STEP_BYTES);
        _tile_dpbf16ps(3, 6, 7);
        _tile_loadd(6, acts + STEP_BYTES, act_bytes);
        _tile_loadd(7, w1 + TILE_BYTES, STEP_BYTES);
        _tile_dpbf16ps(5, 6, 7);
        _tile_loadd(7, w1, STEP_BYTES);
        _tile_dpbf16ps(4, 6, 7);
        _tile_loadd(7, w0 + TILE_BYTES, STEP_BYTES);
    } else {
        _tile_loadd(6, acts + STEP_BYTES, act_bytes);
    }
    _tile_dpbf16ps(2, 6, 7);
    _tile_loadd(7, w0, STEP_BYTES);
    _tile_dpbf16ps(1, 6, 7);
    _tile_loadd(6, acts + 2 * STEP_BYTES, act_bytes);
    _tile_dpbf16ps(2, 6, 7);
    if (both) {
        _tile_loadd(7, w1, STEP_BYTES);
        _tile_dpbf16ps(5, 6, 7);
    }
}

INLINE void zero_sums(void)
{
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_zero(4);
    _tile_zero(5);
}

INLINE void store_sums(char *to, size_t row_bytes)
{
    _tile_stored(0, to, row_bytes);
    _tile_stored(1, to + TILE_BYTES, row_bytes);
    _tile_stored(2, to + 2 * TILE_BYTES, row_bytes);
    _tile_stored(3, to + 3 * TILE_BYTES, row_bytes);
    _tile_stored(4, to + 4 * TILE_BYTES, row_bytes);
    _tile_stored(5, to + 5 * TILE_BYTES, row_bytes);
    MEMORY_BARRIER();
}

INLINE void many_tokens(weights type, bool both, const char *panel, size_t row_bytes, int n_rows, int64_t k,
                        const char *acts, size_t act_bytes, int n_tokens, float *out, size_t out_stride, char *scratch)
{
    const size_t step_bytes = (type == F16 ? 2 : 1) * TILE_BYTES;
    const int64_t n_steps = k / STEP;
    const int second = n_rows - SIDE;
    _Alignas(64) char last[2][2 * TILE_BYTES], rows[TILE_BYTES], act[SIDE][SPLIT_BYTES];
    _Alignas(64) float sums[2][SPLIT][SIDE][SIDE];
    char *w0 = scratch, *w1 = scratch + (size_t)n_steps * step_bytes;
    for (int64_t i = 0; i < n_steps; i++) {
        const char *from = panel + (size_t)i * STEP_BYTES;
        transpose_step(type, from, row_bytes, n_rows < SIDE ? n_rows : SIDE, w0 + (size_t)i * step_bytes);
        if (both)
            transpose_step(type, from + SIDE * row_bytes, row_bytes, second, w1 + (size_t)i * step_bytes);
    }
    if (k % STEP) {
        last_weights(panel, row_bytes, n_rows < SIDE ? n_rows : SIDE, k, rows);
        transpose_step(type, rows, STEP_BYTES, SIDE, last[0]);
        if (both) {
            last_weights(panel + SIDE * row_bytes, row_bytes, second, k, rows);
            transpose_step(type, rows, STEP_BYTES, SIDE, last[1]);
        }
    }
    for (int t = 0, n; t < n_tokens; t += n) {
        n = n_tokens - t < SIDE ? n_tokens - t : SIDE;
        if (t == 0 || n < SIDE)
            configure(n, SIDE);
        const char *at = acts + (size_t)t * act_bytes;
        zero_sums();
        for (int64_t i = 0; i < n_steps; i++)
            many_step(type, both, at + i * SPLIT_BYTES, act_bytes, w0 + (size_t)i * step_bytes,
                      w1 + (size_t)i * step_bytes);
        if (k % STEP) {
            for (int j = 0; j < n; j++)
                last_acts(at + (size_t)j * act_bytes, k, act[j]);
            MEMORY_BARRIER();
            many_step(type, both, act[0], SPLIT_BYTES, last[0], last[1]);
        }
        store_sums((char *)sums, SIDE * sizeof(float));
        for (int j = 0; j < n; j++)
            for (int r = 0; r < n_rows; r++) {
                const float(*s)[SIDE][SIDE] = sums[r / SIDE];
                out[(size_t)(t + j) * out_stride + (size_t)r] =
                    whole(s[0][j][r % SIDE], s[1][j][r % SIDE], s[2][j][r % SIDE]);
            }
    }
}

/* ---- few tokens: weights are the first operand, the parts of a token the columns of the second ---- */

enum { COLUMNS_BYTES = SIDE * SPLIT * 4 };

/* The 16 pairs of each part of 32 numbers as 16 rows of three columns. With `shifted`, the columns are zeros and the
 * two larger parts: what the small parts of binary16 weights are multiplied with. */
INLINE void make_columns(const char *acts, bool shifted, char *to)
{
    __m512i large = _mm512_loadu_si512(acts), middle = _mm512_loadu_si512(acts + STEP_BYTES);
    __m512i small = _mm512_loadu_si512(acts + 2 * STEP_BYTES);
    if (shifted) {
        small = middle;
        middle = large;
        large = _mm512_setzero_si512();
    }
    for (int v = 0; v < SPLIT; v++) { /* place 16 v + i holds pair (16 v + i) / 3 of part (16 v + i) % 3 */
        int from[SIDE];
        __mmask16 is_small = 0;
        for (int i = 0; i < SIDE; i++) {
            const int place = SIDE * v + i;
            from[i] = place / SPLIT + (place % SPLIT == 1 ? SIDE : 0);
            is_small = (__mmask16)(is_small | (place % SPLIT == 2 ? 1 << i : 0));
        }
        const __m512i index = _mm512_loadu_si512(from);
        const __m512i two = _mm512_permutex2var_epi32(large, index, middle);
        _mm512_storeu_si512(to + v * STEP_BYTES, _mm512_mask_permutexvar_epi32(two, is_small, index, small));
    }
}

/* One product for each token. */
INLINE void few_products(int n_tokens, const char *columns, size_t of_token)
{
#define PRODUCT(t)                                                                                                     \
    if (n_tokens > t) {                                                                                                \
        _tile_loadd(7, columns + t * of_token, SPLIT * 4);                                                             \
        _tile_dpbf16ps(t, 6, 7);                                                                                       \
    }
    PRODUCT(0)
    PRODUCT(1)
    PRODUCT(2)
    PRODUCT(3)
    PRODUCT(4)
    PRODUCT(5)
#undef PRODUCT
}

/* `columns`: of all tokens, and `shifted` for binary16 weights. */
INLINE void few_step(weights type, const char *rows, size_t row_bytes, int n_rows, int n_tokens, const char *columns,
                     const char *shifted, size_t of_token)
{
    if (type == BF16) {
        _tile_loadd(6, rows, row_bytes);
        few_products(n_tokens, columns, of_token);
        return;
    }
    _Alignas(64) char large[TILE_BYTES], small[TILE_BYTES];
    for (int r = 0; r < n_rows; r++) {
        __m512i a, b;
        split_half(_mm512_loadu_si512(rows + (size_t)r * row_bytes), &a, &b);
        _mm512_store_si512(large + r * STEP_BYTES, a);
        _mm512_store_si512(small + r * STEP_BYTES, b);
    }
    MEMORY_BARRIER();
    _tile_loadd(6, small, STEP_BYTES);
    few_products(n_tokens, shifted, of_token);
    _tile_loadd(6, large, STEP_BYTES);
    few_products(n_tokens, columns, of_token);
    MEMORY_BARRIER();
}

INLINE void few_tokens(weights type, const char *panel, size_t row_bytes, int n_rows, int64_t k, const char *acts,
                       size_t act_bytes, int n_tokens, float *out, size_t out_stride, char *scratch)
{
    const int64_t n_steps = k / STEP;
    const size_t of_token = (size_t)n_steps * COLUMNS_BYTES;
    char *columns = scratch, *shifted = scratch + (size_t)n_tokens * of_token;
    _Alignas(64) char last[FEW_TOKENS][COLUMNS_BYTES], last_shifted[FEW_TOKENS][COLUMNS_BYTES], rows[TILE_BYTES];
    _Alignas(64) float sums[FEW_TOKENS][SIDE * SIDE];
    for (int t = 0; t < n_tokens; t++) {
        const char *row = acts + (size_t)t * act_bytes;
        for (int64_t i = 0; i < n_steps; i++) {
            make_columns(row + i * SPLIT_BYTES, false, columns + (size_t)t * of_token + (size_t)i * COLUMNS_BYTES);
            if (type == F16)
                make_columns(row + i * SPLIT_BYTES, true, shifted + (size_t)t * of_token + (size_t)i * COLUMNS_BYTES);
        }
        if (k % STEP) {
            char act[SPLIT_BYTES];
            last_acts(row, k, act);
            make_columns(act, false, last[t]);
            make_columns(act, true, last_shifted[t]);
        }
    }
    MEMORY_BARRIER();
    for (int r0 = 0, n; r0 < n_rows; r0 += n) {
        n = n_rows - r0 < SIDE ? n_rows - r0 : SIDE;
        if (r0 == 0 || n < SIDE)
            configure(n, SPLIT);
        const char *at = panel + (size_t)r0 * row_bytes;
        zero_sums();
        for (int64_t i = 0; i < n_steps; i++) {
            for (int r = 0; r < n; r++)
                _mm_prefetch(at + (size_t)r * row_bytes + i * STEP_BYTES + AHEAD, _MM_HINT_T0);
            few_step(type, at + i * STEP_BYTES, row_bytes, n, n_tokens, columns + i * COLUMNS_BYTES,
                     shifted + i * COLUMNS_BYTES, of_token);
        }
        if (k % STEP) {
            last_weights(at, row_bytes, n, k, rows);
            MEMORY_BARRIER();
            few_step(type, rows, STEP_BYTES, n, n_tokens, last[0], last_shifted[0], COLUMNS_BYTES);
        }
        store_sums((char *)sums, SPLIT * sizeof(float));
        for (int t = 0; t < n_tokens; t++)
            for (int r = 0; r < n; r++)
                out[(size_t)t * out_stride + (size_t)(r0 + r)] =
                    whole(sums[t][r * SPLIT], sums[t][r * SPLIT + 1], sums[t][r * SPLIT + 2]);
    }
}

/* ---- the tiles ---- */

INLINE void dot(weights type, const char *panel, size_t row_bytes, int n_rows, int64_t k, const char *acts,
                size_t act_bytes, int n_tokens, float *out, size_t out_stride, char *scratch)
{
    switch (n_tokens) {
#define FEW(n)                                                                                                         \
    case n:                                                                                                            \
        few_tokens(type, panel, row_bytes, n_rows, k, acts, act_bytes, n, out, out_stride, scratch);                   \
        break;
        FEW(1)
        FEW(2)
        FEW(3)
        FEW(4)
        FEW(5)
        FEW(6)
#undef FEW
    default:
        if (n_rows > SIDE)
            many_tokens(type, true, panel, row_bytes, n_rows, k, acts, act_bytes, n_tokens, out, out_stride, scratch);
        else
            many_tokens(type, false, panel, row_bytes, n_rows, k, acts, act_bytes, n_tokens, out, out_stride, scratch);
    }
    _tile_release();
}

TARGET static void dot_bf16(const bora_quant *quant, const void *panel, size_t row_bytes, int n_rows, int64_t k,
                            const void *acts, size_t act_bytes, int n_tokens, float *out, size_t out_stride,
                            float *scratch)
{
    (void)quant;
    dot(BF16, panel, row_bytes, n_rows, k, acts, act_bytes, n_tokens, out, out_stride, (char *)scratch);
}

TARGET static void dot_f16(const bora_quant *quant, const void *panel, size_t row_bytes, int n_rows, int64_t k,
                           const void *acts, size_t act_bytes, int n_tokens, float *out, size_t out_stride,
                           float *scratch)
{
    (void)quant;
    dot(F16, panel, row_bytes, n_rows, k, acts, act_bytes, n_tokens, out, out_stride, (char *)scratch);
}

/* The system keeps the tiles of a process only after the process has asked for it. */
bool cpu_has_matrix_unit(void)
{
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18, AMX_BF16 = 1 << 22, AMX_TILE = 1 << 24 };
    unsigned eax, ebx, ecx, edx;
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (edx & AMX_BF16) &&
           (edx & AMX_TILE) && syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}

const bora_tile cpu_tile_bf16_amx = {
    .panel_rows = PANEL_ROWS, .max_tokens = MANY_TOKENS, .activation = &activation, .dot = dot_bf16
};
const bora_tile cpu_tile_f16_amx = {
    .panel_rows = PANEL_ROWS, .max_tokens = MANY_TOKENS, .activation = &activation, .dot = dot_f16
};

#else

bool cpu_has_matrix_unit(void)
{
    return false;
}

const bora_tile cpu_tile_bf16_amx = { 0 }, cpu_tile_f16_amx = { 0 };
#endif
