/* mxfp4: 32 numbers of four bits, and the exponent that they share (OCP Microscaling Formats 1.0: e2m1 in blocks with
 * an e8m0 scale). Also the two tensors in which safetensors files hold such blocks. */
#include <math.h>

#include "half.h"
#include "layout.h"

/* Twice what each code stands for: sign, two bits of exponent, one of mantissa. */
static const int8_t doubled[16] = { 0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12 };

/* Half of the block's scale 2^(e - 127), to go with doubled numbers; subnormal for the lowest two exponents. */
static float half_scale(uint8_t e)
{
    return float_of_bits(e < 2 ? 0x00200000u << e : (uint32_t)(e - 1) << 23);
}

/* The exponent under which the largest number of a block gets one of the largest codes. */
static uint8_t exponent_for(const float *x)
{
    float peak = 0;
    for (int j = 0; j < SMALL_BLOCK; j++)
        peak = peak < fabsf(x[j]) ? fabsf(x[j]) : peak;
    if (!(peak > 0))
        return 0;
    const float e = floorf(log2f(peak)) - 2 + 127;
    return (uint8_t)(e < 0 ? 0 : e > 254 ? 254 : e);
}

/* The code nearest to x; the lower one of two that are as near. */
static uint8_t nearest_code(float x, float scale)
{
    uint8_t best = 0;
    float least = fabsf(0 * scale - x);
    for (uint8_t code = 1; code < 16; code++) {
        const float miss = fabsf((float)doubled[code] * scale - x);
        if (miss < least) {
            best = code;
            least = miss;
        }
    }
    return best;
}

static void quantize_mxfp4(const float *in, const float *importance, void *blocks, size_t n)
{
    (void)importance;
    mxfp4_block *block = blocks;
    for (size_t i = 0; i < n; i += SMALL_BLOCK, block++) {
        block->e = exponent_for(in + i);
        const float scale = half_scale(block->e);
        for (int j = 0; j < 16; j++)
            block->qs[j] =
                (uint8_t)(nearest_code(in[i + (size_t)j], scale) | nearest_code(in[i + 16 + (size_t)j], scale) << 4);
    }
}

static void dequantize_mxfp4(const void *blocks, float *out, size_t n)
{
    const mxfp4_block *block = blocks;
    for (; n > 0; n -= SMALL_BLOCK, block++, out += SMALL_BLOCK) {
        const float scale = half_scale(block->e);
        for (int j = 0; j < 16; j++) {
            out[j] = (float)doubled[block->qs[j] & 15] * scale;
            out[16 + j] = (float)doubled[block->qs[j] >> 4] * scale;
        }
    }
}

const bora_quant quant_mxfp4 = {
    .name = "mxfp4",
    .stored_as = NAMES("gguf:39"),
    .block_elems = SMALL_BLOCK,
    .block_bytes = sizeof(mxfp4_block),
    .sensitive = "q6_k",
    .dequantize = dequantize_mxfp4,
    .quantize = quantize_mxfp4,
};

/* ---- in safetensors: NAME_blocks [.., n / 32, 16] and NAME_scales [.., n / 32], bytes ----
 *
 * Byte j of a block holds numbers 2j (low nibble) and 2j + 1. Rows are outputs, where the models that use this store
 * their plain weights the other way round. */

enum { CODES, EXPONENTS };

static bool describe_mxfp4(bora_stored *s, bora_error *err)
{
    const bora_tensor_info *codes = s->parts[CODES], *exponents = s->parts[EXPONENTS];
    int n = exponents->n_dims;
    if (codes->quant->block_bytes != 1 || codes->quant->block_elems != 1 || exponents->quant->block_bytes != 1 ||
        exponents->quant->block_elems != 1)
        return bora_fail(err, BORA_FORMAT, "%s and %s must hold bytes", codes->name, exponents->name);
    bool fits = n >= 2 && codes->n_dims == n + 1 && codes->shape[n] == SMALL_BLOCK / 2;
    for (int d = 0; d < n && fits; d++)
        fits = codes->shape[d] == exponents->shape[d];
    if (!fits || exponents->shape[n - 1] > INT64_MAX / SMALL_BLOCK)
        return bora_fail(err, BORA_FORMAT, "%s must be [.., rows, blocks] and %s [.., rows, blocks, 16]",
                         exponents->name, codes->name);
    memcpy(s->shape, exponents->shape, sizeof s->shape);
    s->n_dims = n;
    s->shape[n - 1] *= SMALL_BLOCK;
    s->quant = quant_mxfp4.name;
    s->transposed = true;
    return true;
}

static void read_mxfp4(const bora_stored *s, int64_t first_row, int64_t n_rows, void *blocks)
{
    const size_t in_row = (size_t)s->shape[s->n_dims - 1] / SMALL_BLOCK, first = (size_t)first_row * in_row;
    const uint8_t *pairs = (const uint8_t *)s->parts[CODES]->data + first * 16;
    const uint8_t *exponents = (const uint8_t *)s->parts[EXPONENTS]->data + first;
    mxfp4_block *block = blocks;
    for (size_t b = 0; b < (size_t)n_rows * in_row; b++, block++, pairs += 16) {
        block->e = exponents[b];
        for (int j = 0; j < 8; j++) {
            const uint8_t low = pairs[j], high = pairs[8 + j]; /* of numbers 2j, 2j + 1 and 16 + 2j, 16 + 2j + 1 */
            block->qs[2 * j] = (uint8_t)((low & 15) | high << 4);
            block->qs[2 * j + 1] = (uint8_t)(low >> 4 | (high & 0xf0));
        }
    }
}

const bora_layout layout_mxfp4 = {
    .name = "mxfp4",
    .methods = NAMES("mxfp4"),
    .suffixes = NAMES("_blocks", "_scales"),
    .describe = describe_mxfp4,
    .read = read_mxfp4,
};
