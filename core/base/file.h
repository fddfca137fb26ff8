/* Files from outside: whole small ones in memory, large ones mapped. */
#ifndef BORA_BASE_FILE_H
#define BORA_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bora/error.h>

/* A read-only mapping of a regular file. An empty file maps to { NULL, 0 }. */
typedef struct mapped_file {
    const uint8_t *data;
    size_t size;
} mapped_file;

/* Errors: BORA_NOT_FOUND, BORA_IO (naming the path), BORA_FORMAT for what is not a regular file. */
bool file_map(const char *path, mapped_file *out, bora_error *err);
void file_unmap(mapped_file *file);
/* Pages that lie wholly within these bytes of the file need not stay in this process' memory: they come again when they
 * are read again. */
void file_forget(const mapped_file *file, size_t offset, size_t size_bytes);

/* The whole file as malloc'd bytes, NUL-terminated (the NUL is not counted in *len); at most `limit_bytes`, else
 * BORA_LIMIT. "-" is not special. The caller frees. */
char *file_read(const char *path, size_t limit_bytes, size_t *len, bora_error *err);

bool file_exists(const char *path);
bool file_is_dir(const char *path);
/* "dir/name", malloc'd; `name` alone when it is absolute or `dir` is empty. NULL when memory ran out. */
char *path_join(const char *dir, const char *name);
/* The folder part of `path` ("." when there is none), malloc'd. */
char *path_dir(const char *path);
/* The part after the last slash, a pointer into `path`. */
const char *path_base(const char *path);

#endif
