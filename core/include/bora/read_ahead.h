/* Asking memory for weights before they are read, for the inner loops of kernels.
 *
 * Two orders, for two kinds of processors. Some answer faster when several pages are read at a time: while a window of
 * pages is read, a line of each page of the next window is asked for, then the next line of each. Windows lie at
 * multiples of their size, and what is asked for depends only on what is read at the moment, so panels that follow each
 * other in memory need not know of each other. Others follow a single stream from page to page by themselves, and lose
 * by anything else: there lines are asked for in order, a distance ahead. */
#ifndef BORA_READ_AHEAD_H
#define BORA_READ_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

enum {
    BORA_READ_AHEAD_PAGE = 4096,
    BORA_READ_AHEAD_PAGES = 8,
    BORA_READ_AHEAD_WINDOW = BORA_READ_AHEAD_PAGES * BORA_READ_AHEAD_PAGE,
    BORA_READ_AHEAD_LINE = 64,
    BORA_READ_AHEAD_COLUMN = BORA_READ_AHEAD_PAGES * BORA_READ_AHEAD_LINE, /* a line of each page */
    BORA_READ_AHEAD_DISTANCE = 8192                                        /* of lines that are read in order */
};

/* What this processor wants: pages won on Sapphire Rapids, lines in order on Zen 5. */
static inline bool bora_reads_in_order(void)
{
#ifdef __x86_64__
    return !__builtin_cpu_is("intel");
#else
    return false; /* not measured on others */
#endif
}

/* Asks for lines in order. Each address is computed from the one before, the compiler shall not see how, and so the
 * processor comes to them in that order, too: out of order they arrive at little more than half the speed. */
static inline __attribute__((always_inline)) void bora_read_lines_ahead(uintptr_t at, int n_lines)
{
    for (int i = 0; i < n_lines; i++) {
        __builtin_prefetch((const void *)at, 0, 3);
        at += BORA_READ_AHEAD_LINE;
        __asm__("" : "+r"(at));
    }
}

/* In the order that the processor wants: to be called once for each BORA_READ_AHEAD_COLUMN bytes that are read; `at` is
 * a multiple of it. A number, because what it leads to may be behind the end of everything. */
static inline __attribute__((always_inline)) void bora_read_ahead(uintptr_t at)
{
    if (bora_reads_in_order()) {
        bora_read_lines_ahead(at + BORA_READ_AHEAD_DISTANCE, BORA_READ_AHEAD_COLUMN / BORA_READ_AHEAD_LINE);
        return;
    }
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
