/* Which of the tiles serve on this processor: the fastest one, by priority, of those whose instructions it has. */
#include "kernels.h"

#include "product.h"

#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

#define KERNEL(NAME, TIER, PRIORITY, USABLE)                                                                           \
    &(const bora_kernel){ .op = "linear",                                                                              \
                          .backend = "cpu",                                                                            \
                          .quant = #NAME,                                                                              \
                          .priority = PRIORITY + 1,                                                                    \
                          .usable = USABLE,                                                                            \
                          .tile = &tiles_##NAME##_##TIER.panels },                                                     \
        &(const bora_kernel)                                                                                           \
    {                                                                                                                  \
        .op = "linear", .backend = "cpu", .quant = #NAME, .priority = PRIORITY, .usable = USABLE,                      \
        .tile = &tiles_##NAME##_##TIER.rows                                                                            \
    }

#define KERNELS(TIER, PRIORITY, USABLE)                                                                                \
    KERNEL(q4_0, TIER, PRIORITY, USABLE), KERNEL(q4_1, TIER, PRIORITY, USABLE), KERNEL(q5_0, TIER, PRIORITY, USABLE),  \
        KERNEL(q5_1, TIER, PRIORITY, USABLE), KERNEL(q8_0, TIER, PRIORITY, USABLE),                                    \
        KERNEL(mxfp4, TIER, PRIORITY, USABLE), KERNEL(q2_k, TIER, PRIORITY, USABLE),                                   \
        KERNEL(q3_k, TIER, PRIORITY, USABLE), KERNEL(q4_k, TIER, PRIORITY, USABLE),                                    \
        KERNEL(q5_k, TIER, PRIORITY, USABLE), KERNEL(q6_k, TIER, PRIORITY, USABLE)

#ifdef __x86_64__
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avxvnni(void)
{
    unsigned a, b, c, d;
    __asm__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(7), "c"(1));
    return has_avx2() && (a >> 4 & 1);
}

static bool has_avx512vnni(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vnni");
}

/* AMD's, of which Zen 5 was measured: two products and two reads a cycle, and memory wants to be read in order. */
static bool has_zen(void)
{
    return has_avx512vnni() && __builtin_cpu_is("amd");
}

/* The processor has tiles, and the system lets this process use them: their state is large, so it wants to be asked. */
static bool has_amx(void)
{
    enum { ASK_FOR_STATE = 0x1023, TILE_DATA = 18 };
    unsigned a, b, c, d;
    __asm__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(7), "c"(0));
    const bool int8_tiles = (d >> 24 & 1) && (d >> 25 & 1);
#ifdef __linux__
    return int8_tiles && has_avx512vnni() && syscall(SYS_arch_prctl, ASK_FOR_STATE, TILE_DATA) == 0;
#else
    return false;
#endif
}
#endif

#ifdef __aarch64__
static bool has_dotprod(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
}

static bool has_i8mm(void)
{
    return has_dotprod() && (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0;
}
#endif

const bora_kernel *const cpu_kernels[] = {
#ifdef __x86_64__
    KERNELS(amx, 50, has_amx),
    KERNELS(zen, 45, has_zen),
    KERNELS(avx512vnni, 40, has_avx512vnni),
    KERNELS(avxvnni, 30, has_avxvnni),
    KERNELS(avx2, 20, has_avx2),
#endif
#ifdef __aarch64__
    KERNELS(i8mm, 30, has_i8mm),
    KERNELS(dotprod, 20, has_dotprod),
#endif
    KERNELS(portable, 10, NULL),
    NULL,
};
