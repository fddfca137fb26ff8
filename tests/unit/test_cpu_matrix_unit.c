/* Backend "cpu": products of bfloat16 weights by a matrix unit have the bits that a scalar definition gives, for every
 * number of tokens and rows. Skipped where there is no such unit. */
#include "cpu_cut.h"

static const bora_plugin *ggml;

static float from_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* What the first eight bits of x are. */
static float first_part(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return from_bits(bits & 0xffff0000);
}

/* One instruction: 32 products (numbers behind n are zeros), even and odd places by themselves. */
static float step(float sum, const float *a, const float *b, int64_t n)
{
    float chains[2] = { 0, 0 };
    for (int64_t i = 0; i < n; i++)
        chains[i % 2] = fmaf(a[i], b[i], chains[i % 2]);
    return sum + (chains[0] + chains[1]);
}

/* The definition, from the head of tiles_amx.c. */
static float product_by_definition(const float *w, const float *x, int64_t k)
{
    float sums[3] = { 0 };
    for (int64_t at = 0; at < k; at += 32) {
        const int64_t n = k - at < 32 ? k - at : 32;
        float parts[3][32];
        for (int64_t i = 0; i < n; i++) {
            float rest = x[at + i];
            for (int s = 0; s < 3; s++) {
                parts[s][i] = first_part(rest);
                rest -= parts[s][i];
            }
            assert_true(rest == 0.0F);
        }
        for (int s = 0; s < 3; s++)
            sums[s] = step(sums[s], w + at, parts[s], n);
    }
    return sums[0] + (sums[1] + sums[2]);
}

/* The one whose tile has activations of a format of its own that loses nothing, and packs weights or does not. */
static const bora_kernel *matrix_unit_kernel(const char *format, bool packs)
{
    for (const bora_kernel *const *k = cpu->kernels; *k; k++)
        if (strcmp((*k)->op, "linear") == 0 && (*k)->quant && strcmp((*k)->quant, format) == 0 &&
            (*k)->tile->activation_is_exact && packs == !!(*k)->tile->pack)
            return *k;
#ifdef __x86_64__
    fail_msg("no kernel for %s", format);
#endif
    return NULL; /* for a processor that is never so made */
}

static bool there_is_one(void)
{
    const bora_kernel *kernel = matrix_unit_kernel("bf16", false);
    return kernel && kernel->usable();
}

static void check(const char *format, bool packs, int64_t n_tokens, int64_t k, int64_t n_out)
{
    const bora_quant *quant = NULL;
    for (const bora_quant *const *q = ggml->quants; *q; q++)
        if (strcmp((*q)->name, format) == 0)
            quant = *q;
    const bora_kernel *kernel = matrix_unit_kernel(format, packs);
    const size_t n = (size_t)(n_out * k);
    float *w = random_floats(n, 71), *x = random_floats((size_t)(n_tokens * k), 72);
    float *out = blank_floats((size_t)(n_tokens * n_out));
    char *bytes = malloc(n * 2 + 2), *rows = bytes + 2; /* rows need not be aligned */
    quant->quantize(w, NULL, rows, n);
    quant->dequantize(rows, w, n);
    void *panels = packs ? packed(kernel->tile, quant, rows, n_out, k) : NULL;
    bora_weight weight = { "w", quant, 2, { n_out, k, 1, 1 }, packs ? panels : rows };
    bora_call call = { .node = "linear",
                       .n_inputs = 1,
                       .n_weights = 1,
                       .inputs = { { x, n_tokens, k } },
                       .weights = { &weight },
                       .output = { out, n_tokens, n_out } };
    bora_device *device = open_device(cpu, 2);
    run_call(cpu, device, kernel, &call);
    cpu->backends[0]->close(device);
    for (int64_t t = 0; t < n_tokens; t++)
        for (int64_t r = 0; r < n_out; r++) {
            const float expected = product_by_definition(w + r * k, x + t * k, k);
            assert_same_bits(&out[t * n_out + r], &expected, 1, format);
        }
    free(panels);
    free(bytes);
    free(out);
    free(x);
    free(w);
}

static void bits_are_those_of_the_definition(void **state)
{
    (void)state;
    const int64_t lengths[] = { 1, 7, 31, 32, 33, 100, 255, 320, 520 };
    if (!there_is_one())
        skip();
    for (int packs = 0; packs < 2; packs++)
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
            for (int64_t n_tokens = 1; n_tokens <= 70; n_tokens += n_tokens < 40 && lengths[l] <= 33 ? 1 : 13)
                check("bf16", packs, n_tokens, lengths[l], 21);
            for (int64_t n_out = 1; n_out <= 70; n_out += n_out < 4 ? 1 : 13)
                for (int64_t n_tokens = 1; n_tokens <= 19; n_tokens += n_tokens < 3 ? 1 : 16)
                    check("bf16", packs, n_tokens, lengths[l], n_out);
        }
}

/* Where parts of activations, and products, are subnormal: zeros to both units. */
static void tiny_numbers_have_the_same_bits_however_cut(void **state)
{
    (void)state;
    enum { TOKENS = 20, K = 70, ROWS = 35 };
    const bora_kernel *kernel = matrix_unit_kernel("bf16", false), *packing = matrix_unit_kernel("bf16", true);
    if (!there_is_one())
        skip();
    float *x = random_floats(TOKENS * K, 75), *out = blank_floats(TOKENS * ROWS);
    uint16_t rows[ROWS * K];
    uint32_t seed = 76;
    for (int i = 0; i < TOKENS * K; i++)
        x[i] *= i % 3 ? 0x1p-118F : 0x1p-130F;
    for (int i = 0; i < ROWS * K; i++) /* small, subnormal or near 1 */
        rows[i] = (uint16_t)((next_random(&seed) >> 16 & 0x80ff) | (i % 4 ? 0x3f00 : i % 8 ? 0 : 0x3a00));
    const bora_quant *quant = NULL;
    for (const bora_quant *const *q = ggml->quants; *q; q++)
        if (strcmp((*q)->name, "bf16") == 0)
            quant = *q;
    bora_weight weight = { "w", quant, 2, { ROWS, K, 1, 1 }, rows };
    bora_call call = { .node = "tiny",
                       .n_inputs = 1,
                       .n_weights = 1,
                       .inputs = { { x, TOKENS, K } },
                       .weights = { &weight },
                       .output = { out, TOKENS, ROWS } };
    run_and_cut(kernel, &call, 0);
    weight.data = packed(packing->tile, quant, (const char *)rows, ROWS, K);
    assert_same_bits_however_cut(packing, call, 0, out);
    free((void *)(uintptr_t)weight.data);
    free(out);
    free(x);
}

/* Long sums are no worse than those of floats: sixteen sums by fused multiply-adds. */
static void long_sums_are_as_near_as_those_of_floats(void **state)
{
    (void)state;
    enum { K = 16384, ROWS = 40 };
    if (!there_is_one())
        skip();
    const char *const formats[] = { "bf16" };
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
        const bora_kernel *kernels[] = { matrix_unit_kernel(formats[f], false), find_kernel(cpu, "linear", "*") };
        const bora_quant *quant = NULL;
        for (const bora_quant *const *q = ggml->quants; *q; q++)
            if (strcmp((*q)->name, formats[f]) == 0)
                quant = *q;
        float *w = random_floats((size_t)ROWS * K, 73), *x = random_floats(K, 74), out[ROWS];
        char *rows = malloc((size_t)ROWS * K * 2);
        quant->quantize(w, NULL, rows, (size_t)ROWS * K);
        quant->dequantize(rows, w, (size_t)ROWS * K);
        double square[2] = { 0, 0 };
        for (int i = 0; i < 2; i++) {
            bora_weight weight = { "w", quant, 2, { ROWS, K, 1, 1 }, rows };
            bora_call call = { .node = "linear",
                               .n_inputs = 1,
                               .n_weights = 1,
                               .inputs = { { x, 1, K } },
                               .weights = { &weight },
                               .output = { out, 1, ROWS } };
            bora_device *device = open_device(cpu, 1);
            run_call(cpu, device, kernels[i], &call);
            cpu->backends[0]->close(device);
            for (int r = 0; r < ROWS; r++) {
                double sum = 0;
                for (int64_t j = 0; j < K; j++)
                    sum += (double)w[r * K + j] * (double)x[j];
                square[i] += pow((double)out[r] - sum, 2);
            }
        }
        print_message("%s, K = %d: error %.3g, by fused multiply-adds %.3g\n", formats[f], K, sqrt(square[0] / ROWS),
                      sqrt(square[1] / ROWS));
        assert_true(square[0] <= 4 * square[1]);
        free(rows);
        free(x);
        free(w);
    }
}

static int load(void **state)
{
    ggml = load_plugin("ggml");
    return ggml ? load_cpu(state) : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_are_those_of_the_definition),
        cmocka_unit_test(tiny_numbers_have_the_same_bits_however_cut),
        cmocka_unit_test(long_sums_are_as_near_as_those_of_floats),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}
