/* Whether this processor has AVX2 with its companions FMA and F16C, which not every compiler has a name for. */
#ifndef CPU_AVX2_H
#define CPU_AVX2_H

#include <cpuid.h>
#include <stdbool.h>

static inline bool has_avx2(void)
{
    unsigned eax, ebx, ecx, edx;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __get_cpuid(1, &eax, &ebx, &ecx, &edx) &&
           (ecx & bit_F16C);
}

#endif
