/* core/base/pages.c: memory of a pool lies apart, aligned, and is its taker's alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/pages.h"

static void pieces_lie_apart(void **state)
{
    (void)state;
    page_pool pool = { 0 };
    static const size_t sizes[] = { 1, 63, 64, 65, 0, 4096, 60 << 20, 3 << 20, (64 << 20) + 1, 7, 80 << 20, 5 << 20 };
    enum { N = sizeof sizes / sizeof *sizes };
    unsigned char *pieces[N];
    for (size_t i = 0; i < N; i++) {
        pieces[i] = pages_take(&pool, sizes[i], NULL);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 64, 0);
        if (sizes[i] > 0) { /* its first and its last byte: the rest would only take time */
            pieces[i][0] = (unsigned char)i;
            pieces[i][sizes[i] - 1] = (unsigned char)i;
        }
    }
    for (size_t i = 0; i < N; i++)
        if (sizes[i] > 0) {
            assert_int_equal(pieces[i][0], i);
            assert_int_equal(pieces[i][sizes[i] - 1], i);
        }
    pages_free(&pool);
    assert_null(pool.slabs);
    pages_free(&pool);
}

static void too_much_is_an_error(void **state)
{
    (void)state;
    page_pool pool = { 0 };
    bora_error err = { .code = BORA_OK };
    assert_null(pages_take(&pool, SIZE_MAX, &err));
    assert_int_equal(err.code, BORA_MEMORY);
    assert_null(pages_take(&pool, SIZE_MAX / 2 - 1, &err));
    void *p = pages_take(&pool, 10, NULL);
    assert_non_null(p);
    memset(p, 1, 10);
    pages_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(pieces_lie_apart), cmocka_unit_test(too_much_is_an_error) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
