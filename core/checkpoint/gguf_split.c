/* GGUF files that are one checkpoint together. A model that was split carries in each part which one it is
 * (`split.no`, from 0), how many there are (`split.count`) and how many tensors they hold together
 * (`split.tensors.count`); part 0 has the model's metadata. Their names end in -00001-of-00003.gguf, so that any part
 * leads to all others. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/gguf.h"

/* Reads the files that belong to `path`, which said `split` of itself and was read already. */
static bool open_siblings(bora_checkpoint *c, const char *path, const gguf_split *split, bora_error *err)
{
    ckpt_part_name name;
    if (!ckpt_parse_part_name(path, ".gguf", &name) || name.count != split->count || name.no != split->no + 1)
        return bora_fail(err, BORA_NOT_FOUND,
                         "%s: is part %" PRId64 " of %" PRId64 ", but its name does not end in -%05" PRId64
                         "-of-%05" PRId64 ".gguf, so that the others cannot be found: rename it, or give all parts",
                         path, split->no + 1, split->count, split->no + 1, split->count);
    for (unsigned no = 1; no <= name.count; no++) {
        if (no == name.no)
            continue;
        char *sibling = ckpt_part_path(path, ".gguf", &name, no);
        if (!sibling)
            return bora_fail_memory(err, path);
        ckpt_bytes file;
        gguf_split its;
        bool ok = true;
        if (!file_exists(sibling))
            ok = bora_fail(err, BORA_NOT_FOUND, "%s: part %u of %u is missing; it belongs to %s", sibling, no,
                           name.count, path_base(path));
        else if (!ckpt_map(c, sibling, &file, err) || !gguf_parse(c, &file, &its, err))
            ok = false;
        else if (its.no != no - 1 || its.count != split->count)
            ok =
                bora_fail(err, BORA_FORMAT,
                          "%s: by its name part %u of %u, but by split.no and split.count part %" PRId64 " of %" PRId64,
                          sibling, no, name.count, its.no + 1, its.count);
        free(sibling);
        if (!ok)
            return false;
    }
    return true;
}

/* Each of `splits` is of the same set, and no two are the same part: then all are there. */
static bool check_set(const char *const *paths, const gguf_split *splits, size_t n, bora_error *err)
{
    int64_t count = splits[0].count;
    for (size_t i = 0; i < n; i++) {
        if (splits[i].count != count)
            return bora_fail(err, BORA_USAGE, "%s is one of %" PRId64 " parts, but %s is one of %" PRId64, paths[i],
                             splits[i].count, paths[0], count);
        for (size_t k = 0; k < i; k++)
            if (splits[k].no == splits[i].no)
                return bora_fail(err, BORA_USAGE, "%s and %s are both part %" PRId64 " of %" PRId64, paths[k], paths[i],
                                 splits[i].no + 1, count);
    }
    if ((uint64_t)count != n)
        return bora_fail(err, BORA_USAGE, "%s is one of %" PRId64 " parts, but %zu were given: give all of them",
                         paths[0], count, n);
    return true;
}

bool gguf_open(bora_checkpoint *c, const char *const *paths, size_t n_paths, bora_error *err)
{
    c->container = "gguf";
    gguf_split *splits = calloc(n_paths, sizeof *splits);
    if (!splits)
        return bora_fail_memory(err, paths[0]);
    bool ok = true;
    for (size_t i = 0; ok && i < n_paths; i++) {
        ckpt_bytes file;
        size_t first_tensor = c->n_tensors;
        ok = ckpt_map(c, paths[i], &file, err) && gguf_parse(c, &file, &splits[i], err);
        /* Files that are no parts of anything stand in the order in which they were given. */
        for (size_t k = first_tensor; ok && splits[i].count == 1 && k < c->n_tensors; k++)
            c->tensors[k].part = i;
    }
    bool is_split = false;
    for (size_t i = 0; ok && i < n_paths; i++)
        is_split |= splits[i].count > 1;
    if (ok && is_split) {
        ok = n_paths == 1 ? open_siblings(c, paths[0], &splits[0], err) : check_set(paths, splits, n_paths, err);
        if (ok && splits[0].n_tensors >= 0 && (uint64_t)splits[0].n_tensors != c->n_tensors)
            ok = bora_fail(err, BORA_FORMAT,
                           "%s: split.tensors.count is %" PRId64 ", but the %" PRId64 " parts hold %zu tensors",
                           paths[0], splits[0].n_tensors, splits[0].count, c->n_tensors);
    }
    free(splits);
    if (!ok)
        return false;
    ckpt_sort_tensors(c, 0);
    return ckpt_finish(c, err);
}
