/* Asking memory for weights before they are read. Memory answers faster when several pages are read at a time, so what
 * is read one after the other is asked for in another order: while a window of pages is read, a line of each page of
 * the next window is asked for, then the next line of each. Windows lie at multiples of their size, and each column of
 * lines depends only on what is read at the moment, so products that follow each other in memory need not know of each
 * other. */
#ifndef CPU_READ_AHEAD_H
#define CPU_READ_AHEAD_H

#include <stdint.h>

enum {
    READ_AHEAD_PAGE = 4096,
    READ_AHEAD_PAGES = 8,
    READ_AHEAD_WINDOW = READ_AHEAD_PAGES * READ_AHEAD_PAGE,
    READ_AHEAD_COLUMN = READ_AHEAD_PAGES * 64 /* a line of each page: so much is read meanwhile */
};

/* To be called once for each READ_AHEAD_COLUMN bytes that are read; `at` is a multiple of it. A number, because what it
 * leads to may be behind the end of everything. */
static inline __attribute__((always_inline)) void read_ahead(uintptr_t at)
{
    const uintptr_t in_window = at % READ_AHEAD_WINDOW;
    const uintptr_t column = at - in_window + READ_AHEAD_WINDOW + in_window / READ_AHEAD_PAGES;
#ifdef __clang__
#pragma unroll
#else
#pragma GCC unroll 8
#endif
    for (int page = 0; page < READ_AHEAD_PAGES; page++)
        __builtin_prefetch((const void *)(column + (uintptr_t)page * READ_AHEAD_PAGE), 0, 2);
}

#endif
