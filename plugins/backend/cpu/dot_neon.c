/* The loops of dot_body.h for Advanced SIMD of 64-bit Arm, which always has fused multiply-adds and binary16
 * conversions: sixteen floats in four registers. */
#ifdef __aarch64__
#include <arm_neon.h>

#define TARGET
#define HAS_HALF
enum { PART = 4, BLOCK_ROWS = 3, BLOCK_ACTS = 2 };
#define EACH_ACTS(M, ...) M(__VA_ARGS__, 1) M(__VA_ARGS__, 2)

typedef float32x4_t part;
#define PART_FUNCTION static inline __attribute__((always_inline))

PART_FUNCTION part splat(float x)
{
    return vdupq_n_f32(x);
}

PART_FUNCTION part load_f32(const char *at)
{
    return vreinterpretq_f32_u8(vld1q_u8((const uint8_t *)at));
}

PART_FUNCTION part load_f16(const char *at)
{
    return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8((const uint8_t *)at)));
}

PART_FUNCTION part load_bf16(const char *at)
{
    return vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(vld1_u8((const uint8_t *)at)), 16));
}

PART_FUNCTION void store(float *to, part x)
{
    vst1q_f32(to, x);
}

PART_FUNCTION part multiply(part a, part b)
{
    return vmulq_f32(a, b);
}

PART_FUNCTION part fused(part a, part b, part c)
{
    return vfmaq_f32(c, a, b);
}

PART_FUNCTION float add_parts(const part *x)
{
    const part q = vaddq_f32(vaddq_f32(x[0], x[2]), vaddq_f32(x[1], x[3]));
    const float32x2_t d = vadd_f32(vget_low_f32(q), vget_high_f32(q));
    return vget_lane_f32(d, 0) + vget_lane_f32(d, 1);
}

#include "dot_body.h"
#include "sum_body.h"

static bool usable(void)
{
    return true;
}

const cpu_loops cpu_loops_neon = {
    .name = "NEON",
    .usable = usable,
    .block_rows = BLOCK_ROWS,
    .by_pages = DOTS(by_pages),
    .in_order = DOTS(in_order),
    .weighted_sum = weighted_sum,
    .state_step = state_step,
};
#endif
