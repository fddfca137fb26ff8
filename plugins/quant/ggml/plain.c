/* Plain numbers, one to a "block": the floats that models are trained in, and the integers, booleans and doubles that
 * checkpoints hold beside their weights. The latter can be read only: the float nearest to each. */
#include "half.h"
#include "layout.h"

static void read_f32(const void *blocks, float *out, size_t n)
{
    if (n > 0)
        memcpy(out, blocks, n * sizeof *out);
}

static void write_f32(const float *in, const float *importance, void *blocks, size_t n)
{
    (void)importance;
    if (n > 0)
        memcpy(blocks, in, n * sizeof *in);
}

/* NAME(blocks, out, n): numbers of type TYPE at any address, each turned into a float by CONVERT. */
#define READER(NAME, TYPE, CONVERT)                                                                                    \
    static void NAME(const void *blocks, float *out, size_t n)                                                         \
    {                                                                                                                  \
        const unsigned char *bytes = blocks;                                                                           \
        for (size_t i = 0; i < n; i++) {                                                                               \
            TYPE value;                                                                                                \
            memcpy(&value, bytes + i * sizeof value, sizeof value);                                                    \
            out[i] = CONVERT(value);                                                                                   \
        }                                                                                                              \
    }

#define WRITER(NAME, TYPE, CONVERT)                                                                                    \
    static void NAME(const float *in, const float *importance, void *blocks, size_t n)                                 \
    {                                                                                                                  \
        (void)importance;                                                                                              \
        unsigned char *bytes = blocks;                                                                                 \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const TYPE value = CONVERT(in[i]);                                                                         \
            memcpy(bytes + i * sizeof value, &value, sizeof value);                                                    \
        }                                                                                                              \
    }

#define AS_FLOAT(value) ((float)(value))
#define AS_TRUTH(value) ((value) != 0 ? 1.0f : 0.0f)

READER(read_f16, uint16_t, half_to_float)
WRITER(write_f16, uint16_t, half_from_float)
READER(read_bf16, uint16_t, bf16_to_float)
WRITER(write_bf16, uint16_t, bf16_from_float)
READER(read_f64, double, AS_FLOAT)
READER(read_i8, int8_t, AS_FLOAT)
READER(read_i16, int16_t, AS_FLOAT)
READER(read_i32, int32_t, AS_FLOAT)
READER(read_i64, int64_t, AS_FLOAT)
READER(read_u8, uint8_t, AS_FLOAT)
READER(read_u16, uint16_t, AS_FLOAT)
READER(read_u32, uint32_t, AS_FLOAT)
READER(read_u64, uint64_t, AS_FLOAT)
READER(read_bool, uint8_t, AS_TRUTH)

const bora_quant quant_f32 = {
    .name = "f32",
    .stored_as = NAMES("gguf:0", "safetensors:F32"),
    .plain = true,
    .block_elems = 1,
    .block_bytes = 4,
    .dequantize = read_f32,
    .quantize = write_f32,
};
const bora_quant quant_f16 = {
    .name = "f16",
    .stored_as = NAMES("gguf:1", "safetensors:F16"),
    .for_caches = true,
    .block_elems = 1,
    .block_bytes = 2,
    .dequantize = read_f16,
    .quantize = write_f16,
};
const bora_quant quant_bf16 = {
    .name = "bf16",
    .stored_as = NAMES("gguf:30", "safetensors:BF16"),
    .block_elems = 1,
    .block_bytes = 2,
    .dequantize = read_bf16,
    .quantize = write_bf16,
};

/* clang-format off */
#define READ_ONLY(NAME, BYTES, ...) \
    const bora_quant quant_##NAME = { .name = #NAME, .stored_as = NAMES(__VA_ARGS__), \
                                      .block_elems = 1, .block_bytes = BYTES, .dequantize = read_##NAME }

READ_ONLY(f64,  8, "gguf:28", "safetensors:F64");
READ_ONLY(i8,   1, "gguf:24", "safetensors:I8");
READ_ONLY(i16,  2, "gguf:25", "safetensors:I16");
READ_ONLY(i32,  4, "gguf:26", "safetensors:I32");
READ_ONLY(i64,  8, "gguf:27", "safetensors:I64");
READ_ONLY(u8,   1, "safetensors:U8");
READ_ONLY(u16,  2, "safetensors:U16");
READ_ONLY(u32,  4, "safetensors:U32");
READ_ONLY(u64,  8, "safetensors:U64");
READ_ONLY(bool, 1, "safetensors:BOOL");
/* clang-format on */
