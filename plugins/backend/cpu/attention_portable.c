/* The loops of attention for any processor, in registers of 4 floats, 32 of them on Arm and 16 elsewhere; and the
 * tables of all instruction sets. */
#include "attention_loops.h"

#define TARGET
#define VEC 4
#ifdef __aarch64__
enum {
    SCORE_QUERIES = 4,
    SCORE_VECS = 4,
    WEIGH_QUERIES = 4,
    WEIGH_VECS = 4,
    CONVERT_QUERIES = 4,
    CONVERT_VECS = 2,
    MANY_VECS = 4
};
#else
enum {
    SCORE_QUERIES = 4,
    SCORE_VECS = 2,
    WEIGH_QUERIES = 4,
    WEIGH_VECS = 2,
    CONVERT_QUERIES = 4,
    CONVERT_VECS = 2,
    MANY_VECS = 2
};
#endif

static bool usable(void)
{
    return true;
}

#define ATTENTION_LOOPS cpu_attention_loops_portable
#define NAME "portable"
#define USABLE usable
#include "attention_body.h"

#ifdef __x86_64__
extern const cpu_attention_loops cpu_attention_loops_avx512, cpu_attention_loops_avx2;
#endif

const cpu_attention_loops *const cpu_all_attention_loops[] = {
#ifdef __x86_64__
    &cpu_attention_loops_avx512,
    &cpu_attention_loops_avx2,
#endif
    &cpu_attention_loops_portable,
    NULL,
};
