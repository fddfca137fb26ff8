/* plugins/quant/ggml: the formats of GGUF files, through the plugin's table as the core sees it. */
#include <dlfcn.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bora/quant.h>

#include "base/file.h"

static const bora_quant *const *quants;

static const bora_quant *find(const char *name)
{
    for (size_t i = 0; quants[i] != NULL; i++)
        if (strcmp(quants[i]->name, name) == 0)
            return quants[i];
    fail_msg("no format %s", name);
    return NULL;
}

static int load_plugin(void **state)
{
    const char *build = getenv("BORA_BUILD");
    char *path = path_join(build != NULL ? build : "build", "lib/bora/plugins/ggml.so");
    void *handle = path != NULL ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    free(path);
    if (handle == NULL) {
        print_error("%s\n", dlerror());
        return -1;
    }
    const bora_plugin *(*entry)(void);
    *(void **)&entry = dlsym(handle, "bora_plugin_entry");
    if (entry == NULL)
        return -1;
    quants = entry()->quants;
    *state = handle;
    return 0;
}

static int unload_plugin(void **state)
{
    dlclose(*state);
    return 0;
}

/* A copy of `size` bytes that begins at an odd address and ends where its allocation ends. */
typedef struct odd_copy {
    unsigned char *memory, *bytes;
} odd_copy;

static odd_copy odd(const void *bytes, size_t size)
{
    odd_copy copy = { .memory = malloc(size + 1) };
    assert_non_null(copy.memory);
    copy.bytes = copy.memory + 1;
    if (bytes != NULL)
        memcpy(copy.bytes, bytes, size);
    return copy;
}

static void same_floats(const char *format, const float *got, const float *expected, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(&got[i], &expected[i], sizeof got[i]) != 0)
            fail_msg("%s: number %zu is %a, not %a", format, i, (double)got[i], (double)expected[i]);
}

static void same_blocks(const bora_quant *q, const char *what, const unsigned char *got, const unsigned char *expected,
                        size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (got[i] != expected[i])
            fail_msg("%s, %s: byte %zu of block %zu is %02x, not %02x", q->name, what, i % q->block_bytes,
                     i / q->block_bytes, got[i], expected[i]);
}

/* tests/fixtures/quants/ggml.bin, read from front to back; its layout is told in generate.py. */
typedef struct reader {
    char *data;
    size_t at, size;
} reader;

static const unsigned char *take(reader *r, size_t size)
{
    assert_true(size <= r->size - r->at);
    r->at += size;
    return (const unsigned char *)r->data + r->at - size;
}

static uint32_t take_u32(reader *r)
{
    uint32_t value;
    memcpy(&value, take(r, sizeof value), sizeof value);
    return value;
}

static float *take_floats(reader *r, size_t n)
{
    float *floats = malloc(n * sizeof *floats);
    assert_non_null(floats);
    memcpy(floats, take(r, n * sizeof *floats), n * sizeof *floats);
    return floats;
}

static void reads_as(const bora_quant *q, const unsigned char *blocks, size_t size, float *expected, size_t n)
{
    odd_copy copy = odd(blocks, size);
    float *got = malloc(n * sizeof *got);
    assert_non_null(got);
    q->dequantize(copy.bytes, got, n);
    same_floats(q->name, got, expected, n);
    free(got);
    free(expected);
    free(copy.memory);
}

static void equals_ggml_bit_for_bit(void **state)
{
    (void)state;
    const char *fixtures = getenv("BORA_FIXTURES");
    char *path = path_join(fixtures != NULL ? fixtures : "tests/fixtures", "quants/ggml.bin");
    bora_error err = { .code = BORA_OK };
    reader r = { 0 };
    r.data = file_read(path, 1 << 20, &r.size, &err);
    free(path);
    if (r.data == NULL)
        fail_msg("%s", err.message);

    const size_t n = take_u32(&r), n_random = take_u32(&r), n_formats = take_u32(&r);
    float *x = take_floats(&r, n), *importance = take_floats(&r, n);
    assert_int_equal(n_formats, 15);
    for (size_t f = 0; f < n_formats; f++) {
        char name[9] = { 0 };
        memcpy(name, take(&r, 8), 8);
        const bora_quant *q = find(name);
        assert_int_equal(q->block_elems, take_u32(&r));
        assert_int_equal(q->block_bytes, take_u32(&r));
        const bool has_weighted = take_u32(&r) != 0;
        const size_t size = n / (size_t)q->block_elems * q->block_bytes;

        odd_copy written = odd(NULL, size);
        const unsigned char *expected = take(&r, size);
        q->quantize(x, NULL, written.bytes, n);
        same_blocks(q, "quantized", written.bytes, expected, size);
        reads_as(q, expected, size, take_floats(&r, n), n);
        if (has_weighted) {
            q->quantize(x, importance, written.bytes, n);
            same_blocks(q, "quantized by importance", written.bytes, take(&r, size), size);
        }
        free(written.memory);

        const size_t random_size = n_random / (size_t)q->block_elems * q->block_bytes;
        const unsigned char *random_blocks = take(&r, random_size);
        reads_as(q, random_blocks, random_size, take_floats(&r, n_random), n_random);
    }
    assert_int_equal(r.at, r.size);
    free(x);
    free(importance);
    free(r.data);
}

/* Numbers that are drawn from N(0, 1), the same in every run. */
static void draw_normal(float *x, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        double u[2];
        for (int k = 0; k < 2; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            u[k] = ((double)(seed >> 11) + 0.5) * 0x1p-53;
        }
        x[i] = (float)(sqrt(-2 * log(u[0])) * cos(6.283185307179586 * u[1]));
    }
}

static double rms_error(const bora_quant *q, const float *x, const float *importance, const float *weights, size_t n)
{
    unsigned char *blocks = malloc(n / (size_t)q->block_elems * q->block_bytes);
    float *back = malloc(n * sizeof *back);
    assert_true(blocks != NULL && back != NULL);
    q->quantize(x, importance, blocks, n);
    q->dequantize(blocks, back, n);
    double sum = 0, total = 0;
    for (size_t i = 0; i < n; i++) {
        const double w = weights != NULL ? (double)weights[i] : 1, miss = (double)back[i] - (double)x[i];
        sum += w * miss * miss;
        total += w;
    }
    free(blocks);
    free(back);
    return sqrt(sum / total);
}

static void error_stays_in_bounds(void **state)
{
    (void)state;
    /* Each bound is 3 % above what the format does to these numbers; a bit of precision lost would double the error. */
    static const struct {
        const char *name;
        double bound;
    } formats[] = {
        { "f32", 0 },       { "f16", 2.2e-4 },  { "bf16", 1.75e-3 }, { "q4_0", 0.0885 },
        { "q4_1", 0.0806 }, { "q5_0", 0.0440 }, { "q5_1", 0.0391 },  { "q8_0", 0.0055 },
        { "q8_1", 0.0055 }, { "q2_k", 0.304 },  { "q3_k", 0.156 },   { "q4_k", 0.0733 },
        { "q5_k", 0.0373 }, { "q6_k", 0.0183 }, { "q8_k", 0.0072 },  { "mxfp4", 0.1179 },
    };
    enum { N = 32768 };
    float *x = malloc(N * sizeof *x);
    assert_non_null(x);
    draw_normal(x, N, 1);
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
        const double error = rms_error(find(formats[f].name), x, NULL, NULL, N);
        print_message("%-5s rms error %.6f\n", formats[f].name, error);
        if (!(error <= formats[f].bound))
            fail_msg("%s: %g, above %g", formats[f].name, error, formats[f].bound);
    }
    free(x);
}

static void importance_lowers_the_weighted_error(void **state)
{
    (void)state;
    static const char *const names[] = { "q4_0", "q4_1", "q5_0", "q5_1", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k" };
    enum { N = 8192 };
    static float x[N], importance[N];
    draw_normal(x, N, 2);
    draw_normal(importance, N, 3);
    for (size_t i = 0; i < N; i++)
        importance[i] = expf(2 * importance[i]);
    for (size_t f = 0; f < sizeof names / sizeof *names; f++) {
        const bora_quant *q = find(names[f]);
        const double plain = rms_error(q, x, NULL, importance, N),
                     weighted = rms_error(q, x, importance, importance, N);
        if (!(weighted < 0.97 * plain))
            fail_msg("%s: %g with importance, %g without", q->name, weighted, plain);
    }
}

/* Blocks are searched several at once; where a row ends among them must not matter. The numbers are whole, so that
 * their mean square is the same however it is summed. */
static void a_row_twice_is_its_blocks_twice(void **state)
{
    (void)state;
    static const char *const names[] = { "q4_0", "q4_1", "q5_0", "q5_1" };
    enum { MAX_BLOCKS = 9, MAX_N = 32 * MAX_BLOCKS };
    float x[2 * MAX_N], importance[2 * MAX_N], raw[MAX_N];
    unsigned char once[24 * MAX_BLOCKS], twice[2 * 24 * MAX_BLOCKS];
    draw_normal(raw, MAX_N, 4);
    for (size_t f = 0; f < sizeof names / sizeof *names; f++)
        for (size_t n = 32; n <= MAX_N; n += 32) {
            const bora_quant *q = find(names[f]);
            const size_t size = n / 32 * q->block_bytes;
            for (size_t i = 0; i < 2 * n; i++) {
                x[i] = rintf(100 * raw[i % n]);
                importance[i] = fabsf(raw[(7 * i + 3) % n]);
            }
            q->quantize(x, importance, once, n);
            q->quantize(x, importance, twice, 2 * n);
            same_blocks(q, "first half", twice, once, size);
            same_blocks(q, "second half", twice + size, once, size);
        }
}

static void zeros_stay_zeros(void **state)
{
    (void)state;
    static const float zeros[512];
    for (size_t f = 0; quants[f] != NULL; f++)
        if (quants[f]->quantize != NULL) {
            assert_true(rms_error(quants[f], zeros, NULL, NULL, 512) == 0);
            assert_true(rms_error(quants[f], zeros, zeros, NULL, 512) == 0 || quants[f]->block_elems == 1);
        }
}

/* Nothing is promised about the result: the sanitizers are the judges. */
static void hostile_numbers_do_no_harm(void **state)
{
    (void)state;
    const float specials[] = { NAN,     INFINITY, -INFINITY, 3.4e38f, -3.4e38f, 1e-45f,
                               -1e-40f, 2.9e-39f, 0.0f,      -0.0f,   1e30f };
    enum { N = 512, N_SPECIALS = sizeof specials / sizeof *specials };
    float x[N], importance[N], back[N];
    for (size_t f = 0; quants[f] != NULL; f++) {
        const bora_quant *q = quants[f];
        if (q->quantize == NULL)
            continue;
        odd_copy blocks = odd(NULL, N / (size_t)q->block_elems * q->block_bytes);
        for (int round = 0; round < 4 * N_SPECIALS * N_SPECIALS; round++) {
            const float a = specials[round % N_SPECIALS], b = specials[round / N_SPECIALS % N_SPECIALS];
            const int stride = (int[]){ 1, 2, 7, 100 }[round / (N_SPECIALS * N_SPECIALS)];
            draw_normal(x, N, (uint64_t)round);
            for (int i = 0; i < N; i++) {
                importance[i] = i % 5 == 0 ? b : 1;
                if (i % stride == 0)
                    x[i] = i / stride % 2 == 0 ? a : b;
            }
            q->quantize(x, NULL, blocks.bytes, N);
            q->dequantize(blocks.bytes, back, N);
            q->quantize(x, importance, blocks.bytes, N);
            q->dequantize(blocks.bytes, back, N);
        }
        free(blocks.memory);
    }
}

static void nothing_of_nothing(void **state)
{
    (void)state;
    for (size_t f = 0; quants[f] != NULL; f++) {
        quants[f]->dequantize(NULL, NULL, 0);
        if (quants[f]->quantize != NULL)
            quants[f]->quantize(NULL, NULL, NULL, 0);
    }
}

static float half_of(uint16_t bits)
{
    const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    const double magnitude = exponent == 31  ? (mantissa != 0 ? (double)NAN : (double)INFINITY)
                             : exponent == 0 ? ldexp(mantissa, -24)
                                             : ldexp(1024 + mantissa, exponent - 25);
    return (float)(bits >> 15 ? -magnitude : magnitude);
}

static uint16_t to_16_bits(const bora_quant *q, float x)
{
    uint16_t bits;
    q->quantize(&x, NULL, &bits, 1);
    return bits;
}

static float from_16_bits(const bora_quant *q, uint16_t bits)
{
    float x;
    q->dequantize(&bits, &x, 1);
    return x;
}

static void halves_are_exact_and_round_to_even(void **state)
{
    (void)state;
    const bora_quant *q = find("f16");
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        const float expected = half_of((uint16_t)bits), got = from_16_bits(q, (uint16_t)bits);
        if (isnan(expected)) {
            assert_true(isnan(got));
            assert_true(isnan(half_of(to_16_bits(q, got))));
            continue;
        }
        same_floats("f16", &got, &expected, 1);
        assert_int_equal(to_16_bits(q, got), bits);
        if ((bits & 0x7fff) >= 0x7c00)
            continue;
        /* Halfway to the next one; past the largest, where that would be if there were one. */
        const float next = (bits & 0x7fff) == 0x7bff ? copysignf(65536, got) : half_of((uint16_t)(bits + 1));
        const float middle = (got + next) / 2;
        assert_int_equal(to_16_bits(q, middle), bits + (bits & 1));
        assert_int_equal(to_16_bits(q, nextafterf(middle, next)), bits + 1);
        assert_int_equal(to_16_bits(q, nextafterf(middle, got)), bits);
    }
    assert_int_equal(to_16_bits(q, 3.4e38f), 0x7c00);
    assert_int_equal(to_16_bits(q, -1e-30f), 0x8000);
}

static void bf16_is_exact_and_rounds_to_even(void **state)
{
    (void)state;
    const bora_quant *q = find("bf16");
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        const float x = from_16_bits(q, (uint16_t)bits);
        uint32_t wide;
        memcpy(&wide, &x, sizeof wide);
        assert_int_equal(wide, bits << 16);
        if (isnan(x)) {
            assert_true(isnan(from_16_bits(q, to_16_bits(q, x))));
            continue;
        }
        assert_int_equal(to_16_bits(q, x), bits);
        if (isinf(x))
            continue;
        for (uint32_t low = 0x7fff; low <= 0x8001; low++) {
            const uint32_t between = bits << 16 | low;
            float y;
            memcpy(&y, &between, sizeof y);
            assert_int_equal(to_16_bits(q, y), bits + (low > 0x8000 || (low == 0x8000 && (bits & 1) == 1)));
        }
    }
}

static void integers_and_doubles_are_read(void **state)
{
    (void)state;
#define READS(NAME, TYPE, ...)                                                                                         \
    do {                                                                                                               \
        const TYPE values[] = { __VA_ARGS__ };                                                                         \
        enum { N = sizeof values / sizeof *values };                                                                   \
        float *expected = malloc(sizeof(float) * N);                                                                   \
        assert_non_null(expected);                                                                                     \
        for (int i = 0; i < N; i++)                                                                                    \
            expected[i] = (float)values[i];                                                                            \
        assert_int_equal(find(NAME)->block_bytes, sizeof(TYPE));                                                       \
        assert_null(find(NAME)->quantize);                                                                             \
        reads_as(find(NAME), (const unsigned char *)values, sizeof values, expected, N);                               \
    } while (0)
    READS("f64", double, 0, -1.5, 1.0 / 3, 1e300, 1e-300);
    READS("i8", int8_t, 0, 1, -1, 127, -128);
    READS("i16", int16_t, 0, -1, 32767, -32768);
    READS("i32", int32_t, 0, -1, INT32_MAX, INT32_MIN, 16777217);
    READS("i64", int64_t, 0, -1, INT64_MAX, INT64_MIN);
    READS("u8", uint8_t, 0, 1, 255);
    READS("u16", uint16_t, 0, 1, 65535);
    READS("u32", uint32_t, 0, 1, UINT32_MAX);
    READS("u64", uint64_t, 0, 1, UINT64_MAX);
    float truth[3];
    find("bool")->dequantize((const uint8_t[]){ 0, 1, 7 }, truth, 3);
    same_floats("bool", truth, (const float[]){ 0, 1, 1 }, 3);
}

static void tables_refer_to_each_other_and_to_files(void **state)
{
    (void)state;
    for (size_t i = 0; quants[i] != NULL; i++) {
        const bora_quant *q = quants[i];
        assert_true(q->block_elems >= 1 && q->block_bytes >= 1 && q->dequantize != NULL && q->stored_as != NULL);
        assert_int_equal(q->plain, strcmp(q->name, "f32") == 0);
        if (q->sensitive != NULL)
            assert_non_null(find(q->sensitive)->quantize);
        if (q->fallback != NULL)
            assert_int_equal(find(q->fallback)->block_elems, 32);
        assert_true((q->fallback != NULL) == (q->block_elems == 256));
        for (size_t k = 0; quants[k] != NULL; k++) /* no name twice */
            for (const char *const *a = q->stored_as; k != i && *a != NULL; a++)
                for (const char *const *b = quants[k]->stored_as; *b != NULL; b++)
                    assert_string_not_equal(*a, *b);
    }
    static const char *const users[][2] = {
        { "2", "q2_k" }, { "3", "q3_k" }, { "4", "q4_k" }, { "5", "q5_k" }, { "6", "q6_k" }, { "8", "q8_0" },
    };
    for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
        bool found = false;
        for (const char *const *a = find(users[i][1])->aliases; *a != NULL; a++)
            found = found || strcmp(*a, users[i][0]) == 0;
        assert_true(found);
    }
    assert_string_equal(find("q4_k")->stored_as[0], "gguf:12");
    assert_string_equal(find("bf16")->stored_as[0], "gguf:30");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_ggml_bit_for_bit),
        cmocka_unit_test(error_stays_in_bounds),
        cmocka_unit_test(importance_lowers_the_weighted_error),
        cmocka_unit_test(a_row_twice_is_its_blocks_twice),
        cmocka_unit_test(zeros_stay_zeros),
        cmocka_unit_test(hostile_numbers_do_no_harm),
        cmocka_unit_test(nothing_of_nothing),
        cmocka_unit_test(halves_are_exact_and_round_to_even),
        cmocka_unit_test(bf16_is_exact_and_rounds_to_even),
        cmocka_unit_test(integers_and_doubles_are_read),
        cmocka_unit_test(tables_refer_to_each_other_and_to_files),
    };
    return cmocka_run_group_tests(tests, load_plugin, unload_plugin);
}
