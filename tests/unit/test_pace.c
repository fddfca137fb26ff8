/* How many tokens a step takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/pace.h"

static void steps_take_as_long_as_they_may(void **state)
{
    (void)state;
    pace p = pace_begin();
    int32_t first = p.max_tokens;
    assert_true(p.max_behind > 0 && p.max_behind <= first);
    pace_learn(&p, 1, 1); /* what one token took says nothing of many */
    assert_int_equal(p.max_tokens, first);
    pace_learn(&p, 64, 0);
    assert_int_equal(p.max_tokens, first);
    pace_learn(&p, 100, 0.25); /* 400 tokens a second */
    assert_int_equal(p.max_tokens, 192);
    assert_int_equal(p.max_behind, 96);
    for (int i = 0; i < 100; i++)
        pace_learn(&p, 32, 2);
    assert_int_equal(p.max_tokens, 32);
    assert_int_equal(p.max_behind, 32);
    for (int i = 0; i < 100; i++)
        pace_learn(&p, 512, 1e-3);
    assert_int_equal(p.max_tokens, 512);
    assert_int_equal(p.max_behind, 512);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(steps_take_as_long_as_they_may) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
