/* Asking memory for weights before they are read, for the inner loops of kernels.
 *
 * Memory answers faster when several pages are read at a time. So what is read one after the other is asked for in
 * another order: while a window of pages is read, a line of each page of the next window is asked for, then the next
 * line of each. Windows lie at multiples of their size, and what is asked for depends only on what is read at the
 * moment, so panels that follow each other in memory need not know of each other. */
#ifndef BORA_READ_AHEAD_H
#define BORA_READ_AHEAD_H

#include <stdint.h>

enum {
    BORA_READ_AHEAD_PAGE = 4096,
    BORA_READ_AHEAD_PAGES = 8,
    BORA_READ_AHEAD_WINDOW = BORA_READ_AHEAD_PAGES * BORA_READ_AHEAD_PAGE,
    BORA_READ_AHEAD_COLUMN = BORA_READ_AHEAD_PAGES * 64 /* a line of each page: so much is read meanwhile */
};

/* To be called once for each BORA_READ_AHEAD_COLUMN bytes that are read; `at` is a multiple of it. A number, because
 * what it leads to may be behind the end of everything. */
static inline __attribute__((always_inline)) void bora_read_ahead(uintptr_t at)
{
    const uintptr_t in_window = at % BORA_READ_AHEAD_WINDOW;
    const uintptr_t column = at - in_window + BORA_READ_AHEAD_WINDOW + in_window / BORA_READ_AHEAD_PAGES;
#ifdef __clang__
#pragma unroll
#else
#pragma GCC unroll 8
#endif
    for (int page = 0; page < BORA_READ_AHEAD_PAGES; page++)
        __builtin_prefetch((const void *)(column + (uintptr_t)page * BORA_READ_AHEAD_PAGE), 0, 2);
}

#endif
