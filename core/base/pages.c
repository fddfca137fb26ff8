#include "base/pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define LARGE_PAGE ((size_t)2 << 20)
#define SLAB ((size_t)64 << 20) /* of address space; memory is what gets used of it */

enum { ALIGN = 64 };

struct page_slab {
    page_slab *next;
    void *mapping;
    size_t mapped_bytes;
    char *data; /* within it, aligned to a large page */
    size_t size_bytes, used_bytes;
};

static page_slab *new_slab(size_t size_bytes)
{
    page_slab *slab = calloc(1, sizeof *slab);
    if (!slab)
        return NULL;
    size_bytes = size_bytes < SLAB ? SLAB : (size_bytes + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    slab->mapped_bytes = size_bytes + LARGE_PAGE;
    slab->mapping = mmap(NULL, slab->mapped_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (slab->mapping == MAP_FAILED) {
        free(slab);
        return NULL;
    }
    size_t misplaced = (uintptr_t)slab->mapping % LARGE_PAGE;
    slab->data = (char *)slab->mapping + (misplaced ? LARGE_PAGE - misplaced : 0);
    slab->size_bytes = size_bytes;
#ifdef MADV_HUGEPAGE
    madvise(slab->data, size_bytes, MADV_HUGEPAGE); /* where there are none, others do */
#endif
    return slab;
}

void *pages_take(page_pool *pool, size_t size_bytes, bora_error *err)
{
    page_slab *slab = pool->slabs;
    if (size_bytes > SIZE_MAX / 2)
        slab = NULL;
    else if (!slab || slab->size_bytes - slab->used_bytes < size_bytes)
        slab = new_slab(size_bytes);
    if (!slab) {
        bora_fail(err, BORA_MEMORY, "out of memory for %zu bytes", size_bytes);
        return NULL;
    }
    if (slab != pool->slabs) {
        slab->next = pool->slabs;
        pool->slabs = slab;
    }
    void *taken = slab->data + slab->used_bytes;
    size_t whole = (size_bytes + ALIGN - 1) / ALIGN * ALIGN, left = slab->size_bytes - slab->used_bytes;
    slab->used_bytes += whole < left ? whole : left;
    return taken;
}

void pages_free(page_pool *pool)
{
    while (pool->slabs) {
        page_slab *slab = pool->slabs;
        pool->slabs = slab->next;
        munmap(slab->mapping, slab->mapped_bytes);
        free(slab);
    }
}
