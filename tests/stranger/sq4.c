/* A stranger's number format: 32 numbers in 20 bytes, a float scale and four bits each. */
#include <bora/quant.h>

#include <math.h>
#include <string.h>

enum { N = 32, BYTES = 4 + N / 2 };

static void sq4_quantize(const float *in, const float *importance, void *blocks, size_t n)
{
    (void)importance;
    for (unsigned char *block = blocks; n > 0; n -= N, in += N, block += BYTES) {
        float largest = 0;
        for (int i = 0; i < N; i++)
            largest = fmaxf(largest, fabsf(in[i]));
        float scale = largest / 7;
        memcpy(block, &scale, sizeof scale);
        memset(block + 4, 0, N / 2);
        for (int i = 0; i < N; i++) {
            int q = scale > 0 && isfinite(in[i] / scale) ? (int)lrintf(in[i] / scale) + 8 : 8;
            block[4 + i / 2] |= (unsigned char)(q << (i % 2 ? 4 : 0));
        }
    }
}

static void sq4_dequantize(const void *blocks, float *out, size_t n)
{
    for (const unsigned char *block = blocks; n > 0; n -= N, out += N, block += BYTES) {
        float scale;
        memcpy(&scale, block, sizeof scale);
        for (int i = 0; i < N; i++)
            out[i] = scale * (float)((block[4 + i / 2] >> (i % 2 ? 4 : 0) & 15) - 8);
    }
}

static const bora_quant sq4 = {
    .name = "sq4",
    .block_elems = N,
    .block_bytes = BYTES,
    .quantize = sq4_quantize,
    .dequantize = sq4_dequantize,
};
static const bora_quant *const quants[] = { &sq4, NULL };
static const bora_plugin plugin = { BORA_PLUGIN_ABI, .name = "sq4", .version = "1.0", .quants = quants };

BORA_PLUGIN_EXPORT const bora_plugin *bora_plugin_entry(void)
{
    return &plugin;
}
