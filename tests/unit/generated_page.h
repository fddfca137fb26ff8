/* Pages of docs/ that are made from tables: a test holds each to what its tables make, or writes it with
 * BORA_WRITE_REFERENCE=1. */
#ifndef TESTS_GENERATED_PAGE_H
#define TESTS_GENERATED_PAGE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "source_path.h"

/* `page` is malloc'd and freed here; `source` is what it is made from, for the message. */
static inline void expect_generated_page(const char *name, char *page, const char *source)
{
    char *path = source_path(name);
    assert_true(path && page);
    if (getenv("BORA_WRITE_REFERENCE")) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs(page, f);
        fclose(f);
    }
    bora_error err = { .code = BORA_OK };
    size_t len;
    char *committed = file_read(path, 1 << 20, &len, &err);
    if (!committed)
        fail_msg("%s", err.message);
    if (strcmp(committed, page) != 0)
        fail_msg("%s differs from %s: run this test with BORA_WRITE_REFERENCE=1", path, source);
    free(committed);
    free(page);
    free(path);
}

#endif
