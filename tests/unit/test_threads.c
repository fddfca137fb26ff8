/* core/base/threads.c: every task once, scratch areas never shared, callers one after the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <bora/threads.h>

#include "base/processors.h"
#include "sanitized.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <time.h>

enum { MANY = 4096, MAX = 80 };

typedef struct job {
    int n_threads;
    int runs[MANY]; /* not atomic: each task is one thread's alone, and the caller reads after all have returned */
    long sums[MAX]; /* one scratch area for each thread, not atomic for the same reason */
    atomic_int busy[MAX];
    atomic_int wrong;
} job;

static void count_task(void *ctx, size_t i, int thread)
{
    job *j = ctx;
    if (thread < 0 || thread >= j->n_threads || atomic_fetch_add(&j->busy[thread], 1) != 0)
        atomic_fetch_add(&j->wrong, 1);
    j->runs[i]++;
    j->sums[thread] += (long)i;
    atomic_fetch_sub(&j->busy[thread], 1);
}

static void check(job *j, size_t n_tasks, int times)
{
    long sum = 0;
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(j->runs[i], i < n_tasks ? times : 0);
    for (int t = 0; t < MAX; t++)
        sum += j->sums[t];
    assert_int_equal(sum, (long)times * (long)(n_tasks * (n_tasks - (n_tasks > 0)) / 2));
    assert_int_equal(j->wrong, 0);
}

static void every_task_runs_once(void **state)
{
    (void)state;
    const size_t sizes[] = { 0, 1, 2, 3, 7, 64, MANY };
    for (int n = 1; n <= MAX; n += n < 9 ? 2 : 23) { /* up to many more than processors, and than share a counter */
        bora_threads *pool = bora_threads_new(n, NULL);
        assert_non_null(pool);
        assert_int_equal(bora_threads_count(pool), n);
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            job j = { .n_threads = n };
            bora_threads_run(pool, sizes[s], count_task, &j);
            check(&j, sizes[s], 1);
        }
        bora_threads_free(pool);
    }
}

/* Jobs that follow at once catch workers between two of them; a pause in between lets them fall asleep. */
static void jobs_follow_each_other(void **state)
{
    (void)state;
    for (int n = 2; n <= 6; n += 4) {
        bora_threads *pool = bora_threads_new(n, NULL);
        job j = { .n_threads = n };
        for (int k = 0; k < 3000; k++) {
            bora_threads_run(pool, 5, count_task, &j);
            if (k % 300 == 0)
                nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
        }
        check(&j, 5, 3000);
        bora_threads_free(pool);
    }
}

typedef struct caller {
    bora_threads *pool;
    job *j;
} caller;

static void *call_often(void *arg)
{
    caller *c = arg;
    for (int k = 0; k < 300; k++)
        bora_threads_run(c->pool, 9, count_task, c->j);
    return NULL;
}

static void a_second_caller_waits(void **state)
{
    (void)state;
    for (int n = 1; n <= 3; n++) {
        caller c = { bora_threads_new(n, NULL), &(job){ .n_threads = n } };
        pthread_t ids[4];
        for (int i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&ids[i], NULL, call_often, &c), 0);
        for (int i = 0; i < 4; i++)
            pthread_join(ids[i], NULL);
        check(c.j, 9, 4 * 300);
        bora_threads_free(c.pool);
    }
}

static void meet(void *ctx, size_t i, int thread)
{
    (void)i, (void)thread;
    atomic_int *arrived = ctx;
    atomic_fetch_add(arrived, 1);
    while (atomic_load(arrived) < 3)
        sched_yield();
}

/* Ends only when three tasks are inside at the same time. */
static void tasks_run_at_the_same_time(void **state)
{
    (void)state;
    bora_threads *pool = bora_threads_new(3, NULL);
    for (int k = 0; k < 100; k++) {
        atomic_int arrived = 0;
        bora_threads_run(pool, 3, meet, &arrived);
        assert_int_equal(arrived, 3);
    }
    bora_threads_free(pool);
}

static void zero_means_the_cores_of_this_process(void **state)
{
    (void)state;
    cpu_set_t all, one;
    processor_set allowed;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    processors_allowed(&allowed);
    assert_int_equal(processors_count(&allowed), CPU_COUNT(&all));
    bora_threads *pool = bora_threads_new(0, NULL);
    assert_int_equal(bora_threads_count(pool), processors_for_threads("", &allowed, 1024));
    assert_in_range(bora_threads_count(pool), 1, CPU_COUNT(&all));
    bora_threads_free(pool);
    CPU_ZERO(&one);
    for (size_t cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
        if (CPU_ISSET(cpu, &all))
            CPU_SET(cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    pool = bora_threads_new(0, NULL);
    assert_int_equal(bora_threads_count(pool), 1);
    bora_threads_free(pool);
    /* Three threads on one processor: who waits must let the others run. */
    pool = bora_threads_new(3, NULL);
    job j = { .n_threads = 3 };
    for (int k = 0; k < 200; k++)
        bora_threads_run(pool, 50, count_task, &j);
    check(&j, 50, 200);
    bora_threads_free(pool);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
}

typedef struct competitor {
    pthread_t id;
    atomic_bool *stop;
} competitor;

static void *compete(void *arg)
{
    const competitor *c = arg;
    while (!atomic_load(c->stop))
        continue;
    return NULL;
}

static void slow_task(void *ctx, size_t i, int thread)
{
    for (volatile int k = 0; k < 2000; k++)
        continue;
    count_task(ctx, i, thread);
}

/* Threads that are taken off their processors within tasks are waited for, and stay out for a while. */
static void competitors_change_nothing(void **state)
{
    (void)state;
    atomic_bool stop = false;
    competitor others[6];
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        others[i].stop = &stop;
        assert_int_equal(pthread_create(&others[i].id, NULL, compete, &others[i]), 0);
    }
    for (int n = 2; n <= 4; n++) {
        bora_threads *pool = bora_threads_new(n, NULL);
        job j = { .n_threads = n };
        for (int k = 0; k < 500; k++)
            bora_threads_run(pool, 20, slow_task, &j);
        check(&j, 20, 500);
        bora_threads_free(pool); /* ends those that stay out, too */
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        pthread_join(others[i].id, NULL);
}

static void an_open_pool_ends_at_once(void **state)
{
    (void)state;
    for (int k = 0; k < 200; k++) { /* before its threads have begun, while they look, while they sleep */
        bora_threads *pool = bora_threads_new(4, NULL);
        if (k % 3 > 0)
            bora_threads_run(pool, 8, count_task, &(job){ .n_threads = 4 });
        if (k % 3 > 1)
            nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        bora_threads_free(pool);
    }
}

static double cpu_seconds(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)use.ru_utime.tv_sec + (double)use.ru_utime.tv_usec / 1e6;
}

static void an_idle_pool_sleeps(void **state)
{
    (void)state;
    bora_threads *pool = bora_threads_new(4, NULL);
    job j = { .n_threads = 4 };
    bora_threads_run(pool, 100, count_task, &j);
    nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
    double before = cpu_seconds();
    nanosleep(&(struct timespec){ .tv_nsec = 300000000 }, NULL);
    assert_true(cpu_seconds() - before < 0.1);
    bora_threads_free(pool);
}

static void absurd_numbers_are_refused(void **state)
{
    (void)state;
    const int bad[] = { -1, 1025, INT32_MAX, INT32_MIN };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bora_error err = { .code = BORA_OK };
        assert_null(bora_threads_new(bad[i], &err));
        assert_int_equal(err.code, BORA_USAGE);
    }
    bora_threads_free(NULL);
}

/* Sanitizers map more memory than any limit that would be of use here. */
static void a_thread_that_cannot_start_is_an_error(void **state)
{
    (void)state;
#ifdef SANITIZED
    skip();
#else
    struct rlimit old, low, set;
    assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
    low = old;
    low.rlim_cur = (rlim_t)256 << 20; /* room for some of the stacks */
    assert_int_equal(setrlimit(RLIMIT_AS, &low), 0);
    assert_int_equal(getrlimit(RLIMIT_AS, &set), 0);
    if (set.rlim_cur != low.rlim_cur) /* an emulated processor shares its memory with the emulator: it has no limit */
        skip();
    bora_error err = { .code = BORA_OK };
    bora_threads *pool = bora_threads_new(1024, &err);
    assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
    assert_null(pool);
    assert_int_equal(err.code, BORA_LIMIT);
    assert_non_null(strstr(err.message, "of 1024 could not be started"));
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once),
        cmocka_unit_test(jobs_follow_each_other),
        cmocka_unit_test(a_second_caller_waits),
        cmocka_unit_test(tasks_run_at_the_same_time),
        cmocka_unit_test(zero_means_the_cores_of_this_process),
        cmocka_unit_test(competitors_change_nothing),
        cmocka_unit_test(an_open_pool_ends_at_once),
        cmocka_unit_test(an_idle_pool_sleeps),
        cmocka_unit_test(a_thread_that_cannot_start_is_an_error),
        cmocka_unit_test(absurd_numbers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
