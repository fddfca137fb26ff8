/* Measuring the machine: see limits.h. */
#include "limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bora/threads.h>

#include "common.h"
#include "rates.h"

enum { PIECE = 1 << 20, LARGE_PAGE = 1 << 21, PASSES = 6, REPEATS = 4, TASKS_PER_THREAD = 8 };

/* ---- memory */

/* At least four times the largest cache, as far as an eighth of the memory goes. */
static size_t buffer_bytes(void)
{
    long cache = -1, page = sysconf(_SC_PAGESIZE), pages = sysconf(_SC_PHYS_PAGES);
#ifdef _SC_LEVEL3_CACHE_SIZE
    cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
#endif
    size_t bytes = (size_t)256 << 20, most = bytes;
    if (cache > 0 && (size_t)cache * 4 > bytes)
        bytes = (size_t)cache * 4;
    if (page > 0 && pages > 0)
        most = (size_t)pages / 8 * (size_t)page;
    bytes = bytes < most ? bytes : most;
    return bytes < LARGE_PAGE ? LARGE_PAGE : bytes / LARGE_PAGE * LARGE_PAGE;
}

typedef struct reading {
    char *buffer;
    uint64_t *sums; /* [pieces] */
    bool pages;     /* eight at once */
} reading;

static void fill_piece(void *ctx, size_t i, int thread)
{
    (void)thread;
    const reading *r = ctx;
    memset(r->buffer + i * PIECE, (int)(i % 251) + 1, PIECE);
}

static void read_piece(void *ctx, size_t i, int thread)
{
    (void)thread;
    const reading *r = ctx;
    r->sums[i] = rate_read(r->buffer + i * PIECE, PIECE, r->pages);
}

static double memory_rate(bora_threads *threads, bora_error *err)
{
    size_t bytes = buffer_bytes(), n = bytes / PIECE;
    reading r = { aligned_alloc(LARGE_PAGE, bytes), calloc(n, sizeof *r.sums), false };
    double best = 0;
    if (!r.buffer || !r.sums)
        bora_fail(err, BORA_MEMORY, "out of memory for the %zu MiB with which memory's speed is measured", bytes >> 20);
    else {
#ifdef MADV_HUGEPAGE
        madvise(r.buffer, bytes, MADV_HUGEPAGE); /* as weights are */
#endif
        bora_threads_run(threads, n, fill_piece, &r);
    }
    for (int pass = 0; r.buffer && r.sums && pass < PASSES; pass++) {
        r.pages = pass % 2 == 1;
        double start = cli_seconds();
        bora_threads_run(threads, n, read_piece, &r);
        double rate = (double)bytes / (cli_seconds() - start);
        best = rate > best ? rate : best;
    }
    free(r.buffer);
    free(r.sums);
    return best;
}

/* ---- arithmetic */

typedef struct computing {
    const rate_loop *loop;
    int64_t rounds;
} computing;

static void compute(void *ctx, size_t i, int thread)
{
    (void)i;
    (void)thread;
    const computing *c = ctx;
    c->loop->run(c->rounds);
}

static double arithmetic_rate(bora_threads *threads, const rate_loop *loop)
{
    computing c = { loop, 1 << 12 };
    size_t n = (size_t)bora_threads_count(threads) * TASKS_PER_THREAD;
    double best = 0;
    for (int repeat = 0; repeat < REPEATS;) {
        double start = cli_seconds();
        bora_threads_run(threads, n, compute, &c);
        double seconds = cli_seconds() - start, rate = (double)n * (double)c.rounds * loop->ops_per_round / seconds;
        if (seconds < 0.02) { /* too short for the clock and for a processor that wakes up */
            c.rounds *= 2;
            continue;
        }
        best = rate > best ? rate : best;
        repeat++;
    }
    return best;
}

bool limits_measure(int n_threads, machine_limits *limits, bora_error *err)
{
    bora_threads *threads = bora_threads_new(n_threads, err);
    double memory = threads ? memory_rate(threads, err) : 0;
    const rate_loop *f32 = rate_f32(), *int8 = rate_int8();
    if (memory > 0) {
        double f32_rate = arithmetic_rate(threads, f32), int8_rate = int8 ? arithmetic_rate(threads, int8) : 0;
        limits->memory = memory > limits->memory ? memory : limits->memory;
        limits->f32 = f32_rate > limits->f32 ? f32_rate : limits->f32;
        limits->int8 = int8_rate > limits->int8 ? int8_rate : limits->int8;
        limits->f32_with = f32->name;
        limits->int8_with = int8 ? int8->name : NULL;
    }
    bora_threads_free(threads);
    return memory > 0;
}

/* ---- its name */

char *limits_processor(void)
{
    FILE *f = fopen("/proc/cpuinfo", "r");
    char line[512];
    struct utsname machine;
    while (f && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", strlen("model name")) != 0 || !colon)
            continue;
        fclose(f);
        colon += 1 + strspn(colon + 1, " ");
        colon[strcspn(colon, "\n")] = '\0';
        return strdup(colon);
    }
    if (f)
        fclose(f);
    return strdup(uname(&machine) == 0 ? machine.machine : "unknown");
}
