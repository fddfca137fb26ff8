/* A pool of threads that splits one job at a time: for backends that compute on the host. */
#ifndef BORA_THREADS_H
#define BORA_THREADS_H

#include <bora/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bora_threads bora_threads;

/* A pool of `n_threads`, the calling thread included. 0: one for each core that this process may use (two threads on
 * one core share its arithmetic and its way to the memory), and no more than its control group has processors' time.
 * Errors: BORA_USAGE (more than 1024, or less than none), BORA_MEMORY, BORA_LIMIT (the system gives no more threads).
 */
BORA_API bora_threads *bora_threads_new(int n_threads, bora_error *err);
BORA_API void bora_threads_free(bora_threads *pool);
BORA_API int bora_threads_count(const bora_threads *pool);

/* Calls task(ctx, i, thread) once for each i in 0 … n_tasks-1 and returns when all have returned. `thread` is 0 …
 * count-1 and the same for no two calls at a time: it chooses a scratch area. The caller works too, and waits for no
 * thread that took no task; so many short tasks do better than a few long ones where other processes run. Neighbouring
 * tasks go to the same threads in every job, unless others run out of theirs. One job runs at a time; a second caller
 * waits. So a task must not run another job on the same pool: it would wait for itself. */
BORA_API void bora_threads_run(bora_threads *pool, size_t n_tasks, void (*task)(void *ctx, size_t i, int thread),
                               void *ctx);

#ifdef __cplusplus
}
#endif
#endif
