/* Arena: a list of chunks, each twice the size of the one before, up to a bound. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_chunk {
    arena_chunk *next;
    size_t size, used; /* of data[] */
    alignas(max_align_t) unsigned char data[];
};

enum { FIRST_CHUNK_BYTES = 4096, LARGEST_CHUNK_BYTES = 1 << 20 };

static size_t round_up(size_t n)
{
    size_t align = alignof(max_align_t);
    return (n + align - 1) / align * align;
}

void *arena_alloc(arena *a, size_t size_bytes)
{
    if (size_bytes > SIZE_MAX / 2)
        return NULL;
    size_t need = round_up(size_bytes ? size_bytes : 1);
    arena_chunk *chunk = a->chunks;
    if (!chunk || chunk->size - chunk->used < need) {
        size_t size = chunk ? chunk->size * 2 : FIRST_CHUNK_BYTES;
        if (size > LARGEST_CHUNK_BYTES)
            size = LARGEST_CHUNK_BYTES;
        if (size < need)
            size = need;
        chunk = calloc(1, sizeof *chunk + size);
        if (!chunk)
            return NULL;
        chunk->size = size;
        chunk->next = a->chunks;
        a->chunks = chunk;
        a->total_bytes += sizeof *chunk + size;
    }
    void *p = chunk->data + chunk->used;
    chunk->used += need;
    return p;
}

void *arena_array(arena *a, size_t count, size_t elem_bytes)
{
    size_t size;
    return __builtin_mul_overflow(count, elem_bytes, &size) ? NULL : arena_alloc(a, size);
}

void *arena_copy(arena *a, const void *data, size_t size_bytes)
{
    void *p = arena_alloc(a, size_bytes);
    if (p && size_bytes)
        memcpy(p, data, size_bytes);
    return p;
}

char *arena_strndup(arena *a, const char *text, size_t len)
{
    char *p = len < SIZE_MAX ? arena_alloc(a, len + 1) : NULL;
    if (p && len)
        memcpy(p, text, len);
    return p;
}

char *arena_strdup(arena *a, const char *text)
{
    return arena_strndup(a, text, strlen(text));
}

char *arena_printf(arena *a, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    char *p = len < 0 ? NULL : arena_alloc(a, (size_t)len + 1);
    if (p)
        vsnprintf(p, (size_t)len + 1, fmt, again);
    va_end(again);
    va_end(args);
    return p;
}

void arena_free(arena *a)
{
    for (arena_chunk *chunk = a->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    *a = (arena){ 0 };
}
