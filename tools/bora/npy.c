/* NumPy's .npy files: see npy.h. */
#include "npy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the header below says little-endian, and the numbers are written as they lie"
#endif

enum { PREAMBLE = 10, HEADER = 128 }; /* bytes before the dictionary, and of all that comes before the numbers */

static bool write_to(FILE *out, const float *data, int64_t rows, int64_t columns)
{
    static const char preamble[PREAMBLE] = { '\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, HEADER - PREAMBLE, 0 };
    char header[HEADER + 1], dictionary[HEADER - PREAMBLE];
    snprintf(dictionary, sizeof dictionary,
             "{'descr': '<f4', 'fortran_order': False, 'shape': (%" PRId64 ", %" PRId64 "), }", rows, columns);
    memcpy(header, preamble, PREAMBLE);
    snprintf(header + PREAMBLE, sizeof header - PREAMBLE, "%-*s\n", HEADER - PREAMBLE - 1, dictionary);
    size_t n = (size_t)rows * (size_t)columns;
    return fwrite(header, 1, HEADER, out) == HEADER && fwrite(data, sizeof *data, n, out) == n && fflush(out) == 0;
}

static bool fail_write(const char *path, bora_error *err)
{
    return bora_fail(err, BORA_IO, "%s: %s", path, errno ? strerror(errno) : "could not be written");
}

/* Into a file that is there and is no regular file: a pipe, a device. */
static bool write_through(const char *path, const float *data, int64_t rows, int64_t columns, bora_error *err)
{
    FILE *out = fopen(path, "wb");
    bool ok = out && write_to(out, data, rows, columns);
    if (!ok)
        fail_write(path, err);
    if (out && fclose(out) != 0 && ok)
        ok = fail_write(path, err);
    return ok;
}

/* Into a new file beside the old one, which it then replaces. */
static bool write_beside(const char *path, const float *data, int64_t rows, int64_t columns, bora_error *err)
{
    static const char suffix[] = ".XXXXXX";
    char *beside = malloc(strlen(path) + sizeof suffix);
    if (!beside)
        return bora_fail_memory(err, "a path");
    strcat(strcpy(beside, path), suffix);
    int fd = mkstemp(beside);
    FILE *out = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (!out) {
        fail_write(path, err);
        if (fd >= 0) {
            close(fd);
            unlink(beside);
        }
        free(beside);
        return false;
    }
    mode_t mask = umask(0);
    umask(mask);
    bool ok = write_to(out, data, rows, columns) && fchmod(fd, 0666 & ~mask) == 0;
    if (!ok)
        fail_write(path, err);
    if (fclose(out) != 0 && ok)
        ok = fail_write(path, err);
    if (ok && rename(beside, path) != 0)
        ok = fail_write(path, err);
    if (!ok)
        unlink(beside);
    free(beside);
    return ok;
}

bool npy_write(const char *path, const float *data, int64_t rows, int64_t columns, bora_error *err)
{
    struct stat st;
    errno = 0;
    if (strcmp(path, "-") == 0)
        return write_to(stdout, data, rows, columns) || fail_write("standard output", err);
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return fail_write(path, err);
    }
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return write_through(path, data, rows, columns, err);
    char *resolved = realpath(path, NULL); /* a link stays a link; NULL for a file that is not there yet */
    bool ok = write_beside(resolved ? resolved : path, data, rows, columns, err);
    free(resolved);
    return ok;
}
