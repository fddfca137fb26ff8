/* tests/fixtures/models: a runtime to load them with, and the tokens and the logits beside each checkpoint. */
#ifndef MODEL_FIXTURES_H
#define MODEL_FIXTURES_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <bora/runtime.h>

enum { MAX_TOKENS = 64, MAX_VOCAB = 512 };

/* A runtime with the plugins of this build and no others; NULL, and why on stderr. */
static inline bora_runtime *fixture_runtime(bora_listener listener)
{
    char plugins[512];
    const char *build = getenv("BORA_BUILD");
    snprintf(plugins, sizeof plugins, "%s/lib/bora/plugins", build ? build : "build");
    const char *const paths[] = { plugins, NULL };
    bora_runtime_options options = { .listener = listener, .plugin_paths = paths, .no_default_plugins = true };
    bora_error err = { .code = BORA_OK };
    bora_runtime *runtime = bora_runtime_new(&options, &err);
    if (!runtime)
        fprintf(stderr, "%s\n", err.message);
    return runtime;
}

/* Where a fixture lies; good until the call after the next. */
static inline const char *fixture(const char *name)
{
    static char path[2][512];
    static int turn;
    turn = !turn;
    const char *root = getenv("BORA_FIXTURES");
    snprintf(path[turn], sizeof path[turn], "%s/models/%s", root ? root : "tests/fixtures", name);
    return path[turn];
}

/* The ids in NAME/FILE; how many. */
static inline int32_t read_ids(const char *name, const char *file, int32_t ids[MAX_TOKENS])
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", fixture(name), file);
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("%s cannot be read", path);
    int32_t n = 0;
    while (n < MAX_TOKENS && fscanf(f, "%d,", &ids[n]) == 1)
        n++;
    fclose(f);
    return n;
}

static inline int32_t read_tokens(const char *name, int32_t tokens[MAX_TOKENS])
{
    return read_ids(name, "tokens.txt", tokens);
}

/* The floats of NAME/logits.npy or NAME/logits-VARIANT.npy, of version 1.0 as the generator writes it: 128 bytes of
 * header. */
static inline void read_reference(const char *name, const char *variant, float *out, size_t count)
{
    char path[600];
    snprintf(path, sizeof path, "%s/logits%s%s.npy", fixture(name), *variant ? "-" : "", variant);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s cannot be read", path);
    assert_int_equal(fseek(f, 128, SEEK_SET), 0);
    assert_int_equal(fread(out, sizeof *out, count, f), count);
    fclose(f);
}

static inline double relative_l2(const float *a, const float *reference, size_t n)
{
    double diff = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        diff += ((double)a[i] - reference[i]) * ((double)a[i] - reference[i]);
        norm += (double)reference[i] * reference[i];
    }
    return sqrt(diff / norm);
}

#endif
