/* Four floats side by side, written as if they were one.
 *
 * The compiler's own vector type: plain C to read, one register on every processor (SSE2, NEON), and in each lane the
 * very operations that a single float would see, in the same order. So four groups are searched at once, and each gives
 * what it would give alone. */
#ifndef GGML_LANES_H
#define GGML_LANES_H

#include <stdint.h>

enum { LANES = 4 };

typedef float lanes __attribute__((vector_size(4 * LANES)));
typedef int32_t lane_ints __attribute__((vector_size(4 * LANES))); /* of a comparison: -1 where it holds, else 0 */

static inline lanes all(float f)
{
    return (lanes){ f, f, f, f };
}

static inline lanes pick(lane_ints where, lanes yes, lanes no)
{
    return (lanes)(((lane_ints)yes & where) | ((lane_ints)no & ~where));
}

static inline bool anywhere(lane_ints where)
{
    return (where[0] | where[1] | where[2] | where[3]) != 0;
}

static inline lanes magnitude(lanes v)
{
    return (lanes)((lane_ints)v & 0x7fffffff);
}

/* nearest_int() and clamp_int(), as floats. */
static inline lanes round_between(lanes v, int lowest, int highest)
{
    lane_ints code = ((lane_ints)(v + 0x1.8p23f) & 0x7fffff) - 0x400000;
    const lane_ints under = code<lowest, over = code> highest;
    code = (code & ~under & ~over) | (under & lowest) | (over & highest);
    return __builtin_convertvector(code, lanes);
}

#endif
