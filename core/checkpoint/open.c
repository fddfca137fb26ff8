/* What a path means: a folder leads to the files in it, an index to the files it names, a part of a split GGUF to the
 * other parts. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "checkpoint/gguf.h"
#include "checkpoint/safetensors.h"

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* The names in a folder, sorted. */
typedef struct listing {
    char **names;
    size_t n, cap;
} listing;

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void free_listing(listing *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->names[i]);
    free(l->names);
}

static bool list_folder(const char *path, listing *out, bora_error *err)
{
    DIR *dir = opendir(path);
    if (!dir)
        return bora_fail(err, BORA_IO, "%s: %s", path, strerror(errno));
    bool ok = true;
    for (struct dirent *entry; ok && (entry = readdir(dir));) {
        if (entry->d_name[0] == '.') /* hidden files are no models, nor are "." and ".." */
            continue;
        if (out->n == out->cap) {
            size_t cap = out->cap ? out->cap * 2 : 32;
            char **names = reallocarray(out->names, cap, sizeof *names);
            if (!names) {
                ok = bora_fail_memory(err, path);
                break;
            }
            out->names = names;
            out->cap = cap;
        }
        out->names[out->n] = strdup(entry->d_name);
        ok = out->names[out->n++] || bora_fail_memory(err, path);
    }
    closedir(dir);
    if (ok && out->n)
        qsort(out->names, out->n, sizeof *out->names, by_name);
    return ok;
}

static const char *find_in(const listing *l, const char *name)
{
    char **found = l->n ? bsearch(&name, l->names, l->n, sizeof *l->names, by_name) : NULL;
    return found ? *found : NULL;
}

/* Whether two names are parts of one split model. */
static bool same_set(const char *a, const char *b, const char *ext)
{
    ckpt_part_name pa, pb;
    return ckpt_parse_part_name(a, ext, &pa) && ckpt_parse_part_name(b, ext, &pb) && pa.count == pb.count &&
           pa.stem_len == pb.stem_len && memcmp(a, b, pa.stem_len) == 0;
}

/* The one model among the files that end in `ext`: the only file, or the first of the parts that are there; `*out` is
 * NULL when there is none. Several models are an error that lists them. */
static bool find_only(const char *folder, const listing *l, const char *ext, const char **out, bora_error *err)
{
    enum { MAX_LISTED = 5 };
    buf others = { 0 };
    size_t n_models = 0;
    const char *last = NULL;
    *out = NULL;
    for (size_t i = 0; i < l->n; i++) {
        if (!ends_with(l->names[i], ext) || (last && same_set(last, l->names[i], ext)))
            continue;
        last = l->names[i];
        if (!*out)
            *out = last;
        if (n_models++ < MAX_LISTED)
            buf_printf(&others, "%s%s", n_models > 1 ? ", " : "", last);
    }
    if (n_models > 1)
        bora_fail(err, BORA_USAGE, "%s: holds several models: name one of them (%s%s)", folder, buf_text(&others),
                  n_models > MAX_LISTED ? ", …" : "");
    buf_free(&others);
    return n_models <= 1;
}

/* All parts of a set that has no index, by the name of one of them. */
static bool open_parts(bora_checkpoint *c, const char *path, const ckpt_part_name *name, const char *ext,
                       bora_error *err)
{
    char **paths = calloc(name->count, sizeof *paths);
    if (!paths)
        return bora_fail_memory(err, path);
    bool ok = true;
    for (unsigned i = 0; ok && i < name->count; i++) {
        paths[i] = ckpt_part_path(path, ext, name, i + 1);
        if (!paths[i])
            ok = bora_fail_memory(err, path);
        else if (!file_exists(paths[i]))
            ok = bora_fail(err, BORA_NOT_FOUND, "%s: part %u of %u is missing; %s is there", paths[i], i + 1,
                           name->count, path_base(path));
    }
    ok = ok && safetensors_open(c, (const char *const *)paths, name->count, err);
    for (unsigned i = 0; i < name->count; i++)
        free(paths[i]);
    free(paths);
    return ok;
}

/* By its name, or, since files in caches are called anything, by how it begins. */
static bool is_gguf(const char *path)
{
    mapped_file map = { 0 };
    bool yes =
        ends_with(path, ".gguf") || (file_map(path, &map, NULL) && map.size >= 4 && memcmp(map.data, "GGUF", 4) == 0);
    file_unmap(&map);
    return yes;
}

static bool open_file(bora_checkpoint *c, const char *path, bora_error *err)
{
    if (ends_with(path, ".json"))
        return safetensors_index_open(c, path, err);
    return is_gguf(path) ? gguf_open(c, &path, 1, err) : safetensors_open(c, &path, 1, err);
}

static bool open_listed(bora_checkpoint *c, const char *folder, const listing *l, bora_error *err)
{
    static const char safetensors[] = ".safetensors", index[] = ".safetensors.index.json", gguf[] = ".gguf";
    const char *name = find_in(l, "model.safetensors");
    if (!name)
        name = find_in(l, "model.safetensors.index.json");
    if ((!name && !find_only(folder, l, index, &name, err)) ||
        (!name && !find_only(folder, l, safetensors, &name, err)) || (!name && !find_only(folder, l, gguf, &name, err)))
        return false;
    if (!name)
        return bora_fail(err, BORA_NOT_FOUND, "%s: holds no model: no file ends in %s, %s or %s", folder, safetensors,
                         index, gguf);
    char *path = path_join(folder, name);
    if (!path)
        return bora_fail_memory(err, folder);
    ckpt_part_name part;
    bool ok = ckpt_parse_part_name(path, safetensors, &part) ? open_parts(c, path, &part, safetensors, err)
                                                             : open_file(c, path, err);
    free(path);
    return ok;
}

static bool open_folder(bora_checkpoint *c, const char *path, bora_error *err)
{
    listing l = { 0 };
    bool ok = list_folder(path, &l, err) && open_listed(c, path, &l, err);
    free_listing(&l);
    return ok;
}

/* Several files that are one checkpoint together. */
static bool open_several(bora_checkpoint *c, const char *const *paths, size_t n_paths, bora_error *err)
{
    bool gguf = is_gguf(paths[0]);
    for (size_t i = 0; i < n_paths; i++) {
        if (file_is_dir(paths[i]) || ends_with(paths[i], ".json"))
            return bora_fail(err, BORA_USAGE, "%s: a folder or an index stands for a whole checkpoint: name it alone",
                             paths[i]);
        if (is_gguf(paths[i]) != gguf)
            return bora_fail(err, BORA_USAGE, "%s and %s cannot be one checkpoint: only one of them is GGUF", paths[0],
                             paths[i]);
    }
    return gguf ? gguf_open(c, paths, n_paths, err) : safetensors_open(c, paths, n_paths, err);
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
    bool ok = n_paths > 1             ? open_several(c, paths, n_paths, err)
              : file_is_dir(paths[0]) ? open_folder(c, paths[0], err)
                                      : open_file(c, paths[0], err);
    if (ok)
        return c;
    bora_checkpoint_close(c);
    return NULL;
}
