/* NumPy's .npy files (NEP 1, version 1.0): what numpy.load() reads. */
#ifndef NPY_H
#define NPY_H

#include <stdint.h>

#include <bora/error.h>

/* Writes `data`, float32 [rows, columns], to `path`; to standard output when `path` is "-". A file appears whole or not
 * at all, and replaces what was there. Errors: BORA_IO. */
bool npy_write(const char *path, const float *data, int64_t rows, int64_t columns, bora_error *err);

#endif
