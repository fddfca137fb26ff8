#include "pack.h"

#include "../layout.h"
#include "vectors.h"

enum { LARGEST_BLOCK = 256 };

/* Bytes `offset` ... of each row go to PANEL_ROWS * offset ... of the panel: see unpack.h. */
static void pack_field(const uint8_t *rows, size_t stride, size_t offset, int size, uint8_t *panel)
{
    const uint8_t *from = rows + offset;
    uint8_t *to = panel + PANEL_ROWS * offset;
    words w[4];
    switch (size) {
    case 16:
        load_16(from, stride, w);
        memcpy(to, w, sizeof w);
        break;
    case 4:
        for (int r = 0; r < PANEL_ROWS; r++)
            memcpy(to + 4 * r, from + (size_t)r * stride, 4);
        break;
    case 2:
        for (int r = 0; r < PANEL_ROWS; r++)
            memcpy(to + 2 * r, from + (size_t)r * stride, 2);
        break;
    default:
        for (int r = 0; r < PANEL_ROWS; r++)
            to[r] = from[(size_t)r * stride];
    }
}

/* `fields` are the sizes of a block's fields, in order; they end with 0. */
INLINE void pack(const uint8_t fields[], size_t block_bytes, const uint8_t *rows, size_t row_bytes, int n_rows,
                 int64_t n_blocks, uint8_t *panel)
{
    uint8_t copies[PANEL_ROWS * LARGEST_BLOCK];
    if (n_rows < PANEL_ROWS)
        memset(copies, 0, sizeof copies);
    for (int64_t b = 0; b < n_blocks; b++, rows += block_bytes, panel += PANEL_ROWS * block_bytes) {
        const uint8_t *from = rows;
        size_t stride = row_bytes;
        if (n_rows < PANEL_ROWS) { /* zeros for rows that a matrix does not have */
            for (int r = 0; r < n_rows; r++)
                memcpy(copies + (size_t)r * block_bytes, rows + (size_t)r * row_bytes, block_bytes);
            from = copies;
            stride = block_bytes;
        }
        size_t offset = 0;
        for (int i = 0; fields[i]; offset += fields[i++])
            pack_field(from, stride, offset, fields[i], panel);
    }
}

#define PANEL_BYTES(NAME, BLOCK_ELEMS)                                                                                 \
    size_t panel_bytes_##NAME(int64_t k)                                                                               \
    {                                                                                                                  \
        return (size_t)(k / BLOCK_ELEMS) * PANEL_ROWS * sizeof(NAME##_block);                                          \
    }

#define FORMAT(NAME, BLOCK_ELEMS, ...)                                                                                 \
    PANEL_BYTES(NAME, BLOCK_ELEMS)                                                                                     \
    void pack_##NAME(const bora_quant *quant, const void *rows, size_t row_bytes, int n_rows, int64_t k, void *panel)  \
    {                                                                                                                  \
        (void)quant;                                                                                                   \
        static const uint8_t fields[] = { __VA_ARGS__, 0 };                                                            \
        pack(fields, sizeof(NAME##_block), rows, row_bytes, n_rows, k / BLOCK_ELEMS, panel);                           \
    }

FORMAT(q4_0, SMALL_BLOCK, 2, 16)
FORMAT(q4_1, SMALL_BLOCK, 4, 16)
FORMAT(q5_0, SMALL_BLOCK, 2, 4, 16)
FORMAT(q5_1, SMALL_BLOCK, 4, 4, 16)
FORMAT(q8_0, SMALL_BLOCK, 2, 16, 16)
FORMAT(mxfp4, SMALL_BLOCK, 1, 16)
FORMAT(q2_k, SUPER_BLOCK, 16, 16, 16, 16, 16, 4)
FORMAT(q3_k, SUPER_BLOCK, 16, 16, 16, 16, 16, 16, 4, 4, 4, 2)
FORMAT(q4_k, SUPER_BLOCK, 16, 16, 16, 16, 16, 16, 16, 16, 16)
/* Each scale is a field of its own. */
FORMAT(q6_k, SUPER_BLOCK, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
       1, 2)

PANEL_BYTES(q5_k, SUPER_BLOCK)

/* The fifth bits of blocks 2 p and 2 p + 1, which share their bytes' nibbles, become bits 4 + p and p: four apart, as
 * the nibbles are, so that one mask serves both. */
static void pair_fifth_bits(uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const unsigned b = bytes[i];
        unsigned paired = 0;
        for (int p = 0; p < 4; p++)
            paired |= (b >> (2 * p) & 1) << (4 + p) | (b >> (2 * p + 1) & 1) << p;
        bytes[i] = (uint8_t)paired;
    }
}

void pack_q5_k(const bora_quant *quant, const void *rows, size_t row_bytes, int n_rows, int64_t k, void *panel)
{
    (void)quant;
    static const uint8_t fields[] = { 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 0 };
    pack(fields, sizeof(q5_k_block), rows, row_bytes, n_rows, k / SUPER_BLOCK, panel);
    uint8_t *bits = (uint8_t *)panel + PANEL_ROWS * offsetof(q5_k_block, qh);
    for (int64_t b = 0; b < k / SUPER_BLOCK; b++, bits += PANEL_ROWS * sizeof(q5_k_block))
        pair_fifth_bits(bits, PANEL_ROWS * sizeof((q5_k_block *)0)->qh);
}
