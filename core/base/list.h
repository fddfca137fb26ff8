/* Lists that grow. */
#ifndef BORA_BASE_LIST_H
#define BORA_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for `need` items of `size` bytes in a malloc'd list of `*cap`; `list` is the address of the pointer to it. False
 * when memory ran out: the list is as it was. */
bool list_reserve(void *list, int32_t *cap, int32_t need, size_t size);

#endif
