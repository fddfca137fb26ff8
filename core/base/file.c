/* Files: open, check that it is a regular file, map or read. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens a regular file; returns its descriptor, or -1. */
static int open_regular(const char *path, size_t *size, bora_error *err)
{
    /* O_NONBLOCK: opening a named pipe must not wait for a writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        bora_fail(err, errno == ENOENT ? BORA_NOT_FOUND : BORA_IO, "%s: %s", path, strerror(errno));
        return -1;
    }
    struct stat st;
    if (fstat(fd, &st) != 0) {
        bora_fail(err, BORA_IO, "%s: %s", path, strerror(errno));
    } else if (S_ISDIR(st.st_mode)) {
        bora_fail(err, BORA_FORMAT, "%s: is a folder, a file was expected", path);
    } else if (!S_ISREG(st.st_mode)) {
        bora_fail(err, BORA_FORMAT, "%s: is not a regular file", path);
    } else {
        *size = (size_t)st.st_size;
        return fd;
    }
    close(fd);
    return -1;
}

bool file_map(const char *path, mapped_file *out, bora_error *err)
{
    size_t size;
    int fd = open_regular(path, &size, err);
    if (fd < 0)
        return false;
    *out = (mapped_file){ 0 };
    if (size > 0) {
        void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            bora_fail(err, BORA_IO, "%s: cannot map %zu bytes: %s", path, size, strerror(errno));
            close(fd);
            return false;
        }
        out->data = data;
        out->size = size;
    }
    close(fd);
    return true;
}

void file_forget(const mapped_file *file, size_t offset, size_t size_bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), end = (offset + size_bytes) / page * page;
    const size_t begin = (offset + page - 1) / page * page;
    if (begin < end && end <= file->size)
        madvise((void *)(uintptr_t)(file->data + begin), end - begin, MADV_DONTNEED); /* a hint */
}

void file_unmap(mapped_file *file)
{
    if (file->data)
        munmap((void *)(uintptr_t)file->data, file->size);
    *file = (mapped_file){ 0 };
}

char *file_read(const char *path, size_t limit_bytes, size_t *len, bora_error *err)
{
    size_t size;
    int fd = open_regular(path, &size, err);
    if (fd < 0)
        return NULL;
    char *data = NULL;
    if (size > limit_bytes) {
        bora_fail(err, BORA_LIMIT, "%s: %zu bytes, the limit for this kind of file is %zu", path, size, limit_bytes);
        goto fail;
    }
    data = malloc(size + 1);
    if (!data) {
        bora_fail_memory(err, path);
        goto fail;
    }
    size_t got = 0;
    while (got < size) {
        ssize_t n = read(fd, data + got, size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            bora_fail(err, BORA_IO, "%s: %s", path, strerror(errno));
            goto fail;
        }
        if (n == 0)
            break;
        got += (size_t)n;
    }
    data[got] = '\0';
    *len = got;
    close(fd);
    return data;
fail:
    free(data);
    close(fd);
    return NULL;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool file_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

char *path_join(const char *dir, const char *name)
{
    if (name[0] == '/' || dir[0] == '\0')
        return strdup(name);
    size_t d = strlen(dir), n = strlen(name);
    char *path = malloc(d + n + 2);
    if (!path)
        return NULL;
    memcpy(path, dir, d);
    if (dir[d - 1] != '/')
        path[d++] = '/';
    memcpy(path + d, name, n + 1);
    return path;
}

char *path_dir(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

const char *path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
