/* Machines made of files: a folder that stands for "/". */
#ifndef MADE_FILES_H
#define MADE_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static char made_root[] = "/tmp/bora-machine-XXXXXX";

/* A file below the root, with the folders above it. */
static inline void made(const char *name, const char *text)
{
    char path[1024];
    snprintf(path, sizeof path, "%s%s", made_root, name);
    for (char *at = strchr(path + sizeof made_root, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        mkdir(path, 0700);
        *at = '/';
    }
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static inline int new_made_root(void **state)
{
    (void)state;
    memcpy(made_root + sizeof made_root - 7, "XXXXXX", 6);
    return mkdtemp(made_root) ? 0 : -1;
}

static inline int remove_made_root(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", made_root);
    return system(command);
}

#endif
