/* Files of the source tree, wherever a test is run from. */
#ifndef TESTS_SOURCE_PATH_H
#define TESTS_SOURCE_PATH_H

#include <stdlib.h>

#include "base/file.h"

/* The path of the file NAME of the repository; malloc'd. */
static inline char *source_path(const char *name)
{
    const char *root = getenv("BORA_SOURCE");
    return path_join(root ? root : ".", name);
}

#endif
