/* Backend "cpu": products by every kind of tile, and what its device promises. */
#include "cpu_cut.h"
#include "sanitized.h"

#include <pthread.h>

static const bora_kernel small_kernel = { "linear", "cpu", "small", .tile = &small_tile };

enum {
    PLAIN,
    ANY,
    PACKED,
    PLAIN_PACKED,
    HALF,
    HALF_PACKED,
    BFLOAT,
    BFLOAT_PACKED,
    BFLOAT_BY_UNIT,
    BFLOAT_BY_UNIT_PACKED,
    BFLOAT_ROUNDED,
    BFLOAT_ROUNDED_PACKED,
    N_KINDS
};

static const bora_plugin *ggml;

static const bora_quant *format(int kind)
{
    if (kind == PLAIN || kind == PLAIN_PACKED)
        return NULL;
    const char *name = kind == HALF || kind == HALF_PACKED ? "f16" : kind >= BFLOAT ? "bf16" : "small";
    for (const bora_quant *const *q = ggml->quants; *q; q++)
        if (strcmp((*q)->name, name) == 0)
            return *q;
    return &small;
}

static bool packs(int kind)
{
    return kind == PLAIN_PACKED || kind == HALF_PACKED || kind == BFLOAT_PACKED || kind == BFLOAT_BY_UNIT_PACKED ||
           kind == BFLOAT_ROUNDED_PACKED;
}

static bool by_unit(int kind)
{
    return kind == BFLOAT_BY_UNIT || kind == BFLOAT_BY_UNIT_PACKED;
}

static bool rounds(const bora_tile *tile)
{
    return tile->activation && !tile->activation_is_exact;
}

/* Its own, where this processor can use it. */
static const bora_kernel *kernel_of(int kind)
{
    if (kind == PACKED)
        return &small_kernel;
    if (kind == ANY)
        return find_kernel(cpu, "linear", "*");
    const char *quant = format(kind) ? format(kind)->name : "";
    for (const bora_kernel *const *k = cpu->kernels; *k; k++)
        if (strcmp((*k)->op, "linear") == 0 && strcmp((*k)->quant ? (*k)->quant : "", quant) == 0 &&
            by_unit(kind) == (*k)->tile->activation_is_exact && (kind >= BFLOAT_ROUNDED) == rounds((*k)->tile) &&
            packs(kind) == !!(*k)->tile->pack && (!(*k)->usable || (*k)->usable()))
            return *k;
    return find_kernel(cpu, "linear", "*");
}

static void check_linear(int kind, int64_t n_tokens, int64_t k, int64_t n_out, bool with_bias)
{
    float *w = random_floats((size_t)(n_out * k), 11), *x = random_floats((size_t)(n_tokens * k), 12);
    float *b = random_floats((size_t)n_out, 13), *out = blank_floats((size_t)(n_tokens * n_out));
    const bora_quant *quant = format(kind);
    char *rows = malloc((size_t)n_out * bora_row_bytes(quant, k)), *panels = NULL;
    bora_weight weight = { "w", NULL, 2, { n_out, k, 1, 1 }, w }, bias = { "b", NULL, 1, { n_out, 1, 1, 1 }, b };
    const bora_kernel *kernel = kernel_of(kind);
    if (quant) {
        quant->quantize(w, NULL, rows, (size_t)(n_out * k));
        quant->dequantize(rows, w, (size_t)(n_out * k));
        weight.quant = quant;
        weight.data = rows;
    }
    if (kernel->tile->pack)
        weight.data = panels = packed(kernel->tile, quant, weight.data, n_out, k);
    bora_call call = { .node = "linear",
                       .n_inputs = 1,
                       .n_weights = 2,
                       .inputs = { { x, n_tokens, k } },
                       .weights = { &weight, with_bias ? &bias : NULL },
                       .output = { out, n_tokens, n_out } };
    run_and_cut(kernel, &call, 0);
    if (rounds(kernel->tile)) { /* what the activations became: here, numbers in the format of the weights */
        char *bytes = malloc((size_t)n_tokens * bora_row_bytes(quant, k));
        kernel->tile->activation->quantize(x, NULL, bytes, (size_t)(n_tokens * k));
        quant->dequantize(bytes, x, (size_t)(n_tokens * k));
        free(bytes);
    }
    for (int64_t t = 0; t < n_tokens; t++)
        for (int64_t r = 0; r < n_out; r++) {
            double sum = with_bias ? (double)b[r] : 0, size = fabs(sum);
            for (int64_t i = 0; i < k; i++) {
                double product = (double)w[r * k + i] * (double)x[t * k + i];
                sum += product;
                size += fabs(product);
            }
            /* k/16 + 6 roundings, each at most half a unit of a partial sum; with a matrix unit k/32 after 16 + 3 */
            const double roundings = by_unit(kind) ? (double)k / 32 + 19 : (double)k / 16 + 6;
            assert_near((double)out[t * n_out + r], sum, size * 0x1p-24 * roundings, "linear");
        }
    free(panels);
    free(rows);
    free(out);
    free(b);
    free(x);
    free(w);
}

static void linear_is_a_matrix_product(void **state)
{
    (void)state;
    static const int64_t shapes[][3] = {
        /* tokens, k, n_out */
        { 1, 1, 1 },   { 1, 7, 1 },     { 2, 7, 3 },    { 5, 16, 8 },    { 6, 33, 9 },
        { 37, 64, 7 }, { 70, 100, 31 }, { 300, 17, 9 }, { 33, 257, 70 },
    };
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int kind = PLAIN; kind < N_KINDS; kind++)
            for (int bias = 0; bias < 2; bias++)
                check_linear(kind, shapes[s][0], shapes[s][1], shapes[s][2], bias);
}

static void linear_of_no_rows_is_nothing(void **state)
{
    (void)state;
    float w = 1;
    bora_weight weight = { "w", NULL, 2, { 1, 1, 1, 1 }, &w };
    bora_call call = { .node = "none",
                       .n_inputs = 1,
                       .n_weights = 1,
                       .inputs = { { NULL, 0, 1 } },
                       .weights = { &weight },
                       .output = { NULL, 0, 1 } };
    bora_device *device = open_device(cpu, 2);
    run_call(cpu, device, find_kernel(cpu, "linear", NULL), &call);
    cpu->backends[0]->close(device);
}

static void bad_numbers_of_threads_are_refused(void **state)
{
    (void)state;
    bora_error err = { .code = BORA_OK };
    assert_null(cpu->backends[0]->open(0, &(bora_device_options){ .n_threads = -3 }, &err));
    assert_int_equal(err.code, BORA_USAGE);
}

/* Sanitizers end the program where an allocation fails. */
static void memory_that_is_not_there_is_an_error(void **state)
{
    (void)state;
#ifdef SANITIZED
    skip();
#else
    const int64_t k = (int64_t)1 << 50; /* nothing is read: scratch for such a row comes first */
    float one = 1;
    bora_weight weight = { "w", &small, 2, { 1, k, 1, 1 }, &one };
    bora_call call = { .node = "layer.3",
                       .n_inputs = 1,
                       .n_weights = 1,
                       .inputs = { { &one, 1, k } },
                       .weights = { &weight },
                       .output = { &one, 1, 1 } };
    bora_device *device = open_device(cpu, 2);
    bora_error err = { .code = BORA_OK };
    assert_false(try_call(cpu, device, find_kernel(cpu, "linear", "*"), &call, &err));
    assert_int_equal(err.code, BORA_MEMORY);
    assert_non_null(strstr(err.message, "layer.3"));
    cpu->backends[0]->close(device);
    check_linear(ANY, 3, 7, 5, true);
#endif
}

enum { SHARED_ROWS = 40, SHARED_WIDTH = 50 };

typedef struct user {
    bora_device *device;
    float *w, *x, *out;
} user;

static void *use_often(void *arg)
{
    user *u = arg;
    bora_weight weight = { "w", NULL, 2, { SHARED_WIDTH, SHARED_WIDTH, 1, 1 }, u->w };
    bora_call call = { .node = "shared",
                       .n_inputs = 1,
                       .n_weights = 1,
                       .inputs = { { u->x, SHARED_ROWS, SHARED_WIDTH } },
                       .weights = { &weight },
                       .output = { u->out, SHARED_ROWS, SHARED_WIDTH } };
    const bora_kernel *kernel = find_kernel(cpu, "linear", "*");
    for (int i = 0; i < 50; i++)
        run_call(cpu, u->device, kernel, &call);
    return NULL;
}

static void a_device_may_have_two_users(void **state)
{
    (void)state;
    enum { USERS = 3, SIZE = SHARED_ROWS * SHARED_WIDTH };
    float *w = random_floats(SHARED_WIDTH * SHARED_WIDTH, 61), *x = random_floats(SIZE, 62);
    bora_device *device = open_device(cpu, 3);
    user users[USERS];
    pthread_t ids[USERS];
    for (int i = 0; i < USERS; i++) {
        users[i] = (user){ device, w, x, blank_floats(SIZE) };
        assert_int_equal(pthread_create(&ids[i], NULL, use_often, &users[i]), 0);
    }
    for (int i = 0; i < USERS; i++)
        pthread_join(ids[i], NULL);
    for (int i = 1; i < USERS; i++)
        assert_same_bits(users[i].out, users[0].out, SIZE, "another user of the device");
    for (int i = 0; i < USERS; i++)
        free(users[i].out);
    cpu->backends[0]->close(device);
    free(w);
    free(x);
}

static int load(void **state)
{
    ggml = load_plugin("ggml");
    return ggml ? load_cpu(state) : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_is_a_matrix_product),         cmocka_unit_test(linear_of_no_rows_is_nothing),
        cmocka_unit_test(bad_numbers_of_threads_are_refused), cmocka_unit_test(memory_that_is_not_there_is_an_error),
        cmocka_unit_test(a_device_may_have_two_users),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}
