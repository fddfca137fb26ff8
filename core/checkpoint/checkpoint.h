/* What the readers of checkpoint files share: bytes with a name, tensors and metadata being collected, errors that say
 * file and byte. A reader is handed bytes, never a path, so that a test or a fuzzer can hand it some from memory. */
#ifndef BORA_CHECKPOINT_CHECKPOINT_H
#define BORA_CHECKPOINT_CHECKPOINT_H

#include <bora/checkpoint.h>

#include "base/arena.h"
#include "base/file.h"

/* No model has a header (names, shapes, metadata) above this; what claims to is refused before it is read. The
 * reference implementation of safetensors has the same limit. */
enum { CKPT_HEADER_LIMIT = 100 * 1000 * 1000 };

typedef struct ckpt_bytes {
    const char *path; /* lives as long as the checkpoint */
    const uint8_t *data;
    size_t size;
} ckpt_bytes;

typedef struct ckpt_tensor {
    bora_tensor_info info;
    size_t part;        /* which file, in their order */
    uint64_t header_at; /* byte of the file where the tensor is described */
} ckpt_tensor;

typedef struct ckpt_meta {
    bora_meta meta;
    uint64_t header_at;
} ckpt_meta;

/* A name and the index of what is called so; tables of these are sorted by name. */
typedef struct ckpt_name {
    const char *name;
    size_t index;
} ckpt_name;

struct bora_checkpoint {
    const char *container;
    bora_quant_lookup lookup;
    void *lookup_ctx;
    arena mem; /* names, metadata, paths, tables of names */
    mapped_file *maps;
    size_t n_maps, cap_maps;
    ckpt_tensor *tensors;
    size_t n_tensors, cap_tensors;
    ckpt_meta *metas;
    size_t n_metas, cap_metas;
    ckpt_name *tensor_names, *meta_names; /* made by ckpt_finish() */
};

static inline uint64_t ckpt_little_endian(const uint8_t *bytes, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)bytes[i] << (8 * i);
    return v;
}

/* Somebody has the tensor's bytes elsewhere: its part of the file need not stay in memory. It can still be read. */
void ckpt_forget(const bora_checkpoint *c, const bora_tensor_info *tensor);

bora_checkpoint *ckpt_new(bora_quant_lookup lookup, void *lookup_ctx, bora_error *err);

/* Maps a file; the mapping and the copied path are the checkpoint's. */
bool ckpt_map(bora_checkpoint *c, const char *path, ckpt_bytes *out, bora_error *err);

/* Fills `err` with "PATH: at byte AT: …". Always returns false. */
bool ckpt_fail(const ckpt_bytes *file, uint64_t at, bora_error *err, bora_code code, const char *fmt, ...)
    BORA_PRINTF(5, 6);

/* Looks up the format `stored_as` and computes t->quant and t->size_bytes from t->name, n_dims and shape (all >= 0,
 * 1 beyond n_dims). Whatever overflows, no plugin offers, or is no whole number of blocks is refused. */
bool ckpt_measure(const bora_checkpoint *c, const ckpt_bytes *file, uint64_t header_at, const char *stored_as,
                  bora_tensor_info *t, bora_error *err);

bool ckpt_add_tensor(bora_checkpoint *c, const ckpt_tensor *tensor, bora_error *err);
bool ckpt_add_meta(bora_checkpoint *c, const bora_meta *meta, uint64_t header_at, bora_error *err);

/* Sorts the tensors from index `first` on by part and by where their data begins. */
void ckpt_sort_tensors(bora_checkpoint *c, size_t first);

/* The table of the names of `metas[first..)`; a name that is there twice is refused. NULL on failure. */
ckpt_name *ckpt_name_metas(bora_checkpoint *c, size_t first, const ckpt_bytes *file, bora_error *err);

/* After all files were read: the tables by name. A tensor that is there twice, in one file or in two, is refused. */
bool ckpt_finish(bora_checkpoint *c, bora_error *err);

/* A file name "model-00002-of-00003.gguf": the part is 2 (they count from 1), the count 3, the stem "model". */
typedef struct ckpt_part_name {
    size_t stem_len; /* of the path, up to "-00002" */
    unsigned no, count;
    int no_digits, count_digits;
} ckpt_part_name;

/* Whether `path` is called like one part of several that end in `ext` (".gguf"). */
bool ckpt_parse_part_name(const char *path, const char *ext, ckpt_part_name *out);
/* The path of part `no` of the same set, malloc'd; NULL when memory ran out. */
char *ckpt_part_path(const char *path, const char *ext, const ckpt_part_name *name, unsigned no);

#endif
