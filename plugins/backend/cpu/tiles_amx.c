/* Tiles for bfloat16 weights by the matrix unit of x86 processors that have one (AMX), with the accuracy of floats.
 *
 * The unit multiplies bfloat16 numbers and adds floats. A float is the sum of three bfloat16 numbers, exactly: 24 bits,
 * eight in each. So a row of activations becomes three (the format below), and a product is three products, each in a
 * sum of its own, that are added at the end: the small ones first.
 *
 * The order of summation is that of the instruction, which is defined to the last bit: of 32 numbers of a row, those at
 * even places are multiplied and added in order, those at odd places likewise, starting from zero; the two sums are
 * added, and the result is added to the sum of the 32 numbers before. Subnormal numbers count as zero.
 *
 * Packed weights are what the instruction wants to read. Rows that are used as they lie are packed for each call; for
 * few tokens the vector unit does the same as the instruction, because packing takes longer. */
#include "cpu.h"

#ifdef CPU_MATRIX_UNIT
#include <bora/quant.h>
#include <bora/read_ahead.h>

#include <cpuid.h>
#include <immintrin.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,f16c,fma,amx-tile,amx-bf16")))
#define INLINE TARGET static inline __attribute__((always_inline))
/* A loop of few turns, a constant, that is unrolled whole: what it works on lives in registers. */
#ifdef __clang__
#define EACH(i, n) _Pragma("unroll") for (int i = 0; i < (n); i++)
#else
#define EACH(i, n) _Pragma("GCC unroll 16") for (int i = 0; i < (n); i++)
#endif

enum {
    SIDE = 16,             /* rows of a tile, and columns of 32 bits */
    STEP = 32,             /* numbers of a row that one instruction multiplies */
    STEP_BYTES = STEP * 2, /* of 16 bits: a row of a tile */
    TILE_BYTES = SIDE * STEP_BYTES,
    SPLIT = 3, /* parts of an activation */
    SPLIT_BYTES = SPLIT * STEP_BYTES,
    PANEL_ROWS = 2 * SIDE,
    PANEL_STEP_BYTES = 2 * TILE_BYTES, /* of a packed panel: two tiles */
    FEW_TOKENS = 2,                    /* by the vector unit */
    MANY_TOKENS = 128,                 /* so that packing the weights costs little */
};

/* The instructions that read and write tiles do not tell the compiler what memory they touch: this stands between them
 * and what writes and reads it otherwise. */
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

/* Rows of n weights from number `at` on, as rows of 32; numbers and rows that are not there are zeros. */
static void copy_weights(const char *rows, size_t row_bytes, int n_rows, int64_t at, int64_t n, char *to)
{
    memset(to, 0, TILE_BYTES);
    for (int r = 0; r < n_rows; r++)
        memcpy(to + r * STEP_BYTES, rows + (size_t)r * row_bytes + (size_t)at * 2, (size_t)n * 2);
}

/* ---- weights ---- */

/* Sixteen rows of sixteen 32-bit numbers, transposed. */
INLINE void transpose(__m512i r[SIDE])
{
    __m512i t[SIDE];
    EACH(i, SIDE / 2)
    {
        t[2 * i] = _mm512_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
        t[2 * i + 1] = _mm512_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
    }
    EACH(i, SIDE / 4)
    {
        r[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
        r[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
        r[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
        r[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
    }
    EACH(i, 4)
    {
        const __m512i a = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88), b = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
        const __m512i c = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
        const __m512i d = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
        r[i] = _mm512_shuffle_i32x4(a, c, 0x88);
        r[i + 4] = _mm512_shuffle_i32x4(b, d, 0x88);
        r[i + 8] = _mm512_shuffle_i32x4(a, c, 0xdd);
        r[i + 12] = _mm512_shuffle_i32x4(b, d, 0xdd);
    }
}

/* Sixteen rows by 32 weights: pair i of all rows in columns[i]. In place of a row that is not there is the last one:
 * nobody asks for its results. */
INLINE void load_columns(const char *rows, size_t row_bytes, int n_rows, __m512i columns[SIDE])
{
    EACH(r, SIDE) columns[r] = _mm512_loadu_si512(rows + (size_t)(r < n_rows ? r : n_rows - 1) * row_bytes);
    transpose(columns);
}

/* A panel is two tiles for each 32 columns, with what is left of k: of pair i of the tile's rows. What is not there is
 * zero. */
TARGET static size_t panel_bytes(int64_t k)
{
    return ((size_t)k + STEP - 1) / STEP * PANEL_STEP_BYTES;
}

TARGET static void pack(const bora_quant *quant, const void *rows, size_t row_bytes, int n_rows, int64_t k, void *panel)
{
    (void)quant;
    _Alignas(64) char copies[TILE_BYTES];
    for (int64_t at = 0; at < k; at += STEP)
        for (int r = 0; r < PANEL_ROWS; r += SIDE) {
            char *to = (char *)panel + (size_t)(at / STEP) * PANEL_STEP_BYTES + (size_t)(r / SIDE) * TILE_BYTES;
            const int n = n_rows - r < SIDE ? n_rows - r : SIDE;
            const char *from = (const char *)rows + (size_t)r * row_bytes;
            __m512i columns[SIDE];
            if (n == SIDE && k - at >= STEP) {
                load_columns(from + at * 2, row_bytes, SIDE, columns);
            } else {
                copy_weights(from, row_bytes, n, at, k - at < STEP ? k - at : STEP, copies);
                load_columns(copies, STEP_BYTES, SIDE, columns);
            }
            EACH(i, SIDE) _mm512_storeu_si512(to + i * STEP_BYTES, columns[i]);
        }
}

/* ---- tiles ---- */

typedef struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} tile_config;

/* Tiles 0 … 5 are sums, 6 the first operand: n_acts rows of activations; 7 the second: 16 rows of weights. */
TARGET static void configure(int n_acts)
{
    tile_config c = { .palette = 1 };
    for (int i = 0; i < 8; i++) {
        c.rows[i] = (uint8_t)(i == 7 ? SIDE : n_acts);
        c.row_bytes[i] = STEP_BYTES;
    }
    MEMORY_BARRIER();
    _tile_loadconfig(&c);
}

/* ---- packed weights: activations are the first operand ---- */

INLINE void step_ahead(const char *step)
{
    const uintptr_t at = (uintptr_t)step / BORA_READ_AHEAD_COLUMN * BORA_READ_AHEAD_COLUMN;
    EACH(i, PANEL_STEP_BYTES / BORA_READ_AHEAD_COLUMN) bora_read_ahead(at + (uintptr_t)(i * BORA_READ_AHEAD_COLUMN));
}

INLINE void one_step(const char *act, const char *weights)
{
    _tile_loadd(6, act, STEP_BYTES);
    _tile_loadd(7, weights, STEP_BYTES);
    _tile_dpbf16ps(0, 6, 7);
    _tile_loadd(7, weights + TILE_BYTES, STEP_BYTES);
    _tile_dpbf16ps(1, 6, 7);
}

/* One token: its three parts are the rows of the first operand. */
TARGET static void one_token(const char *panel, int n_rows, int64_t k, const char *act, float *out)
{
    const size_t n_steps = (size_t)k / STEP;
    _Alignas(64) float sums[2][SPLIT][SIDE], results[PANEL_ROWS];
    _Alignas(64) char last[SPLIT_BYTES];
    configure(SPLIT);
    _tile_zero(0);
    _tile_zero(1);
    for (size_t i = 0; i < n_steps; i++) {
        const char *step = panel + i * PANEL_STEP_BYTES;
        step_ahead(step);
        one_step(act + i * SPLIT_BYTES, step);
    }
    if (k % STEP) {
        last_acts(act, k, last);
        MEMORY_BARRIER();
        one_step(last, panel + n_steps * PANEL_STEP_BYTES);
    }
    _tile_stored(0, sums[0], STEP_BYTES);
    _tile_stored(1, sums[1], STEP_BYTES);
    _tile_release();
    MEMORY_BARRIER();
    for (int r = 0; r < PANEL_ROWS; r++)
        results[r] = sums[r / SIDE][0][r % SIDE] + (sums[r / SIDE][1][r % SIDE] + sums[r / SIDE][2][r % SIDE]);
    memcpy(out, results, (size_t)n_rows * sizeof *out);
}

/* Sums g * 3 + s: of part s of 16 activations with the 16 rows g. A second operand is used while it is there. */
INLINE void many_step(const char *acts, size_t act_bytes, const char *weights)
{
    _tile_loadd(6, acts, act_bytes);
    _tile_loadd(7, weights, STEP_BYTES);
    _tile_dpbf16ps(0, 6, 7);
    _tile_loadd(7, weights + TILE_BYTES, STEP_BYTES);
    _tile_dpbf16ps(3, 6, 7);
    _tile_loadd(6, acts + STEP_BYTES, act_bytes);
    _tile_dpbf16ps(4, 6, 7);
    _tile_loadd(7, weights, STEP_BYTES);
    _tile_dpbf16ps(1, 6, 7);
    _tile_loadd(6, acts + 2 * STEP_BYTES, act_bytes);
    _tile_dpbf16ps(2, 6, 7);
    _tile_loadd(7, weights + TILE_BYTES, STEP_BYTES);
    _tile_dpbf16ps(5, 6, 7);
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

TARGET static void many_tokens(const char *panel, int n_rows, int64_t k, const char *acts, size_t act_bytes,
                               int n_tokens, float *out, size_t out_stride)
{
    const size_t n_steps = (size_t)k / STEP;
    _Alignas(64) char last[SIDE][SPLIT_BYTES];
    _Alignas(64) float sums[2][SPLIT][SIDE][SIDE];
    for (int t = 0, n; t < n_tokens; t += n) {
        n = n_tokens - t < SIDE ? n_tokens - t : SIDE;
        if (t == 0 || n < SIDE)
            configure(n);
        const char *at = acts + (size_t)t * act_bytes;
        zero_sums();
        for (size_t i = 0; i < n_steps; i++) {
            const char *step = panel + i * PANEL_STEP_BYTES;
            if (t == 0)
                step_ahead(step);
            many_step(at + i * SPLIT_BYTES, act_bytes, step);
        }
        if (k % STEP) {
            for (int j = 0; j < n; j++)
                last_acts(at + (size_t)j * act_bytes, k, last[j]);
            MEMORY_BARRIER();
            many_step(last[0], SPLIT_BYTES, panel + n_steps * PANEL_STEP_BYTES);
        }
        store_sums((char *)sums, SIDE * sizeof(float));
        for (int j = 0; j < n; j++)
            for (int r = 0; r < n_rows; r++) {
                const float(*s)[SIDE][SIDE] = sums[r / SIDE];
                out[(size_t)(t + j) * out_stride + (size_t)r] =
                    s[0][j][r % SIDE] + (s[1][j][r % SIDE] + s[2][j][r % SIDE]);
            }
    }
    _tile_release();
}

/* ---- weights as they lie, few tokens: the same by the vector unit, a row in each lane ---- */

/* A step of a row of activations as floats: [part][odd or even][pair]. */
INLINE void widen_step(const char *acts, float *to)
{
    for (int s = 0; s < SPLIT; s++) {
        const __m512i x = _mm512_loadu_si512(acts + s * STEP_BYTES);
        _mm512_storeu_si512(to + (2 * s) * SIDE, _mm512_slli_epi32(x, 16));
        _mm512_storeu_si512(to + (2 * s + 1) * SIDE, _mm512_and_si512(x, _mm512_set1_epi32((int)0xffff0000)));
    }
}

enum { WIDE_STEP = SPLIT * 2 * SIDE };

/* Adds the products of some steps to the sums of each token. */
INLINE void few_steps(int64_t n_steps, const char *rows, size_t row_bytes, int n_rows, int n_tokens, const float *acts,
                      size_t of_token, __m512 sums[FEW_TOKENS][SPLIT])
{
    const __m512i high_half = _mm512_set1_epi32((int)0xffff0000);
    for (; n_steps > 0; n_steps--, rows += STEP_BYTES, acts += WIDE_STEP) {
        __m512i columns[SIDE];
        load_columns(rows, row_bytes, n_rows, columns);
        EACH(t, n_tokens)
        {
            const float *x = acts + (size_t)t * of_token;
            __m512 chains[2 * SPLIT];
            EACH(c, 2 * SPLIT) chains[c] = _mm512_setzero_ps();
            EACH(i, SIDE)
            {
                const __m512 even = _mm512_castsi512_ps(_mm512_slli_epi32(columns[i], 16));
                const __m512 odd = _mm512_castsi512_ps(_mm512_and_si512(columns[i], high_half));
                EACH(s, SPLIT)
                {
                    chains[2 * s] = _mm512_fmadd_ps(even, _mm512_set1_ps(x[2 * s * SIDE + i]), chains[2 * s]);
                    chains[2 * s + 1] =
                        _mm512_fmadd_ps(odd, _mm512_set1_ps(x[(2 * s + 1) * SIDE + i]), chains[2 * s + 1]);
                }
            }
            EACH(s, SPLIT) sums[t][s] = _mm512_add_ps(sums[t][s], _mm512_add_ps(chains[2 * s], chains[2 * s + 1]));
        }
    }
}

TARGET static void few_rows(int64_t n_steps, const char *rows, size_t row_bytes, int n_rows, int n_tokens,
                            const float *acts, size_t of_token, __m512 sums[FEW_TOKENS][SPLIT])
{
    for (int t = 0; t < n_tokens; t++)
        few_steps(n_steps, rows, row_bytes, n_rows, 1, acts + (size_t)t * of_token, of_token, sums + t);
}

INLINE void few_tokens(const char *panel, size_t row_bytes, int n_rows, int64_t k, const char *acts, size_t act_bytes,
                       int n_tokens, float *out, size_t out_stride, float *scratch)
{
    const int64_t n_steps = k / STEP;
    const size_t of_token = (size_t)n_steps * WIDE_STEP;
    _Alignas(64) float last[FEW_TOKENS][WIDE_STEP], results[SIDE];
    _Alignas(64) char rows[TILE_BYTES];
    const unsigned mode = _mm_getcsr();
    _mm_setcsr(mode | 0x8040); /* subnormal numbers count as zero, as to the matrix unit */
    for (int t = 0; t < n_tokens; t++) {
        const char *row = acts + (size_t)t * act_bytes;
        for (int64_t i = 0; i < n_steps; i++)
            widen_step(row + i * SPLIT_BYTES, scratch + (size_t)t * of_token + i * WIDE_STEP);
        if (k % STEP) {
            char act[SPLIT_BYTES];
            last_acts(row, k, act);
            widen_step(act, last[t]);
        }
    }
    for (int r0 = 0; r0 < n_rows; r0 += SIDE) {
        const int n = n_rows - r0 < SIDE ? n_rows - r0 : SIDE;
        const char *at = panel + (size_t)r0 * row_bytes;
        __m512 sums[FEW_TOKENS][SPLIT];
        for (int t = 0; t < n_tokens; t++)
            for (int s = 0; s < SPLIT; s++)
                sums[t][s] = _mm512_setzero_ps();
        if (n == SIDE)
            few_steps(n_steps, at, row_bytes, SIDE, n_tokens, scratch, of_token, sums);
        else
            few_rows(n_steps, at, row_bytes, n, n_tokens, scratch, of_token, sums);
        if (k % STEP) {
            copy_weights(at, row_bytes, n, k - k % STEP, k % STEP, rows);
            few_rows(1, rows, STEP_BYTES, SIDE, n_tokens, last[0], WIDE_STEP, sums);
        }
        for (int t = 0; t < n_tokens; t++) {
            _mm512_store_ps(results, _mm512_add_ps(sums[t][0], _mm512_add_ps(sums[t][1], sums[t][2])));
            memcpy(out + (size_t)t * out_stride + r0, results, (size_t)n * sizeof *out);
        }
    }
    _mm_setcsr(mode);
}

/* ---- the tiles ---- */

TARGET static void dot_packed(const bora_quant *quant, const void *panel, size_t row_bytes, int n_rows, int64_t k,
                              const void *acts, size_t act_bytes, int n_tokens, float *out, size_t out_stride,
                              float *scratch)
{
    (void)quant, (void)row_bytes, (void)scratch;
    if (n_tokens == 1)
        one_token(panel, n_rows, k, acts, out);
    else
        many_tokens(panel, n_rows, k, acts, act_bytes, n_tokens, out, out_stride);
}

TARGET static void dot(const bora_quant *quant, const void *panel, size_t row_bytes, int n_rows, int64_t k,
                       const void *acts, size_t act_bytes, int n_tokens, float *out, size_t out_stride, float *scratch)
{
    switch (n_tokens) {
#define FEW(n)                                                                                                         \
    case n:                                                                                                            \
        few_tokens(panel, row_bytes, n_rows, k, acts, act_bytes, n, out, out_stride, scratch);                         \
        break;
        FEW(1)
        FEW(2)
#undef FEW
    default:
        pack(quant, panel, row_bytes, n_rows, k, scratch);
        many_tokens((const char *)scratch, n_rows, k, acts, act_bytes, n_tokens, out, out_stride);
    }
}

/* A packed panel, or the activations of few tokens, which take less. */
TARGET static size_t scratch_bytes(int64_t k, int n_tokens)
{
    (void)n_tokens;
    return panel_bytes(k);
}

static size_t no_scratch(int64_t k, int n_tokens)
{
    (void)k, (void)n_tokens;
    return 0;
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

const bora_tile cpu_tile_bf16_amx = { .panel_rows = PANEL_ROWS,
                                      .max_tokens = MANY_TOKENS,
                                      .activation = &activation,
                                      .activation_is_exact = true,
                                      .dot = dot,
                                      .scratch_bytes = scratch_bytes };
const bora_tile cpu_tile_bf16_amx_packed = { .panel_rows = PANEL_ROWS,
                                             .max_tokens = MANY_TOKENS,
                                             .activation = &activation,
                                             .activation_is_exact = true,
                                             .panel_bytes = panel_bytes,
                                             .pack = pack,
                                             .dot = dot_packed,
                                             .scratch_bytes = no_scratch };

#endif
