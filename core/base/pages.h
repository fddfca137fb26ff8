/* Memory that is large and lives long, such as weights: taken bit by bit and given back at once.
 *
 * It comes in slabs for which the system is asked to use its large pages: reading through gigabytes then asks the
 * processor's page tables hundreds of times less often, and filling them is as much quicker. */
#ifndef BORA_BASE_PAGES_H
#define BORA_BASE_PAGES_H

#include <stddef.h>

#include <bora/error.h>

typedef struct page_slab page_slab;

/* Zero-initialized: empty. One thread at a time. */
typedef struct page_pool {
    page_slab *slabs;
} page_pool;

/* Aligned to 64 bytes, not initialized; lives until pages_free(). NULL: BORA_MEMORY. */
void *pages_take(page_pool *pool, size_t size_bytes, bora_error *err);
void pages_free(page_pool *pool);

#endif
