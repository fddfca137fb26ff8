/* Loops that do one thing as fast as the processor can: read memory, multiply and add floats, multiply and add bytes.
 * Each is there for several instruction sets; the best one that this processor has is chosen when it is asked for. */
#ifndef RATES_H
#define RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rate_loop {
    const char *name;            /* the instructions, for people: "AVX-512 VNNI" */
    double ops_per_round;        /* a multiply-add is two */
    void (*run)(int64_t rounds); /* in registers alone */
} rate_loop;

const rate_loop *rate_f32(void);
const rate_loop *rate_int8(void); /* NULL: it has no instruction for it that is faster than floats */

/* Reads `bytes` (a multiple of 32 KiB) from memory aligned to 64, one after the other or eight pages at once: which of
 * these is faster depends on the processor. What it returns depends on all of them. */
uint64_t rate_read(const void *memory, size_t bytes, bool pages);

#endif
