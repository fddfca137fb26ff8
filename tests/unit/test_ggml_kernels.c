/* plugins/quant/ggml/cpu: every kernel that this processor can run, held against sums in double of the numbers that its
 * weights and its activations stand for, and against all others bit for bit. */
#include <dlfcn.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bora/kernel.h>

#include "base/file.h"

enum { MAX_ROWS = 37, MAX_TOKENS = 37 };

static const bora_plugin *plugin;

static int load_plugin(void **state)
{
    (void)state;
    const char *build = getenv("BORA_BUILD");
    char *path = path_join(build != NULL ? build : "build", "lib/bora/plugins/ggml.so");
    void *handle = path != NULL ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    free(path);
    const bora_plugin *(*entry)(void) = NULL;
    if (handle != NULL)
        *(void **)&entry = dlsym(handle, "bora_plugin_entry");
    if (entry == NULL) {
        print_error("%s\n", dlerror());
        return -1;
    }
    plugin = entry();
    return 0;
}

static const bora_quant *find(const char *name)
{
    for (size_t i = 0; plugin->quants[i] != NULL; i++)
        if (strcmp(plugin->quants[i]->name, name) == 0)
            return plugin->quants[i];
    fail_msg("no format %s", name);
    return NULL;
}

static float any_float(void)
{
    static uint32_t seed = 1;
    seed = seed * 1664525u + 1013904223u;
    return (float)(int32_t)seed * 0x1p-31f;
}

static float *some_floats(size_t n, float size)
{
    float *x = malloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = any_float() * any_float() * size;
    return x;
}

/* Numbers that become the largest codes there are, of one sign but for every 16th, of the other, of both; row by row.
 */
static float *large_floats(size_t n_rows, size_t k)
{
    float *x = malloc(n_rows * k * sizeof *x);
    for (size_t r = 0; r < n_rows; r++)
        for (size_t i = 0; i < k; i++) {
            bool first = r % 4 < 2 ? i % 16 == 0 : r % 4 == 2 && i % 2 == 0;
            x[r * k + i] = (first ? -1 : 0.98F) * (r % 2 == 0 ? 1 : -1);
        }
    return x;
}

/* A product: rows in their format and activations in the kernel's, each also as floats. */
typedef struct product {
    const bora_quant *quant, *activation;
    int64_t k;
    int n_rows, n_tokens;
    size_t row_bytes, act_bytes;
    char *rows, *acts;
    float *row_floats, *act_floats;
} product;

static product make_product(const bora_quant *quant, const bora_quant *activation, int64_t k, int n_rows, int n_tokens,
                            bool large)
{
    product p = { quant,
                  activation,
                  k,
                  n_rows,
                  n_tokens,
                  .row_bytes = bora_row_bytes(quant, k),
                  .act_bytes = bora_row_bytes(activation, k) };
    size_t n = (size_t)k;
    p.row_floats = large ? large_floats((size_t)n_rows, n) : some_floats((size_t)n_rows * n, 2);
    p.act_floats = large ? large_floats((size_t)n_tokens, n) : some_floats((size_t)n_tokens * n, 30);
    p.rows = malloc((size_t)n_rows * p.row_bytes);
    p.acts = aligned_alloc(64, ((size_t)n_tokens * p.act_bytes + 63) / 64 * 64);
    for (size_t r = 0; r < (size_t)n_rows; r++) {
        quant->quantize(p.row_floats + r * n, NULL, p.rows + r * p.row_bytes, n);
        quant->dequantize(p.rows + r * p.row_bytes, p.row_floats + r * n, n);
    }
    for (size_t t = 0; t < (size_t)n_tokens; t++) {
        activation->quantize(p.act_floats + t * n, NULL, p.acts + t * p.act_bytes, n);
        activation->dequantize(p.acts + t * p.act_bytes, p.act_floats + t * n, n);
    }
    return p;
}

static void free_product(product *p)
{
    free(p->rows);
    free(p->acts);
    free(p->row_floats);
    free(p->act_floats);
}

/* The first n_tokens tokens by all rows, panel by panel, as a backend's driver does it. */
static void multiply_apart(const bora_tile *tile, const product *p, int n_tokens, float *out, size_t out_stride)
{
    size_t panel_bytes = tile->pack ? tile->panel_bytes(p->k) : (size_t)tile->panel_rows * p->row_bytes;
    for (int r = 0; r < p->n_rows; r += tile->panel_rows) {
        int n = p->n_rows - r < tile->panel_rows ? p->n_rows - r : tile->panel_rows;
        /* No byte more than there is: a kernel that reads beyond its rows is caught. */
        char *panel = malloc(tile->pack ? panel_bytes : (size_t)n * p->row_bytes);
        if (tile->pack)
            tile->pack(p->quant, p->rows + (size_t)r * p->row_bytes, p->row_bytes, n, p->k, panel);
        else
            memcpy(panel, p->rows + (size_t)r * p->row_bytes, (size_t)n * p->row_bytes);
        tile->dot(p->quant, panel, p->row_bytes, n, p->k, p->acts, p->act_bytes, n_tokens, out + r, out_stride, NULL);
        free(panel);
    }
}

static void multiply(const bora_tile *tile, const product *p, int n_tokens, float *out)
{
    multiply_apart(tile, p, n_tokens, out, (size_t)p->n_rows);
}

static void assert_right(const product *p, const float *out, const char *what)
{
    for (int t = 0; t < p->n_tokens; t++)
        for (int r = 0; r < p->n_rows; r++) {
            double sum = 0, size = 0;
            for (int64_t i = 0; i < p->k; i++) {
                double term = (double)p->row_floats[r * p->k + i] * (double)p->act_floats[t * p->k + i];
                sum += term;
                size += fabs(term);
            }
            /* A handful of roundings for each block of 32, and those of the offsets, which may be larger than the sum.
             */
            double error = fabs((double)out[t * p->n_rows + r] - sum), most = size * 0x1p-24 * ((double)p->k / 32 + 16);
            if (!(error <= most))
                fail_msg("%s: row %d, token %d: %g, not %g", what, r, t, (double)out[t * p->n_rows + r], sum);
        }
}

/* All kernels of a format on one product; the first gives the bits that the others must give. */
static void check_format(const char *format, int64_t k, int n_rows, int n_tokens, bool large)
{
    const bora_quant *quant = find(format);
    size_t n = (size_t)(n_rows * n_tokens);
    float *expected = NULL, *out = malloc(n * sizeof *out);
    product p = { 0 };
    for (size_t i = 0; plugin->kernels[i] != NULL; i++) {
        const bora_kernel *kernel = plugin->kernels[i];
        if (strcmp(kernel->quant, format) != 0 || (kernel->usable && !kernel->usable()))
            continue;
        char what[128];
        snprintf(what, sizeof what, "%s, kernel %zu, k %lld", format, i, (long long)k);
        if (!expected) {
            p = make_product(quant, kernel->tile->activation, k, n_rows, n_tokens, large);
            expected = malloc(n * sizeof *expected);
            multiply(kernel->tile, &p, n_tokens, expected);
            assert_right(&p, expected, what);
        }
        assert_ptr_equal(kernel->tile->activation, p.activation); /* or products could not share them */
        for (int first = n_tokens; first > 0; first = first > 20 ? first - 5 : first - 1) {
            memset(out, 0xff, n * sizeof *out);
            multiply(kernel->tile, &p, first, out);
            if (memcmp(out, expected, (size_t)(first * n_rows) * sizeof *out) != 0)
                fail_msg("%s: %d tokens have other bits", what, first);
        }
    }
    assert_non_null(expected);
    free_product(&p);
    free(expected);
    free(out);
}

static const char *const small_formats[] = { "q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "mxfp4", NULL };
static const char *const super_formats[] = { "q2_k", "q3_k", "q4_k", "q5_k", "q6_k", NULL };

static void all_kernels_give_the_same_right_bits(void **state)
{
    (void)state;
    for (const char *const *f = small_formats; *f; f++) {
        check_format(*f, 32, 1, 1, false);
        check_format(*f, 544, 16, 19, false); /* a chunk and a block */
        check_format(*f, 1504, MAX_ROWS, MAX_TOKENS, false);
    }
    for (const char *const *f = super_formats; *f; f++) {
        check_format(*f, 256, 1, 1, false);
        check_format(*f, 768, 16, 19, false);
        check_format(*f, 1280, MAX_ROWS, MAX_TOKENS, false);
    }
}

/* Some processors add products of bytes in 16 bits: as many as fit, whatever the codes. */
static void sums_have_room(void **state)
{
    (void)state;
    for (const char *const *f = small_formats; *f; f++)
        check_format(*f, 96, 16, 9, true);
    for (const char *const *f = super_formats; *f; f++)
        check_format(*f, 512, 16, 9, true);
}

/* Results may take another way to memory when they are far apart. They are the same, and nothing between them is
 * written. */
static void results_may_be_far_apart(void **state)
{
    (void)state;
    enum { STRIDE = 4096, K = 64, BLANK = 0x7b };
    const size_t size = sizeof(float[MAX_TOKENS][STRIDE]);
    float *near = malloc(sizeof(float[MAX_TOKENS][MAX_ROWS])), *out = aligned_alloc(64, size);
    for (size_t i = 0; plugin->kernels[i] != NULL; i++) {
        const bora_kernel *kernel = plugin->kernels[i];
        if (strcmp(kernel->quant, "q8_0") != 0 || (kernel->usable && !kernel->usable()))
            continue;
        product p = make_product(find("q8_0"), kernel->tile->activation, K, MAX_ROWS, MAX_TOKENS, false);
        multiply(kernel->tile, &p, MAX_TOKENS, near);
        for (size_t shift = 0; shift < 32; shift += 31) { /* to where registers begin, and to where they do not */
            memset(out, BLANK, size);
            multiply_apart(kernel->tile, &p, MAX_TOKENS, out + shift, STRIDE);
            for (size_t t = 0; t < MAX_TOKENS; t++) {
                const float *row = out + t * STRIDE;
                assert_memory_equal(row + shift, near + t * MAX_ROWS, sizeof(float[MAX_ROWS]));
                const unsigned char *bytes = (const unsigned char *)row;
                for (size_t b = 0; b < sizeof(float[STRIDE]); b++)
                    if (b < shift * sizeof *row || b >= (shift + MAX_ROWS) * sizeof *row)
                        assert_int_equal(bytes[b], BLANK);
            }
        }
        free_product(&p);
    }
    free(near);
    free(out);
}

static const bora_quant *activation(void)
{
    for (size_t i = 0; plugin->kernels[i] != NULL; i++)
        if (plugin->kernels[i]->tile && plugin->kernels[i]->tile->activation)
            return plugin->kernels[i]->tile->activation;
    fail_msg("no kernel with activations of its own");
    return NULL;
}

static void activations_are_within_half_a_step(void **state)
{
    (void)state;
    const bora_quant *q = activation();
    float *x = some_floats(256, 5), y[256];
    char *row = malloc(bora_row_bytes(q, 256));
    x[3] = 0;
    for (int i = 64; i < 96; i++)
        x[i] = 0;
    for (int i = 96; i < 128; i++)
        x[i] = 0x1p-130f; /* nothing, next to anything */
    q->quantize(x, NULL, row, 256);
    q->dequantize(row, y, 256);
    for (int b = 0; b < 8; b++) {
        float peak = 0;
        for (int i = 32 * b; i < 32 * b + 32; i++)
            peak = fmaxf(peak, fabsf(x[i]));
        for (int i = 32 * b; i < 32 * b + 32; i++)
            assert_true(fabsf(x[i] - y[i]) <= peak / 254 * 1.00001f + 0x1p-99f);
    }
    free(row);
    free(x);
}

static const bora_tile *best_tile(const char *format)
{
    const bora_kernel *best = NULL;
    for (size_t i = 0; plugin->kernels[i] != NULL; i++) {
        const bora_kernel *kernel = plugin->kernels[i];
        if (strcmp(kernel->quant, format) == 0 && (!kernel->usable || kernel->usable()) &&
            (!best || kernel->priority > best->priority))
            best = kernel;
    }
    assert_non_null(best);
    return best->tile;
}

/* What products read: hidden states, with and without a few large numbers, and what a gate has gone over. */
typedef enum input_kind { NORMAL, OUTLIERS, GATED } input_kind;

static float any_normal(void)
{
    float sum = 0;
    for (int i = 0; i < 12; i++)
        sum += any_float();
    return sum / 2;
}

static float any_input(input_kind kind)
{
    float x = any_normal();
    if (kind == OUTLIERS && any_float() > 0.98f) /* one of a hundred */
        x *= 20;
    if (kind == GATED) {
        const float gate = any_normal();
        x *= gate / (1 + expf(-gate));
    }
    return x;
}

/* Rounding moves an activation by half a step at most, and a step is a 127th of the largest magnitude of its 32
 * numbers. So a result is off by at most the sum of |weight| step / 2. And as errors spread evenly over a step,
 * independently of each other, the square of that is expected to be the sum of (weight step)^2 / 12: the mean over so
 * many results comes close, its root within a few percent. Scales shared by 64 numbers would exceed it. */
static void check_exactness(const char *format, input_kind kind)
{
    enum { K_BLOCKS = 24, K = 32 * K_BLOCKS };
    const bora_tile *tile = best_tile(format);
    product p = make_product(find(format), tile->activation, K, MAX_ROWS, MAX_TOKENS, false);
    float *inputs = malloc((size_t)MAX_TOKENS * K * sizeof *inputs), *out = malloc(sizeof(float[MAX_TOKENS][MAX_ROWS]));
    for (int i = 0; i < MAX_TOKENS * K; i++)
        inputs[i] = any_input(kind);
    for (size_t t = 0; t < MAX_TOKENS; t++)
        p.activation->quantize(inputs + t * K, NULL, p.acts + t * p.act_bytes, K);
    multiply(tile, &p, MAX_TOKENS, out);

    double squares = 0, expected = 0;
    for (int t = 0; t < MAX_TOKENS; t++) {
        const float *x = inputs + t * K;
        double step[K_BLOCKS] = { 0 };
        for (int i = 0; i < K; i++)
            step[i / 32] = fmax(step[i / 32], fabs((double)x[i]) / 127);
        for (int r = 0; r < MAX_ROWS; r++) {
            const float *w = p.row_floats + r * K;
            double sum = 0, size = 0, most = 0;
            for (int i = 0; i < K; i++) {
                const double weight = (double)w[i], off = weight * step[i / 32];
                sum += weight * (double)x[i];
                size += fabs(weight * (double)x[i]);
                most += fabs(off) / 2;
                expected += off * off / 12;
            }
            /* The step is a float, and the summation rounds too: see assert_right(). */
            most = most * 1.0001 + size * 0x1p-24 * (K_BLOCKS + 16);
            const double error = (double)out[t * MAX_ROWS + r] - sum;
            squares += error * error;
            if (!(fabs(error) <= most))
                fail_msg("%s, inputs %d: row %d, token %d is off by %g, not at most %g", format, kind, r, t, error,
                         most);
        }
    }
    if (!(sqrt(squares / expected) <= 1.08))
        fail_msg("%s, inputs %d: %g times the error of rounding", format, kind, sqrt(squares / expected));
    free_product(&p);
    free(inputs);
    free(out);
}

static void errors_are_those_of_rounding_activations(void **state)
{
    (void)state;
    static const char *const formats[] = { "q4_0", "q5_1", "q8_0", "mxfp4", "q2_k", "q3_k", "q4_k", "q6_k" };
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++)
        for (input_kind kind = NORMAL; kind <= GATED; kind++)
            check_exactness(formats[f], kind);
}

/* What is no number stays none, in its own token alone. */
static void infinities_and_nans_reach_the_result(void **state)
{
    (void)state;
    const bora_quant *quant = find("q4_0");
    for (size_t i = 0; plugin->kernels[i] != NULL; i++) {
        const bora_kernel *kernel = plugin->kernels[i];
        if (strcmp(kernel->quant, "q4_0") != 0 || (kernel->usable && !kernel->usable()))
            continue;
        product p = make_product(quant, kernel->tile->activation, 64, 16, 3, false);
        float x[64] = { 0 }, out[3 * 16];
        x[40] = i % 2 ? INFINITY : NAN;
        p.activation->quantize(x, NULL, p.acts + p.act_bytes, 64);
        multiply(kernel->tile, &p, 3, out);
        for (int r = 0; r < 16; r++) {
            assert_int_equal(isfinite(out[r]) && isfinite(out[32 + r]), 1);
            assert_int_equal(isfinite(out[16 + r]), 0);
        }
        free_product(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_kernels_give_the_same_right_bits),
        cmocka_unit_test(sums_have_room),
        cmocka_unit_test(results_may_be_far_apart),
        cmocka_unit_test(activations_are_within_half_a_step),
        cmocka_unit_test(errors_are_those_of_rounding_activations),
        cmocka_unit_test(infinities_and_nans_reach_the_result),
    };
    return cmocka_run_group_tests(tests, load_plugin, NULL);
}
