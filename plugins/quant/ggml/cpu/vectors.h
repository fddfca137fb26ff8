/* Sixteen lanes, one for each row of a panel, whatever registers the processor has.
 *
 * A `words` holds four bytes of each of 16 rows: lane r is row r. It is one, two or four registers, and everything here
 * is done register by register, so one source serves AVX-512, AVX2, NEON and SSE2: which one is chosen by the flags
 * that a file is compiled with. Only what plain vector arithmetic cannot say is written for each. */
#ifndef GGML_CPU_VECTORS_H
#define GGML_CPU_VECTORS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "../half.h"

#if defined(__AVX512F__)
#define REGISTER_BYTES 64
#elif defined(__AVX2__)
#define REGISTER_BYTES 32
#else
#define REGISTER_BYTES 16
#endif

enum {
    PANEL_ROWS = 16,
    N_REGISTERS = 64 / REGISTER_BYTES,
    LANES = 16 / N_REGISTERS, /* of a register */
};

/* Constants reach the loops by inlining. Sanitizers look at every access of every copy, so they get fewer copies. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INLINE static inline
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define INLINE static inline
#endif
#endif
#ifndef INLINE
#define INLINE static inline __attribute__((always_inline))
#endif

/* A short loop, wholly unrolled: what it works on stays in registers, if these are large enough for it. Clang does so
 * by itself. */
#if REGISTER_BYTES > 16 && !defined(__clang__)
#define UNROLL(...) _Pragma("GCC unroll 16") for (__VA_ARGS__)
#else
#define UNROLL(...) for (__VA_ARGS__)
#endif

/* Leaves x in a register as it is: the compiler would rather count with many pointers than add to few. */
#define KEEP(x) __asm__("" : "+r"(x))

typedef uint32_t word_register __attribute__((vector_size(REGISTER_BYTES)));
typedef uint8_t byte_register __attribute__((vector_size(REGISTER_BYTES)));
typedef int32_t int_register __attribute__((vector_size(REGISTER_BYTES)));
typedef float float_register __attribute__((vector_size(REGISTER_BYTES)));

typedef struct words {
    word_register r[N_REGISTERS];
} words;

typedef struct ints {
    int_register r[N_REGISTERS];
} ints;

typedef struct floats {
    float_register r[N_REGISTERS];
} floats;

#define EACH_REGISTER(q) UNROLL(int q = 0; q < N_REGISTERS; q++)

/* ---- arithmetic ---- */

INLINE words and_words(words a, uint32_t mask)
{
    EACH_REGISTER(q)
    a.r[q] &= mask;
    return a;
}

/* The low nibble of each byte of `nibbles`, below bits of the high nibble of `high`. Where that is one instruction,
 * `high` has to have no others there (only_bits()); else they are left out now. */
INLINE words join_nibbles(words nibbles, words high, uint32_t bits)
{
    EACH_REGISTER(q)
#if defined(__AVX512F__)
    nibbles.r[q] = (word_register)_mm512_ternarylogic_epi32((__m512i)high.r[q], (__m512i)nibbles.r[q],
                                                            _mm512_set1_epi32(0x0f0f0f0f), 0xd8);
    (void)bits;
#else
    nibbles.r[q] = (nibbles.r[q] & 0x0f0f0f0f) | (high.r[q] & bits);
#endif
    return nibbles;
}

/* What join_nibbles() wants of `high`, before it is shifted to where it belongs. */
INLINE words only_bits(words a, uint32_t bits)
{
#if defined(__AVX512F__)
    EACH_REGISTER(q)
    a.r[q] &= bits;
#else
    (void)bits;
#endif
    return a;
}

INLINE words or_words(words a, words b)
{
    EACH_REGISTER(q)
    a.r[q] |= b.r[q];
    return a;
}

INLINE words shift_left(words a, int n)
{
    EACH_REGISTER(q)
    a.r[q] <<= n;
    return a;
}

INLINE words shift_right(words a, int n)
{
    EACH_REGISTER(q)
    a.r[q] >>= n;
    return a;
}

/* Adds to each byte. */
INLINE words add_bytes(words a, uint8_t n)
{
    EACH_REGISTER(q)
    a.r[q] = (word_register)((byte_register)a.r[q] + n);
    return a;
}

INLINE floats float_words(words a)
{
    floats f;
    EACH_REGISTER(q)
    f.r[q] = __builtin_convertvector((int_register)a.r[q], float_register);
    return f;
}

INLINE floats float_ints(ints a)
{
    floats f;
    EACH_REGISTER(q)
    f.r[q] = __builtin_convertvector(a.r[q], float_register);
    return f;
}

/* Byte j of each lane. */
INLINE words byte_words(words a, int j)
{
#if defined(__AVX512BW__)
    const uint32_t low = 0x80808000u + (uint32_t)j; /* places in 16 bytes, or 0x80 for zero */
    const __m512i from = _mm512_set4_epi32((int)(low + 12), (int)(low + 8), (int)(low + 4), (int)low);
    a.r[0] = (word_register)_mm512_shuffle_epi8((__m512i)a.r[0], from);
    return a;
#else
    return and_words(shift_right(a, 8 * j), 0xff);
#endif
}

/* Likewise, as an unsigned or a signed number. */
INLINE floats float_byte(words a, int j)
{
    return float_words(byte_words(a, j));
}

INLINE floats float_signed_byte(words a, int j)
{
    ints i;
    EACH_REGISTER(q)
    i.r[q] = (int_register)(a.r[q] << (24 - 8 * j)) >> 24;
    return float_ints(i);
}

INLINE ints all_ints(int32_t n)
{
    ints i;
    EACH_REGISTER(q)
    i.r[q] = (int_register){ 0 } + n;
    return i;
}

INLINE floats all_floats(float n)
{
    floats f;
    EACH_REGISTER(q)
#if defined(__AVX512F__)
    f.r[q] = (float_register)_mm512_set1_ps(n);
#elif defined(__AVX2__)
    f.r[q] = (float_register)_mm256_set1_ps(n);
#elif defined(__aarch64__)
    f.r[q] = (float_register)vdupq_n_f32(n);
#else
    f.r[q] = (float_register){ n, n, n, n };
#endif
    return f;
}

INLINE floats multiply(floats a, floats b)
{
    EACH_REGISTER(q)
    a.r[q] *= b.r[q];
    return a;
}

INLINE floats subtract(floats a, float b)
{
    EACH_REGISTER(q)
    a.r[q] -= b;
    return a;
}

INLINE floats floats_of_bits(ints a)
{
    floats f;
    EACH_REGISTER(q)
    f.r[q] = (float_register)a.r[q];
    return f;
}

INLINE floats negate(floats a)
{
    EACH_REGISTER(q)
    a.r[q] = -a.r[q];
    return a;
}

INLINE float_register fma_register(float_register a, float_register b, float_register c)
{
#if defined(__AVX512F__)
    return (float_register)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
    return (float_register)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__aarch64__)
    return (float_register)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    for (int l = 0; l < LANES; l++)
        c[l] = __builtin_fmaf(a[l], b[l], c[l]);
    return c;
#endif
}

/* a * b + c, rounded once: the same bits everywhere. */
INLINE floats fma_floats(floats a, floats b, floats c)
{
    EACH_REGISTER(q)
    c.r[q] = fma_register(a.r[q], b.r[q], c.r[q]);
    return c;
}

INLINE floats fma_all(floats a, float b, floats c)
{
    const floats all = all_floats(b);
    return fma_floats(a, all, c);
}

/* To memory past the caches, which would have to read a line before they write it; `to` is aligned to 64 bytes. Others
 * see them after end_stream(). */
INLINE void stream_floats(float *to, floats a)
{
    EACH_REGISTER(q)
    {
#if defined(__AVX512F__)
        _mm512_stream_ps(to, (__m512)a.r[q]);
#elif defined(__AVX2__)
        _mm256_stream_ps(to + LANES * q, (__m256)a.r[q]);
#else
        memcpy(to + LANES * q, &a.r[q], sizeof a.r[q]);
#endif
    }
}

INLINE void end_stream(void)
{
#if defined(__AVX2__)
    _mm_sfence();
#endif
}

/* ---- 8-bit products ---- */

#if defined(__AVX512VNNI__) || (defined(__AVXVNNI__) && !defined(__AVX512F__))
/* The processor multiplies unsigned by signed bytes: codes around zero get 128 added, and what that adds is taken off
 * where a sum begins (product.c). */
enum { CODE_BIAS = 128 };
#else
enum { CODE_BIAS = 0 };
#endif

#if defined(__AVX2__) && !defined(__AVXVNNI__) && !defined(__AVX512VNNI__)
/* Products of bytes are added in pairs in 16 bits, and pairs there as long as they fit. Codes of fewer than 8 bits are
 * multiplied as they are stored, from zero on; what that adds is taken off where a sum begins, too. */
#define ADDS_PAIRS 1
#else
#define ADDS_PAIRS 0
#endif

/* What is added to codes around zero, of so many bits, for the multiplication. */
INLINE uint8_t code_bias(int bits)
{
    return (uint8_t)(CODE_BIAS > 0 ? CODE_BIAS : ADDS_PAIRS && bits < 8 ? 1 << (bits - 1) : 0);
}

/* acc + the product of each lane's four codes with the four numbers at x. Codes lie in -128 ... 127 plus CODE_BIAS, or
 * in 0 ... 127. */
INLINE int_register dot_register(int_register acc, word_register codes, const int8_t *x)
{
    int32_t four;
    memcpy(&four, x, sizeof four);
#if defined(__AVX512VNNI__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
    (void)four; /* gcc would load them by an instruction of their own */
    __asm__("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(acc) : "v"(codes), "m"(*(const int8_t(*)[4])x));
    return acc;
#elif defined(__AVX512VNNI__)
    return (int_register)_mm512_dpbusd_epi32((__m512i)acc, (__m512i)codes, _mm512_set1_epi32(four));
#elif defined(__AVXVNNI__)
    return (int_register)_mm256_dpbusd_avx_epi32((__m256i)acc, (__m256i)codes, _mm256_set1_epi32(four));
#elif defined(__ARM_FEATURE_DOTPROD)
    return (int_register)vdotq_s32((int32x4_t)acc, (int8x16_t)codes, vreinterpretq_s8_s32(vdupq_n_s32(four)));
#else
    for (int b = 0; b < 4; b++)
        acc += ((int_register)(codes << (24 - 8 * b)) >> 24) * x[b];
    return acc;
#endif
}

#if defined(__AVX512VNNI__)
/* The four numbers at x in all lanes, and sums of their products with codes. Loaded once: the compiler would rather
 * have each product read them again. */
INLINE words all_words(const int8_t *x)
{
    int32_t four;
    memcpy(&four, x, sizeof four);
    words all = { { (word_register)_mm512_set1_epi32(four) } };
    __asm__("" : "+v"(all.r[0]));
    return all;
}

INLINE ints dot_all(ints acc, words codes, words four)
{
    acc.r[0] = (int_register)_mm512_dpbusd_epi32((__m512i)acc.r[0], (__m512i)codes.r[0], (__m512i)four.r[0]);
    return acc;
}
#endif

INLINE ints dot_words(ints acc, words codes, const int8_t *x)
{
    EACH_REGISTER(q)
    acc.r[q] = dot_register(acc.r[q], codes.r[q], x);
    return acc;
}

#if defined(__AVX2__) && !defined(__AVX512F__)
enum { PRODUCTS_TOKENS = 4 }; /* at most: so many sums stay in registers */

/* Words of codes whose products fit 16 bits: of pairs of codes and activations, which are 127 at most. */
INLINE int words_in_16_bits(int bits)
{
    return bits <= 4 ? 8 : bits == 5 ? 4 : bits == 6 ? 2 : 1;
}

/* In 16 bits: products of two bytes each. */
INLINE __m256i pair_products(int bits, word_register codes, __m256i four)
{
    const __m256i c = (__m256i)codes;
    return bits < 8 ? _mm256_maddubs_epi16(c, four)
                    : _mm256_maddubs_epi16(_mm256_abs_epi8(c), _mm256_sign_epi8(four, c));
}

/* dots[t] += the products of n_words words of codes, of `bits` bits, with those from x[t] on. All but the pointers are
 * constants where this is inlined. */
INLINE void add_products(int bits, int n_tokens, int n_words, const words *codes, const int8_t *const *x, ints *dots)
{
#if defined(__AVXVNNI__)
    (void)bits;
    UNROLL(int j = 0; j < n_words; j++)
    UNROLL(int t = 0; t < n_tokens; t++)
    dots[t] = dot_words(dots[t], codes[j], x[t] + 4 * j);
#else
    const int most = words_in_16_bits(bits), step = most < n_words ? most : n_words;
    __m256i pairs[PRODUCTS_TOKENS][N_REGISTERS];
    UNROLL(int j = 0; j < n_words; j++)
    UNROLL(int t = 0; t < PRODUCTS_TOKENS && t < n_tokens; t++)
    {
        int32_t four;
        memcpy(&four, x[t] + 4 * j, sizeof four);
        EACH_REGISTER(q)
        {
            const __m256i pair = pair_products(bits, codes[j].r[q], _mm256_set1_epi32(four));
            pairs[t][q] = j % step == 0 ? pair : _mm256_add_epi16(pairs[t][q], pair);
            if (j % step == step - 1)
                dots[t].r[q] += (int_register)_mm256_madd_epi16(pairs[t][q], _mm256_set1_epi16(1));
        }
    }
#endif
}
#endif

/* ---- reading a panel: 16 rows that lie `stride` bytes apart ---- */

/* 16 bytes of LANES / 4 rows, four rows apart: those of a column of the matrix that is transposed. */
INLINE word_register load_rows(const uint8_t *p, size_t stride)
{
#if defined(__AVX512F__)
    __m512i v = _mm512_castsi128_si512(_mm_loadu_si128((const void *)p));
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const void *)(p + 4 * stride)), 1);
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const void *)(p + 8 * stride)), 2);
    return (word_register)_mm512_inserti32x4(v, _mm_loadu_si128((const void *)(p + 12 * stride)), 3);
#elif defined(__AVX2__)
    __m256i v = _mm256_castsi128_si256(_mm_loadu_si128((const void *)p));
    return (word_register)_mm256_inserti128_si256(v, _mm_loadu_si128((const void *)(p + 4 * stride)), 1);
#else
    (void)stride;
    word_register v;
    memcpy(&v, p, sizeof v);
    return v;
#endif
}

#if defined(__AVX512F__)
#define LOW_WORDS(a, b) (word_register) _mm512_unpacklo_epi32((__m512i)(a), (__m512i)(b))
#define HIGH_WORDS(a, b) (word_register) _mm512_unpackhi_epi32((__m512i)(a), (__m512i)(b))
#define LOW_PAIRS(a, b) (word_register) _mm512_unpacklo_epi64((__m512i)(a), (__m512i)(b))
#define HIGH_PAIRS(a, b) (word_register) _mm512_unpackhi_epi64((__m512i)(a), (__m512i)(b))
#elif defined(__AVX2__)
#define LOW_WORDS(a, b) (word_register) _mm256_unpacklo_epi32((__m256i)(a), (__m256i)(b))
#define HIGH_WORDS(a, b) (word_register) _mm256_unpackhi_epi32((__m256i)(a), (__m256i)(b))
#define LOW_PAIRS(a, b) (word_register) _mm256_unpacklo_epi64((__m256i)(a), (__m256i)(b))
#define HIGH_PAIRS(a, b) (word_register) _mm256_unpackhi_epi64((__m256i)(a), (__m256i)(b))
#else
#define LOW_WORDS(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define HIGH_WORDS(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define LOW_PAIRS(a, b) __builtin_shufflevector(a, b, 0, 1, 4, 5)
#define HIGH_PAIRS(a, b) __builtin_shufflevector(a, b, 2, 3, 6, 7)
#endif

/* The 16 bytes at p of each row, transposed: out[j] has bytes 4 j ... 4 j + 3. */
INLINE void load_16(const uint8_t *p, size_t stride, words out[4])
{
    EACH_REGISTER(q)
    {
        const uint8_t *rows = p + (size_t)(q * LANES) * stride;
        const word_register a = load_rows(rows, stride), b = load_rows(rows + stride, stride),
                            c = load_rows(rows + 2 * stride, stride), d = load_rows(rows + 3 * stride, stride);
        const word_register ab0 = LOW_WORDS(a, b), ab1 = HIGH_WORDS(a, b), cd0 = LOW_WORDS(c, d),
                            cd1 = HIGH_WORDS(c, d);
        out[0].r[q] = LOW_PAIRS(ab0, cd0);
        out[1].r[q] = HIGH_PAIRS(ab0, cd0);
        out[2].r[q] = LOW_PAIRS(ab1, cd1);
        out[3].r[q] = HIGH_PAIRS(ab1, cd1);
    }
}

/* The four bytes at p of each row. 15 * stride fits an int32_t. */
INLINE words load_4(const uint8_t *p, size_t stride)
{
    words out;
#if defined(__AVX512F__)
    const __m512i rows = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i at = _mm512_mullo_epi32(rows, _mm512_set1_epi32((int32_t)stride));
    out.r[0] = (word_register)_mm512_i32gather_epi32(at, (const void *)p, 1);
#else
    EACH_REGISTER(q)
    {
        uint32_t word[LANES];
        for (int l = 0; l < LANES; l++)
            memcpy(&word[l], p + (size_t)(q * LANES + l) * stride, sizeof *word);
#if REGISTER_BYTES == 16
        out.r[q] = (word_register){ word[0], word[1], word[2], word[3] };
#else
        memcpy(&out.r[q], word, sizeof word);
#endif
    }
#endif
    return out;
}

/* 64 bytes as they lie; 16 bytes, one for each lane. */
INLINE words load_words(const uint8_t *p)
{
    words out;
    EACH_REGISTER(q)
    memcpy(&out.r[q], p + sizeof out.r[q] * (size_t)q, sizeof out.r[q]);
    return out;
}

INLINE words widen_bytes(const uint8_t *p)
{
    words out;
    uint8_t small_register __attribute__((vector_size(LANES)));
    EACH_REGISTER(q)
    {
        memcpy(&small_register, p + sizeof small_register * (size_t)q, sizeof small_register);
        out.r[q] = __builtin_convertvector(small_register, word_register);
    }
    return out;
}

/* 16 signed bytes as they lie. */
INLINE floats float_signed_bytes(const uint8_t *p)
{
    ints out;
    EACH_REGISTER(q)
    {
#if defined(__AVX512F__)
        out.r[q] = (int_register)_mm512_cvtepi8_epi32(_mm_loadu_si128((const void *)p));
#elif defined(__AVX2__)
        out.r[q] = (int_register)_mm256_cvtepi8_epi32(_mm_loadl_epi64((const void *)(p + 8 * q)));
#else
        for (int l = 0; l < LANES; l++)
            out.r[q][l] = (int8_t)p[LANES * q + l];
#endif
    }
    return float_ints(out);
}

/* The half in the low 16 bits of each lane. */
INLINE floats float_halves(words a)
{
    floats f;
#if defined(__AVX512F__)
    f.r[0] = (float_register)_mm512_cvtph_ps(_mm512_cvtepi32_epi16((__m512i)a.r[0]));
#elif defined(__AVX2__)
    EACH_REGISTER(q)
    {
        const __m256i low = (__m256i)(a.r[q] & 0xffff);
        const __m128i halves = _mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
        f.r[q] = (float_register)_mm256_cvtph_ps(halves);
    }
#elif defined(__aarch64__)
    EACH_REGISTER(q)
    f.r[q] = (float_register)vcvt_f32_f16(vreinterpret_f16_u16(vmovn_u32((uint32x4_t)a.r[q])));
#else
    EACH_REGISTER(q)
    for (int l = 0; l < LANES; l++)
        f.r[q][l] = half_to_float((uint16_t)a.r[q][l]);
#endif
    return f;
}

/* 16 of them as they lie. */
INLINE floats load_halves(const uint8_t *p)
{
    floats f;
#if defined(__AVX512F__)
    f.r[0] = (float_register)_mm512_cvtph_ps(_mm256_loadu_si256((const void *)p));
#elif defined(__AVX2__)
    EACH_REGISTER(q)
    f.r[q] = (float_register)_mm256_cvtph_ps(_mm_loadu_si128((const void *)(p + 16 * q)));
#elif defined(__aarch64__)
    EACH_REGISTER(q)
    f.r[q] = (float_register)vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p + 8 * q)));
#else
    EACH_REGISTER(q)
    for (int l = 0; l < LANES; l++)
        f.r[q][l] = load_half(p + 2 * (q * LANES + l));
#endif
    return f;
}

/* Bits 0 ... 3 of each lane, one in each byte, as 0 or 1. */
INLINE words spread_4(words a)
{
    EACH_REGISTER(q)
    {
#if defined(__AVX512F__)
        const __m512i table = _mm512_set_epi32(0x01010101, 0x01010100, 0x01010001, 0x01010000, 0x01000101, 0x01000100,
                                               0x01000001, 0x01000000, 0x00010101, 0x00010100, 0x00010001, 0x00010000,
                                               0x00000101, 0x00000100, 0x00000001, 0x00000000);
        a.r[q] = (word_register)_mm512_permutexvar_epi32((__m512i)a.r[q], table);
#else
        a.r[q] = (a.r[q] & 15) * 0x00204081 & 0x01010101;
#endif
    }
    return a;
}

/* Each byte (0 ... 15) becomes table[byte]. */
INLINE words look_up(words a, const int8_t table[16])
{
    EACH_REGISTER(q)
    {
#if defined(__AVX512BW__)
        const __m512i t = _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)table));
        a.r[q] = (word_register)_mm512_shuffle_epi8(t, (__m512i)a.r[q]);
#elif defined(__AVX2__)
        const __m256i t = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)table));
        a.r[q] = (word_register)_mm256_shuffle_epi8(t, (__m256i)a.r[q]);
#elif defined(__aarch64__)
        a.r[q] = (word_register)vqtbl1q_s8(vld1q_s8(table), (uint8x16_t)a.r[q]);
#else
        byte_register bytes = (byte_register)a.r[q];
        for (int i = 0; i < REGISTER_BYTES; i++)
            bytes[i] = (uint8_t)table[bytes[i] & 15];
        a.r[q] = (word_register)bytes;
#endif
    }
    return a;
}

#endif
