/* model.safetensors.index.json: { "metadata": …, "weight_map": { tensor: file, … } }. The files lie beside it. */
#include <stdlib.h>
#include <string.h>

#include "checkpoint/json_scan.h"
#include "checkpoint/safetensors.h"

static bool add_place(safetensors_index *index, const safetensors_place *place, const ckpt_bytes *file, bora_error *err)
{
    if (index->n == index->cap) {
        size_t cap = index->cap ? index->cap * 2 : 256;
        safetensors_place *places = reallocarray(index->places, cap, sizeof *places);
        if (!places)
            return bora_fail_memory(err, file->path);
        index->places = places;
        index->cap = cap;
    }
    index->places[index->n++] = *place;
    return true;
}

/* An index from outside must not lead out of its folder. */
static bool is_plain_name(const char *name)
{
    return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool read_weight_map(json_scan *s, bora_checkpoint *c, safetensors_index *index)
{
    scan_enter(s, '{');
    for (size_t n = 0; scan_more(s, '}', &n);) {
        safetensors_place place = { .at = scan_at(s) };
        if (!scan_key(s))
            return false;
        place.tensor = arena_strdup(&c->mem, buf_text(&s->text));
        if (!scan_string(s))
            return false;
        const char *file = buf_text(&s->text);
        if (strlen(file) != s->text.len || !is_plain_name(file))
            return ckpt_fail(s->file, place.at, s->err, BORA_FORMAT,
                             "tensor \"%.200s\" is said to be in \"%.200s\", which is not the plain name of a file",
                             place.tensor ? place.tensor : "", file);
        /* Neighbours are mostly in the same file: its name is kept once. */
        const char *before = index->n ? index->places[index->n - 1].file : NULL;
        place.file = before && strcmp(before, file) == 0 ? before : arena_strdup(&c->mem, file);
        if (!place.tensor || !place.file)
            return bora_fail_memory(s->err, s->file->path);
        if (!add_place(index, &place, s->file, s->err))
            return false;
    }
    return !s->failed;
}

static int by_tensor(const void *pa, const void *pb)
{
    const safetensors_place *a = pa, *b = pb;
    int order = strcmp(a->tensor, b->tensor);
    return order ? order : (a->at > b->at) - (a->at < b->at);
}

bool safetensors_index_parse(bora_checkpoint *c, const ckpt_bytes *file, safetensors_index *index, bora_error *err)
{
    if (file->size > CKPT_HEADER_LIMIT)
        return ckpt_fail(file, CKPT_HEADER_LIMIT, err, BORA_LIMIT, "an index has at most %d bytes", CKPT_HEADER_LIMIT);
    json_scan s = { .file = file, .end = file->size, .err = err };
    bool ok = scan_enter(&s, '{'), has_map = false;
    for (size_t n = 0; ok && scan_more(&s, '}', &n);) {
        size_t at = scan_at(&s);
        ok = scan_key(&s);
        if (ok && strcmp(buf_text(&s.text), "weight_map") == 0) {
            ok = has_map ? ckpt_fail(file, at, err, BORA_FORMAT, "weight_map is there twice")
                         : read_weight_map(&s, c, index);
            has_map = true;
        } else if (ok) {
            ok = scan_skip(&s);
        }
    }
    ok = ok && scan_end(&s);
    buf_free(&s.text);
    if (!ok)
        return false;
    if (index->n == 0)
        return ckpt_fail(file, 0, err, BORA_FORMAT, "not an index of safetensors files: its weight_map is %s",
                         has_map ? "empty" : "missing");
    qsort(index->places, index->n, sizeof *index->places, by_tensor);
    for (size_t i = 1; i < index->n; i++)
        if (strcmp(index->places[i - 1].tensor, index->places[i].tensor) == 0)
            return ckpt_fail(file, index->places[i].at, err, BORA_FORMAT, "tensor \"%.200s\" is there twice",
                             index->places[i].tensor);
    return true;
}

static int by_file(const void *pa, const void *pb)
{
    const safetensors_place *a = pa, *b = pb;
    return strcmp(a->file, b->file);
}

/* Each file that is named, once, in the order of the names. Leaves the places in another order. */
static bool open_files(bora_checkpoint *c, const ckpt_bytes *index_file, safetensors_index *index, bora_error *err)
{
    qsort(index->places, index->n, sizeof *index->places, by_file);
    char *dir = path_dir(index_file->path);
    if (!dir)
        return bora_fail_memory(err, index_file->path);
    size_t n_files = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < index->n; i++) {
        const safetensors_place *place = &index->places[i];
        if (i > 0 && strcmp(place->file, place[-1].file) == 0)
            continue;
        char *path = path_join(dir, place->file);
        ckpt_bytes file;
        if (!path)
            ok = bora_fail_memory(err, place->file);
        else if (!file_exists(path))
            ok = ckpt_fail(index_file, place->at, err, BORA_NOT_FOUND,
                           "tensor \"%.200s\" is said to be in %.200s, which is missing", place->tensor, place->file);
        else
            ok = ckpt_map(c, path, &file, err) && safetensors_parse(c, &file, n_files++, err);
        free(path);
    }
    free(dir);
    return ok;
}

bool safetensors_index_open(bora_checkpoint *c, const char *path, bora_error *err)
{
    c->container = "safetensors";
    ckpt_bytes file;
    safetensors_index index = { 0 };
    bool ok = ckpt_map(c, path, &file, err) && safetensors_index_parse(c, &file, &index, err) &&
              open_files(c, &file, &index, err) && ckpt_finish(c, err);
    for (size_t i = 0; ok && i < index.n; i++) {
        const safetensors_place *place = &index.places[i];
        const bora_tensor_info *t = bora_checkpoint_find(c, place->tensor);
        if (!t || strcmp(path_base(t->file), place->file) != 0)
            ok =
                ckpt_fail(&file, place->at, err, BORA_FORMAT, "tensor \"%.200s\" is said to be in %.200s, but %s%.200s",
                          place->tensor, place->file, t ? "is in " : "no file holds it", t ? path_base(t->file) : "");
    }
    free(index.places);
    return ok;
}
