/* Opening a backend's plugin from the build tree and calling its kernels by hand, for tests. */
#ifndef TESTS_UNIT_BACKEND_H
#define TESTS_UNIT_BACKEND_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bora/backend.h>
#include <bora/ops.h>

#include <dlfcn.h>

/* The plugin NAME, or NULL when it was not built. */
static inline const bora_plugin *load_plugin(const char *name)
{
    const char *build = getenv("BORA_BUILD");
    char path[4096];
    snprintf(path, sizeof path, "%s/lib/bora/plugins/%s.so", build ? build : "build", name);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        print_message("%s\n", dlerror());
        return NULL;
    }
    const bora_plugin *(*entry)(void);
    *(void **)&entry = dlsym(library, "bora_plugin_entry");
    assert_non_null(entry);
    return entry();
}

static inline bora_device *open_device(const bora_plugin *plugin, int n_threads)
{
    bora_error err = { .code = BORA_OK };
    bora_device *device = plugin->backends[0]->open(0, &(bora_device_options){ .n_threads = n_threads }, &err);
    if (!device)
        fail_msg("%s", err.message);
    return device;
}

static inline const bora_kernel *find_kernel(const bora_plugin *plugin, const char *op, const char *quant)
{
    for (const bora_kernel *const *k = plugin->kernels; *k; k++)
        if (strcmp((*k)->op, op) == 0 && ((*k)->quant && quant ? !strcmp((*k)->quant, quant) : (*k)->quant == quant))
            return *k;
    fail_msg("no kernel for %s", op);
    return NULL;
}

/* Runs one call as the core does: by the backend's driver where it has one. */
static inline bool try_call(const bora_plugin *plugin, bora_device *device, const bora_kernel *kernel,
                            const bora_call *call, bora_error *err)
{
    const bora_backend *backend = plugin->backends[0];
    const bora_step step = { kernel, call };
    return backend->run ? backend->run(device, &step, 1, err) : kernel->run(device, call, err);
}

static inline void run_call(const bora_plugin *plugin, bora_device *device, const bora_kernel *kernel,
                            const bora_call *call)
{
    bora_error err = { .code = BORA_OK };
    if (!try_call(plugin, device, kernel, call, &err))
        fail_msg("%s", err.message);
}

static inline uint32_t next_random(uint32_t *seed)
{
    return *seed = *seed * 1664525u + 1013904223u;
}

/* n floats in -2 … 2 that the caller frees. */
static inline float *random_floats(size_t n, uint32_t seed)
{
    float *x = malloc((n ? n : 1) * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(next_random(&seed) >> 8) / (float)(1 << 22) - 2;
    return x;
}

/* Memory of exactly n floats, so that a sanitizer sees a step outside; NaN until somebody writes it. */
static inline float *blank_floats(size_t n)
{
    float *x = malloc((n ? n : 1) * sizeof *x);
    assert_non_null(x);
    memset(x, 0xff, n * sizeof *x);
    return x;
}

static inline void assert_near(double got, double expected, double tolerance, const char *what)
{
    double difference = got > expected ? got - expected : expected - got;
    if (!(difference <= tolerance))
        fail_msg("%s: %.9g, expected %.9g within %.3g", what, got, expected, tolerance);
}

static inline void assert_same_bits(const float *a, const float *b, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(&a[i], &b[i], sizeof *a) != 0)
            fail_msg("%s: number %zu of %zu is %.9g here and %.9g there", what, i, n, (double)a[i], (double)b[i]);
}

#endif
