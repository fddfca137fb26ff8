/* How the 256 codes of a super-block are spread over bytes. The pieces from which the K formats are put together: */
#ifndef GGML_PACKING_H
#define GGML_PACKING_H

#include <stdint.h>
#include <string.h>

/* Two bits of each code (its bits `shift` and `shift` + 1): byte l of each half of 32 bytes holds those of codes l,
 * l + 32, l + 64 and l + 96 of 128, lowest first. */
static inline void pack_2bit(const uint8_t codes[256], int shift, uint8_t qs[64])
{
    for (int half = 0; half < 2; half++, codes += 128, qs += 32)
        for (int l = 0; l < 32; l++)
            qs[l] = (uint8_t)((codes[l] >> shift & 3) | (codes[l + 32] >> shift & 3) << 2 |
                              (codes[l + 64] >> shift & 3) << 4 | (codes[l + 96] >> shift & 3) << 6);
}

/* Sets these bits in codes that have none there. */
static inline void unpack_2bit(const uint8_t qs[64], int shift, uint8_t codes[256])
{
    for (int half = 0; half < 2; half++, codes += 128, qs += 32)
        for (int quarter = 0; quarter < 4; quarter++)
            for (int l = 0; l < 32; l++)
                codes[32 * quarter + l] |= (uint8_t)((qs[l] >> 2 * quarter & 3) << shift);
}

/* One bit of each code (bit `shift`): bit g of byte l is that of code l + 32 g. */
static inline void pack_1bit(const uint8_t codes[256], int shift, uint8_t qh[32])
{
    memset(qh, 0, 32);
    for (int g = 0; g < 8; g++)
        for (int l = 0; l < 32; l++)
            qh[l] |= (uint8_t)((codes[32 * g + l] >> shift & 1) << g);
}

static inline void unpack_1bit(const uint8_t qh[32], int shift, uint8_t codes[256])
{
    for (int g = 0; g < 8; g++)
        for (int l = 0; l < 32; l++)
            codes[32 * g + l] |= (uint8_t)((qh[l] >> g & 1) << shift);
}

/* The low four bits of n codes in n / 2 bytes, in runs of 2 * `run` codes: byte l of a run holds code l in its low
 * nibble and code l + run in its high one. */
static inline void pack_4bit(const uint8_t *codes, int n, int run, uint8_t *qs)
{
    for (int i = 0; i < n; i += 2 * run)
        for (int l = 0; l < run; l++)
            qs[i / 2 + l] = (uint8_t)((codes[i + l] & 15) | (codes[i + l + run] & 15) << 4);
}

/* Overwrites the codes. */
static inline void unpack_4bit(const uint8_t *qs, int n, int run, uint8_t *codes)
{
    for (int i = 0; i < n; i += 2 * run)
        for (int l = 0; l < run; l++) {
            codes[i + l] = qs[i / 2 + l] & 15;
            codes[i + l + run] = qs[i / 2 + l] >> 4;
        }
}

#endif
