/* 16-bit floats in portable C: IEEE binary16 and bfloat16, exact both ways (to nearest, ties to even, as in IEEE 754).
 *
 * Nothing here depends on the processor's float mode: a worker thread that flushes subnormals to zero reads the same
 * numbers. NaNs stay NaNs and become quiet ones. Loads and stores go byte by byte, for blocks lie at any address. */
#ifndef GGML_HALF_H
#define GGML_HALF_H

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "blocks hold little-endian numbers, and this code reads them as they lie"
#endif

static inline uint32_t float_bits(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

static inline float float_of_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline float half_to_float(uint16_t half)
{
    const uint32_t sign = (half & 0x8000u) << 16, magnitude = half & 0x7fffu;
    if (magnitude >= 0x7c00u) /* infinity, or a NaN with the top bits of its payload */
        return float_of_bits(sign | 0x7f800000u | magnitude << 13 | (magnitude > 0x7c00u ? 0x400000u : 0));
    if (magnitude < 0x0400u) /* subnormal: a multiple of 2^-24 */
        return float_of_bits(sign | float_bits((float)(int)magnitude * 0x1p-24f));
    return float_of_bits(sign | ((magnitude << 13) + (112u << 23)));
}

static inline uint16_t half_from_float(float f)
{
    const uint32_t bits = float_bits(f), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
    uint32_t half;
    if (magnitude > 0x7f800000u)
        half = 0x7e00u;
    else if (magnitude >= 0x477ff000u) /* 65520, half a step above the largest: rounds to infinity */
        half = 0x7c00u;
    else if (magnitude < 0x38800000u) /* below 2^-14: 0.5 has steps of 2^-24, so the sum rounds as a subnormal does */
        half = float_bits(float_of_bits(magnitude) + 0.5f) - 0x3f000000u;
    else
        half = (magnitude - (112u << 23) + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
    return (uint16_t)(sign | half);
}

static inline float bf16_to_float(uint16_t bf16)
{
    return float_of_bits((uint32_t)bf16 << 16);
}

static inline uint16_t bf16_from_float(float f)
{
    const uint32_t bits = float_bits(f);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

static inline float load_half(const uint8_t bytes[2])
{
    uint16_t half;
    memcpy(&half, bytes, sizeof half);
    return half_to_float(half);
}

/* Stores the half nearest to f, and gives back what was stored: the scale that a reader will see. */
static inline float store_half(uint8_t bytes[2], float f)
{
    const uint16_t half = half_from_float(f);
    memcpy(bytes, &half, sizeof half);
    return half_to_float(half);
}

#endif
