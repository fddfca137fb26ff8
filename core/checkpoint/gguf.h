/* GGUF, versions 2 and 3: the cursor that its two halves (metadata, tensors) read with.
 * Specification: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */
#ifndef BORA_CHECKPOINT_GGUF_H
#define BORA_CHECKPOINT_GGUF_H

#include "checkpoint/checkpoint.h"

/* Reads forward through a header; nothing is read beyond `end`. */
typedef struct gguf_cursor {
    const ckpt_bytes *file;
    size_t pos, end;
    bora_error *err;
} gguf_cursor;

/* The next `n` bytes, or NULL with an error that names `what`. */
const uint8_t *gguf_take(gguf_cursor *cur, uint64_t n, const char *what);
bool gguf_u32(gguf_cursor *cur, uint32_t *out, const char *what);
bool gguf_u64(gguf_cursor *cur, uint64_t *out, const char *what);
/* A length and so many bytes, copied into the arena. A name (of a key, of a tensor) may hold no NUL and at most 65535
 * bytes. */
bool gguf_name(gguf_cursor *cur, arena *mem, const char **out, const char *what);

/* One key-value pair, with all that it points to in the arena. `alignment` is set by the key that gives it. */
bool gguf_read_meta(gguf_cursor *cur, arena *mem, bora_meta *out, uint32_t *alignment);
/* Bytes of the smallest key-value pair. */
enum { GGUF_MIN_META_BYTES = 8 + 1 + 4 + 1 };

/* What a file says about the set it is a part of; a file that was never split is part 0 of 1 and does not count the
 * tensors (-1). */
typedef struct gguf_split {
    int64_t no, count, n_tensors;
} gguf_split;

/* Adds the tensors of one file to the checkpoint, and its metadata where it is part 0. */
bool gguf_parse(bora_checkpoint *c, const ckpt_bytes *file, gguf_split *split, bora_error *err);

/* Opens files by path: one (and the parts that belong to it), or several that are one checkpoint together. */
bool gguf_open(bora_checkpoint *c, const char *const *paths, size_t n_paths, bora_error *err);

#endif
