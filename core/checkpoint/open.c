/* What a path means: a folder leads to the files in it, a file to the parts that belong to it. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/gguf.h"

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

bora_checkpoint *bora_checkpoint_open(const char *const *paths, size_t n_paths, bora_quant_lookup lookup,
                                      void *lookup_ctx, bora_error *err)
{
    if (n_paths == 0) {
        bora_fail(err, BORA_USAGE, "no checkpoint was named");
        return NULL;
    }
    bora_checkpoint *c = ckpt_new(lookup, lookup_ctx, err);
    if (!c)
        return NULL;
    bool ok = ends_with(paths[0], ".gguf") ? gguf_open(c, paths, n_paths, err)
                                           : bora_fail(err, BORA_FORMAT, "%s: is no GGUF file", paths[0]);
    if (ok && ckpt_finish(c, err))
        return c;
    bora_checkpoint_close(c);
    return NULL;
}
