/* What this machine can do at most, measured now: how fast memory can be read, and how fast it multiplies and adds. */
#ifndef LIMITS_H
#define LIMITS_H

#include <bora/error.h>

typedef struct machine_limits {
    double memory; /* bytes a second that all threads together read from a buffer much larger than the caches */
    double f32;    /* operations a second on floats; a multiply-add is two */
    double int8;   /* the same on bytes, summed to 32 bits; 0: nothing faster than floats */
    const char *f32_with, *int8_with; /* the instructions, for people; NULL without a rate */
} machine_limits;

/* Measures with so many threads (0: all processors), for about a second. What is in `limits` already is kept where it
 * is more: others on the machine can only make it seem slower than it is. */
bool limits_measure(int n_threads, machine_limits *limits, bora_error *err);

/* The processor's name, or what kind it is. malloc'd; NULL when memory ran out. */
char *limits_processor(void);

#endif
