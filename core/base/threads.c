/* The thread pool of bora/threads.h.
 *
 * One job is open at a time, and no worker is needed for it: the caller works along, and a worker that is somewhere
 * else when the job ends is not waited for. All that threads have to agree on is one word, the job's number and whether
 * it is open. A worker enters by saying so in a word of its own and then looking whether the job is still open; the
 * caller closes the job and then looks who is inside. Both are sequentially consistent, so one of them sees the other.
 * So threads write to nothing that all of them read but when they take a task, and those numbers come from counters
 * that few threads share.
 *
 * Who has nothing to do looks for a while, because the next node of a graph is often that near, and then sleeps. A
 * worker that the system took off its processor within a task, so that everybody waited, stays out for some time:
 * whatever else runs on this machine, all workers together cost at most a small part of the time. */
#include <bora/threads.h>

#include "base/processors.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_THREADS = 1024,
    MAX_NODES = 64,
    APART = 128,      /* bytes: processors fetch cache lines in pairs */
    MOST_SHARDS = 16, /* each is looked at by all, at the end of a job */
    LOOKS = 16,       /* at a word, for each at the clock */
    WAKE_AT_ONCE = 2, /* each that wakes up wakes as many: one caller would take long to wake a hundred */
    /* Waking costs the caller some microseconds and the work some tens; looking for longer than that many times as
     * long would make an idle process busy. */
    LOOK_NS = 200 * 1000,
    JOIN_NS = 50 * 1000,            /* the caller, for the last worker */
    GAP_NS = 100 * 1000,            /* two looks further apart: another process ran in between */
    MOST_GAIN_NS = 5 * 1000 * 1000, /* what a worker may lose again before it stays out */
    OUT_PER_LOSS = 8,               /* times the time that was lost, it then does */
    MOST_OUT_NS = 1000 * 1000 * 1000,
};

/* The word: whether the job is open, and its number. */
#define JOB_OPEN UINT32_C(1)
#define JOB_NEXT UINT32_C(2)

/* What a worker says of itself. */
enum { OUTSIDE, INSIDE, AWAITED /* inside, and the caller sleeps until it leaves */ };

typedef struct worker {
    _Alignas(APART) _Atomic uint32_t where;
    bora_threads *pool;
    pthread_t id;
    int thread, node;
    int64_t clock_ns; /* when it last looked at the clock */
    int64_t idle_ns;  /* time without a processor since it started, as it was when it last slept */
    long n_reads;     /* that it had to wait for, of pages of files, until then */
    int64_t gain_ns;  /* time that it saved by working, less what it lost by being waited for */
} worker;

/* A run of neighbouring tasks, which the same thread, or the same few, begin with in every job: memory that a thread
 * was the first to touch lies near its processor, and memory that it asks for ahead is what it will need. */
typedef struct shard {
    _Alignas(APART) atomic_size_t next; /* task that nobody took yet */
    size_t end;
} shard;

struct bora_threads {
    /* The job. Written by the caller while nobody is inside, read by workers that are. */
    _Alignas(APART) _Atomic uint32_t word;
    atomic_int n_asleep; /* workers waiting for the word to change */
    _Atomic uint32_t stop;
    atomic_int processor; /* the caller's, when it opened the job */
    void (*task)(void *ctx, size_t i, int thread);
    void *ctx;
    _Atomic int64_t closed_ns; /* when the caller began to wait for workers, if it did */

    _Alignas(APART) pthread_mutex_t callers; /* held by the caller whose job runs */
    int n_threads, n_workers, n_shards;      /* n_workers: that were started */
    int64_t look_ns, join_ns;                /* none when there are more threads than processors */
    worker *workers;
    shard *shards;
    processor_set allowed, *nodes;
    int n_nodes;
};

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Sleeps while *word is `value`, until somebody wakes it; for at most timeout_ns unless that is 0. May return early. */
static void futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t timeout_ns)
{
    struct timespec timeout = { .tv_sec = (time_t)(timeout_ns / 1000000000),
                                .tv_nsec = (long)(timeout_ns % 1000000000) };
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, timeout_ns > 0 ? &timeout : NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word, int n)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}

/* ---- tasks ---- */

static void share_out(bora_threads *pool, size_t n_tasks)
{
    size_t n = (size_t)pool->n_shards, each = n_tasks / n, longer = n_tasks % n, at = 0;
    for (size_t s = 0; s < n; s++) {
        atomic_store_explicit(&pool->shards[s].next, at, memory_order_relaxed);
        at += each + (s < longer);
        pool->shards[s].end = at;
    }
}

static int own_shard(const bora_threads *pool, int thread)
{
    return (int)((int64_t)thread * pool->n_shards / pool->n_threads);
}

static bool any_left(const shard *s)
{
    return atomic_load_explicit(&s->next, memory_order_relaxed) < s->end;
}

/* Takes tasks until there is none: those of its own shard, then what others have left. */
static void work(bora_threads *pool, int thread)
{
    for (int k = 0, own = own_shard(pool, thread); k < pool->n_shards; k++) {
        shard *s = &pool->shards[(own + k) % pool->n_shards];
        size_t i;
        while (any_left(s) && (i = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed)) < s->end)
            pool->task(pool->ctx, i, thread);
    }
}

/* ---- workers ---- */

static void wake_some(bora_threads *pool)
{
    if (atomic_load(&pool->n_asleep) == 0)
        return;
    int s = 0;
    while (s < pool->n_shards && !any_left(&pool->shards[s]))
        s++;
    if (s < pool->n_shards)
        futex_wake(&pool->word, WAKE_AT_ONCE);
}

static bool is_new(uint32_t word, uint32_t seen)
{
    return word != seen && (word & JOB_OPEN);
}

/* A worker that wakes up while all processors are busy is often put on the caller's, where it is in the way of the work
 * that it came for. It moves to another one, and competes there with whoever made this one look better. */
static void make_way(const worker *w)
{
    const bora_threads *pool = w->pool;
    int processor = pool->look_ns > 0 ? sched_getcpu() : -1;
    if (processor < 0 || processor != atomic_load_explicit(&pool->processor, memory_order_relaxed))
        return;
    processor_set others = pool->nodes[w->node];
    if (!processors_remove(&others, processor)) {
        others = pool->allowed;
        if (!processors_remove(&others, processor))
            return;
    }
    processors_bind(&others);
}

/* How long this thread was without a processor since it last asked: because it slept, or because the system, or the
 * machine below a virtual one, gave it to others. 0 if it waited for a file, as all threads do when weights are new. */
static int64_t without_processor_ns(worker *w)
{
    struct rusage use;
    if (getrusage(RUSAGE_THREAD, &use) != 0)
        return 0;
    int64_t used_us =
        ((int64_t)use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 + use.ru_utime.tv_usec + use.ru_stime.tv_usec;
    int64_t idle = w->clock_ns - used_us * 1000, since = use.ru_majflt == w->n_reads ? idle - w->idle_ns : 0;
    w->idle_ns = idle;
    w->n_reads = use.ru_majflt;
    return since;
}

/* Looks for an open job with another number than `seen`; returns the word, or `seen` when it looked long enough. */
static uint32_t look_for_job(worker *w, uint32_t seen)
{
    bora_threads *pool = w->pool;
    int64_t begin = w->clock_ns;
    uint32_t word, before = seen;
    for (;;) {
        for (int i = 0; i < LOOKS; i++) {
            if (is_new(word = atomic_load(&pool->word), seen))
                return word;
            relax();
        }
        make_way(w);
        int64_t now = now_ns();
        if (word != before) /* a job that ended without this worker: the next one is near */
            begin = now;
        before = word;
        if (now - begin >= pool->look_ns || now - w->clock_ns > GAP_NS)
            return seen;
        w->clock_ns = now;
    }
}

/* Waits for an open job with another number than `seen`. */
static uint32_t await_job(worker *w, uint32_t seen)
{
    bora_threads *pool = w->pool;
    for (;;) {
        uint32_t word = look_for_job(w, seen);
        if (word != seen)
            return word;
        atomic_fetch_add(&pool->n_asleep, 1); /* before the word is read again: whoever opens a job reads it after */
        word = atomic_load(&pool->word);
        if (!is_new(word, seen))
            futex_wait(&pool->word, word, 0);
        atomic_fetch_sub(&pool->n_asleep, 1);
        w->clock_ns = now_ns();
        without_processor_ns(w);
    }
}

/* After a job: what was it worth that this worker was in it? Without it, the work would have taken the others as much
 * longer as its part is of theirs; but while it was late, everybody waited. */
static void settle(worker *w, bool awaited)
{
    bora_threads *pool = w->pool;
    int64_t begin = w->clock_ns, late = 0;
    w->clock_ns = now_ns();
    if (awaited) { /* a task may also be long: late is who was not at it */
        int64_t since = w->clock_ns - atomic_load(&pool->closed_ns), idle = without_processor_ns(w);
        late = idle < 0 ? 0 : idle < since ? idle : since;
    }
    w->gain_ns += (w->clock_ns - begin - late) / pool->n_workers - late;
    if (w->gain_ns > MOST_GAIN_NS)
        w->gain_ns = MOST_GAIN_NS;
    if (w->gain_ns >= 0)
        return;
    int64_t most = MOST_OUT_NS / OUT_PER_LOSS / pool->n_workers, loss = -w->gain_ns < most ? -w->gain_ns : most;
    futex_wait(&pool->stop, 0, loss * OUT_PER_LOSS * pool->n_workers);
    w->gain_ns = 0;
    w->clock_ns = now_ns();
    without_processor_ns(w);
}

static void *worker_main(void *arg)
{
    worker *w = arg;
    bora_threads *pool = w->pool;
    if (pool->n_nodes > 1)
        processors_bind(&pool->nodes[w->node]);
    w->clock_ns = now_ns();
    without_processor_ns(w);
    uint32_t seen = 0;
    for (;;) {
        seen = await_job(w, seen);
        if (atomic_load(&pool->stop))
            return NULL;
        make_way(w);
        atomic_store(&w->where, INSIDE);
        if (atomic_load(&pool->word) == seen) {
            wake_some(pool);
            work(pool, w->thread);
        }
        bool awaited = atomic_exchange(&w->where, OUTSIDE) == AWAITED;
        if (awaited)
            futex_wake(&w->where, 1);
        settle(w, awaited);
    }
}

static bool start_workers(bora_threads *pool, bora_error *err)
{
    sigset_t all, old; /* signals are for the program's own threads */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int failed = 0;
    while (!failed && pool->n_workers < pool->n_threads - 1) {
        worker *w = &pool->workers[pool->n_workers];
        w->pool = pool;
        w->thread = pool->n_workers + 1;
        w->node = processors_node_of(pool->nodes, pool->n_nodes, w->thread, pool->n_threads);
        failed = pthread_create(&w->id, NULL, worker_main, w);
        pool->n_workers += !failed;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed)
        return bora_fail(err, BORA_LIMIT, "thread %d of %d could not be started: ask for fewer threads",
                         pool->n_workers + 2, pool->n_threads);
    return true;
}

/* ---- the pool ---- */

static void *new_zeroed(size_t n, size_t size_bytes)
{
    void *p = aligned_alloc(APART, n * size_bytes);
    return p ? memset(p, 0, n * size_bytes) : NULL;
}

bora_threads *bora_threads_new(int n_threads, bora_error *err)
{
    processor_set allowed;
    processors_allowed(&allowed);
    int n_processors = processors_count(&allowed);
    if (n_threads == 0)
        n_threads = processors_for_threads("", &allowed, MAX_THREADS);
    if (n_threads < 0 || n_threads > MAX_THREADS) {
        bora_fail(err, BORA_USAGE, "%d threads: the number must be 0 to %d", n_threads, MAX_THREADS);
        return NULL;
    }
    bora_threads *pool = new_zeroed(1, sizeof *pool);
    if (!pool) {
        bora_fail_memory(err, "a thread pool");
        return NULL;
    }
    pthread_mutex_init(&pool->callers, NULL);
    pool->n_threads = n_threads;
    pool->allowed = allowed;
    pool->look_ns = n_threads > n_processors ? 0 : LOOK_NS;
    pool->join_ns = n_threads > n_processors ? 0 : JOIN_NS;
    pool->nodes = calloc(MAX_NODES, sizeof *pool->nodes);
    pool->workers = new_zeroed((size_t)n_threads, sizeof *pool->workers);
    pool->shards = new_zeroed((size_t)n_threads, sizeof *pool->shards);
    if (!pool->nodes || !pool->workers || !pool->shards) {
        bora_fail_memory(err, "a thread pool");
        bora_threads_free(pool);
        return NULL;
    }
    pool->n_nodes = processors_nodes("", &allowed, pool->nodes, MAX_NODES);
    int n_shards = pool->n_nodes > MOST_SHARDS ? pool->n_nodes : MOST_SHARDS;
    pool->n_shards = n_shards < n_threads ? n_shards : n_threads;
    if (!start_workers(pool, err)) {
        bora_threads_free(pool);
        return NULL;
    }
    return pool;
}

static void open_job(bora_threads *pool)
{
    atomic_store_explicit(&pool->processor, sched_getcpu(), memory_order_relaxed);
    atomic_store(&pool->word, (atomic_load(&pool->word) + JOB_NEXT) | JOB_OPEN);
}

void bora_threads_free(bora_threads *pool)
{
    if (!pool)
        return;
    atomic_store(&pool->stop, 1);
    open_job(pool);
    futex_wake(&pool->word, MAX_THREADS);
    futex_wake(&pool->stop, MAX_THREADS);
    for (int i = 0; i < pool->n_workers; i++)
        pthread_join(pool->workers[i].id, NULL);
    pthread_mutex_destroy(&pool->callers);
    free(pool->shards);
    free(pool->workers);
    free(pool->nodes);
    free(pool);
}

int bora_threads_count(const bora_threads *pool)
{
    return pool->n_threads;
}

static void await_worker(bora_threads *pool, worker *w)
{
    int64_t begin = now_ns();
    for (int i = 1; atomic_load(&w->where) != OUTSIDE; i++) {
        relax();
        if (i % LOOKS != 0)
            continue;
        if (now_ns() - begin < pool->join_ns)
            continue;
        atomic_store(&pool->closed_ns, begin);
        uint32_t inside = INSIDE;
        if (atomic_compare_exchange_strong(&w->where, &inside, AWAITED) || inside == AWAITED)
            futex_wait(&w->where, AWAITED, 0);
    }
}

static void close_job(bora_threads *pool)
{
    atomic_store(&pool->word, atomic_load(&pool->word) & ~JOB_OPEN);
    for (int i = 0; i < pool->n_workers; i++)
        if (atomic_load(&pool->workers[i].where) != OUTSIDE)
            await_worker(pool, &pool->workers[i]);
}

void bora_threads_run(bora_threads *pool, size_t n_tasks, void (*task)(void *ctx, size_t i, int thread), void *ctx)
{
    pthread_mutex_lock(&pool->callers);
    if (pool->n_workers == 0 || n_tasks < 2) {
        for (size_t i = 0; i < n_tasks; i++)
            task(ctx, i, 0);
    } else {
        pool->task = task;
        pool->ctx = ctx;
        share_out(pool, n_tasks);
        open_job(pool);
        wake_some(pool);
        work(pool, 0);
        close_job(pool);
    }
    pthread_mutex_unlock(&pool->callers);
}
