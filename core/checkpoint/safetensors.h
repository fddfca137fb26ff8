/* safetensors: one file, several, and the index of several. */
#ifndef BORA_CHECKPOINT_SAFETENSORS_H
#define BORA_CHECKPOINT_SAFETENSORS_H

#include "checkpoint/checkpoint.h"

/* Adds the tensors of one file, and its metadata where `part` is 0. */
bool safetensors_parse(bora_checkpoint *c, const ckpt_bytes *file, size_t part, bora_error *err);

/* Opens files that are one checkpoint together. */
bool safetensors_open(bora_checkpoint *c, const char *const *paths, size_t n_paths, bora_error *err);

/* What a *.safetensors.index.json says: which file holds which tensor. */
typedef struct safetensors_place {
    const char *tensor, *file; /* in the checkpoint's arena */
    uint64_t at;               /* byte of the index where this is said */
} safetensors_place;

typedef struct safetensors_index {
    safetensors_place *places; /* malloc'd, by name; no name twice, every file a plain name */
    size_t n, cap;
} safetensors_index;

/* Reads an index; `index` starts as { 0 }, and its places are the caller's to free, on failure too. */
bool safetensors_index_parse(bora_checkpoint *c, const ckpt_bytes *file, safetensors_index *index, bora_error *err);

/* Opens the files that an index names and checks that they hold what it says. Tensors in them that it does not mention
 * are there too, as they are for the reference implementation. */
bool safetensors_index_open(bora_checkpoint *c, const char *path, bora_error *err);

#endif
