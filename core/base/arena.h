/* Arena: memory for what dies together.
 *
 * Allocation is a pointer bump; there is no free but that of the whole arena. All memory is zeroed and aligned for any
 * type. A NULL from here means that the system is out of memory (or that a size overflowed) and nothing else. */
#ifndef BORA_BASE_ARENA_H
#define BORA_BASE_ARENA_H

#include <stddef.h>

#include <bora/error.h>

typedef struct arena_chunk arena_chunk;

/* Zero-initialise to start: `arena a = { 0 };`. */
typedef struct arena {
    arena_chunk *chunks;
    size_t total_bytes; /* allocated from the system so far */
} arena;

void *arena_alloc(arena *a, size_t size_bytes);
/* `count * elem_bytes`, overflow-checked. */
void *arena_array(arena *a, size_t count, size_t elem_bytes);
void *arena_copy(arena *a, const void *data, size_t size_bytes);
/* A NUL-terminated copy of `len` bytes, and of a whole string. */
char *arena_strndup(arena *a, const char *text, size_t len);
char *arena_strdup(arena *a, const char *text);
char *arena_printf(arena *a, const char *fmt, ...) BORA_PRINTF(2, 3);
void arena_free(arena *a);

#endif
