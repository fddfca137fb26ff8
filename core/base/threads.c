/* The thread pool of bora/threads.h.
 *
 * One job is open at a time. All that threads have to agree on is one atomic word: the job's number, whether it is
 * open, and how many workers are in it. A worker enters by counting itself in while the job is open, takes task numbers
 * from an atomic counter until none is left, and counts itself out. The caller opens the job, works along, closes it,
 * and waits until nobody is inside; a worker that wakes too late finds the job closed and costs nothing. Who has
 * nothing to do looks for a few microseconds, because the next node of a graph is often that near, and then sleeps. */
#include <bora/threads.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_THREADS = 1024, SPINS = 1000 };

/* The word: workers inside in the low bits, then one bit for "open", then the job's number. */
#define JOB_INSIDE UINT64_C(0xffff)
#define JOB_OPEN UINT64_C(0x10000)
#define JOB_NUMBER(word) ((word) >> 17)
#define JOB_OPENED(number) ((uint64_t)(number) << 17 | JOB_OPEN)

typedef struct worker {
    bora_threads *pool;
    pthread_t id;
    int thread;
} worker;

struct bora_threads {
    int n_threads;
    int spins; /* none when there are more threads than processors */
    worker *workers;
    int n_workers;           /* that were started */
    pthread_mutex_t callers; /* held by the caller whose job runs */

    /* The job. Written by the caller while nobody is inside, read by workers that are. */
    void (*task)(void *ctx, size_t i, int thread);
    void *ctx;
    size_t n_tasks;
    atomic_size_t next; /* task that nobody took yet */
    _Atomic uint64_t word;
    atomic_bool stop;

    pthread_mutex_t sleep; /* guards going to sleep on one of these */
    pthread_cond_t opened, left;
    atomic_int n_asleep; /* workers waiting for `opened` */
};

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int usable_processors(void)
{
    for (int n = 1024; n <= 1 << 20; n *= 2) { /* the kernel refuses a set that is smaller than its own */
        cpu_set_t *set = CPU_ALLOC((size_t)n);
        if (!set)
            break;
        size_t size = CPU_ALLOC_SIZE((size_t)n);
        int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (count > 0)
            return count < MAX_THREADS ? count : MAX_THREADS;
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online < 1 ? 1 : online > MAX_THREADS ? MAX_THREADS : (int)online;
}

static void work(bora_threads *pool, int thread)
{
    size_t i;
    while ((i = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed)) < pool->n_tasks)
        pool->task(pool->ctx, i, thread);
}

/* Waits for a job with another number than `seen`; returns the word, or 0 when the pool ends. */
static uint64_t await_job(bora_threads *pool, uint64_t seen)
{
    uint64_t word;
    for (int i = 0; i < pool->spins; i++) {
        if (JOB_NUMBER(word = atomic_load(&pool->word)) != seen)
            return word;
        relax();
    }
    pthread_mutex_lock(&pool->sleep);
    atomic_fetch_add(&pool->n_asleep, 1); /* before the word is read again: whoever opens a job reads it after */
    while (JOB_NUMBER(word = atomic_load(&pool->word)) == seen && !atomic_load(&pool->stop))
        pthread_cond_wait(&pool->opened, &pool->sleep);
    atomic_fetch_sub(&pool->n_asleep, 1);
    pthread_mutex_unlock(&pool->sleep);
    return JOB_NUMBER(word) == seen ? 0 : word;
}

static bool enter(bora_threads *pool, uint64_t word)
{
    uint64_t number = JOB_NUMBER(word);
    while (JOB_NUMBER(word) == number && (word & JOB_OPEN))
        if (atomic_compare_exchange_weak(&pool->word, &word, word + 1))
            return true;
    return false;
}

static void leave(bora_threads *pool)
{
    uint64_t before = atomic_fetch_sub(&pool->word, 1);
    if ((before & JOB_INSIDE) == 1 && !(before & JOB_OPEN)) { /* the last one out of a closed job */
        pthread_mutex_lock(&pool->sleep);
        pthread_cond_signal(&pool->left);
        pthread_mutex_unlock(&pool->sleep);
    }
}

static void *worker_main(void *arg)
{
    worker *w = arg;
    uint64_t word, seen = 0;
    while ((word = await_job(w->pool, seen)) != 0) {
        seen = JOB_NUMBER(word);
        if (enter(w->pool, word)) {
            work(w->pool, w->thread);
            leave(w->pool);
        }
    }
    return NULL;
}

static bool start_workers(bora_threads *pool, bora_error *err)
{
    sigset_t all, old; /* signals are for the program's own threads */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int failed = 0;
    while (!failed && pool->n_workers < pool->n_threads - 1) {
        worker *w = &pool->workers[pool->n_workers];
        *w = (worker){ .pool = pool, .thread = pool->n_workers + 1 };
        failed = pthread_create(&w->id, NULL, worker_main, w);
        pool->n_workers += !failed;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed)
        return bora_fail(err, BORA_LIMIT, "thread %d of %d could not be started: ask for fewer threads",
                         pool->n_workers + 2, pool->n_threads);
    return true;
}

bora_threads *bora_threads_new(int n_threads, bora_error *err)
{
    int n_processors = usable_processors();
    if (n_threads == 0)
        n_threads = n_processors;
    if (n_threads < 0 || n_threads > MAX_THREADS) {
        bora_fail(err, BORA_USAGE, "%d threads: the number must be 0 to %d", n_threads, MAX_THREADS);
        return NULL;
    }
    bora_threads *pool = calloc(1, sizeof *pool);
    worker *workers = calloc((size_t)n_threads, sizeof *workers);
    if (!pool || !workers) {
        bora_fail_memory(err, "a thread pool");
        free(workers);
        free(pool);
        return NULL;
    }
    pool->n_threads = n_threads;
    pool->spins = n_threads > n_processors ? 0 : SPINS;
    pool->workers = workers;
    pthread_mutex_init(&pool->callers, NULL);
    pthread_mutex_init(&pool->sleep, NULL);
    pthread_cond_init(&pool->opened, NULL);
    pthread_cond_init(&pool->left, NULL);
    if (!start_workers(pool, err)) {
        bora_threads_free(pool);
        return NULL;
    }
    return pool;
}

void bora_threads_free(bora_threads *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->sleep);
    atomic_store(&pool->stop, true);
    pthread_cond_broadcast(&pool->opened);
    pthread_mutex_unlock(&pool->sleep);
    for (int i = 0; i < pool->n_workers; i++)
        pthread_join(pool->workers[i].id, NULL);
    pthread_cond_destroy(&pool->left);
    pthread_cond_destroy(&pool->opened);
    pthread_mutex_destroy(&pool->sleep);
    pthread_mutex_destroy(&pool->callers);
    free(pool->workers);
    free(pool);
}

int bora_threads_count(const bora_threads *pool)
{
    return pool->n_threads;
}

static void open_job(bora_threads *pool)
{
    uint64_t number = JOB_NUMBER(atomic_load(&pool->word)) + 1;
    atomic_store(&pool->word, JOB_OPENED(number));
    int asleep = atomic_load(&pool->n_asleep);
    if (asleep == 0)
        return;
    pthread_mutex_lock(&pool->sleep);
    if (pool->n_tasks > (size_t)asleep)
        pthread_cond_broadcast(&pool->opened);
    else
        for (size_t i = 1; i < pool->n_tasks; i++) /* the caller takes one itself */
            pthread_cond_signal(&pool->opened);
    pthread_mutex_unlock(&pool->sleep);
}

static void close_job(bora_threads *pool)
{
    atomic_fetch_and(&pool->word, ~JOB_OPEN);
    for (int i = 0; i < pool->spins; i++) {
        if (!(atomic_load(&pool->word) & JOB_INSIDE))
            return;
        relax();
    }
    pthread_mutex_lock(&pool->sleep);
    while (atomic_load(&pool->word) & JOB_INSIDE)
        pthread_cond_wait(&pool->left, &pool->sleep);
    pthread_mutex_unlock(&pool->sleep);
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
        pool->n_tasks = n_tasks;
        atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
        open_job(pool);
        work(pool, 0);
        close_job(pool);
    }
    pthread_mutex_unlock(&pool->callers);
}
