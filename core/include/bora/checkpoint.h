/* Checkpoints: names and bytes of tensors, and nothing else.
 *
 * A checkpoint is a safetensors file, a folder or an index of several, or a GGUF file and the parts it was split into.
 * Everything is mapped, nothing is copied; every number in the file was checked before a pointer to it is handed out.
 * All strings and data belong to the checkpoint and live until it is closed. */
#ifndef BORA_CHECKPOINT_H
#define BORA_CHECKPOINT_H

#include <bora/quant.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Video models hold convolutions of five dimensions. */
enum { BORA_MAX_DIMS = 6 };

typedef struct bora_checkpoint bora_checkpoint;

typedef struct bora_tensor_info {
    const char *name;
    const bora_quant *quant;      /* how its numbers are stored */
    int n_dims;                   /* 0 for a scalar */
    int64_t shape[BORA_MAX_DIMS]; /* slowest first, whatever the file's own order; 1 beyond n_dims */
    const void *data;             /* mapped, read-only, maybe unaligned */
    size_t size_bytes;
    const char *file;     /* the file that holds it */
    uint64_t file_offset; /* of its first byte in that file */
} bora_tensor_info;

/* A value from the file's own metadata: GGUF key-values, or safetensors' `__metadata__` (strings). */
typedef enum bora_meta_type {
    BORA_META_INT,   /* .i; signed and unsigned of every width (above INT64_MAX: refused when the file is opened) */
    BORA_META_FLOAT, /* .f */
    BORA_META_BOOL,  /* .b */
    BORA_META_STRING,
    BORA_META_ARRAY,
} bora_meta_type;

/* Text with a length; always NUL-terminated as well, though it may hold NULs of its own. */
typedef struct bora_text {
    const char *data;
    size_t len;
} bora_text;

typedef struct bora_meta {
    const char *key;
    bora_meta_type type;
    bora_meta_type elem_type; /* of an array; never BORA_META_ARRAY */
    size_t n_elems;           /* of an array */
    union {
        int64_t i;
        double f;
        bool b;
        bora_text text;
        const int64_t *ints; /* an array of n_elems; likewise below */
        const double *floats;
        const bool *bools;
        const bora_text *texts;
    };
} bora_meta;

/* Finds the format that files call `stored_as` ("gguf:99", "safetensors:SQ4"), or NULL. */
typedef const bora_quant *(*bora_quant_lookup)(void *ctx, const char *stored_as);

/* Opens `paths[0..n_paths)`. One folder: its model.safetensors; else its model.safetensors.index.json, or the one other
 * index; else its one *.safetensors file or complete set of -00001-of-00003.safetensors; else its one *.gguf, whole or
 * split. One file: an index (*.json) and what it names, a GGUF (by name or by content; of a split one any part, the
 * others are found beside it), or a safetensors file. Several files: one checkpoint together, in this order (parts of a
 * split GGUF: all of them, in any order).
 *
 * Only headers are read, so this is quick whatever the size of the files. Errors name the file and, where it is bytes
 * that are wrong, the byte: BORA_FORMAT for malformed files, BORA_UNSUPPORTED for a format that `lookup` does not know
 * and for GGUF of version 1 or big-endian, BORA_NOT_FOUND for a missing part, BORA_USAGE where several models could be
 * meant, BORA_LIMIT for a header above 100 MB. */
BORA_API bora_checkpoint *bora_checkpoint_open(const char *const *paths, size_t n_paths, bora_quant_lookup lookup,
                                               void *lookup_ctx, bora_error *err);
BORA_API void bora_checkpoint_close(bora_checkpoint *checkpoint);

/* "safetensors" or "gguf". */
BORA_API const char *bora_checkpoint_container(const bora_checkpoint *checkpoint);

/* Tensors in the order in which their data lie in the files. The lookup by name takes about as many comparisons as the
 * number of tensors has bits; it gives NULL for what is not there. */
BORA_API size_t bora_checkpoint_n_tensors(const bora_checkpoint *checkpoint);
BORA_API const bora_tensor_info *bora_checkpoint_tensor(const bora_checkpoint *checkpoint, size_t index);
BORA_API const bora_tensor_info *bora_checkpoint_find(const bora_checkpoint *checkpoint, const char *name);

/* Metadata of the first file (of a split model: of its first part), in its order; NULL for what is not there. */
BORA_API size_t bora_checkpoint_n_meta(const bora_checkpoint *checkpoint);
BORA_API const bora_meta *bora_checkpoint_meta_at(const bora_checkpoint *checkpoint, size_t index);
BORA_API const bora_meta *bora_checkpoint_meta(const bora_checkpoint *checkpoint, const char *key);

/* Numbers in a tensor (the product of its shape). */
static inline int64_t bora_tensor_n_elems(const bora_tensor_info *t)
{
    int64_t n = 1;
    for (int d = 0; d < t->n_dims; d++)
        n *= t->shape[d];
    return n;
}

#ifdef __cplusplus
}
#endif
#endif
