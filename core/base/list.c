/* Lists that grow: see list.h. */
#include "base/list.h"

#include <stdlib.h>
#include <string.h>

bool list_reserve(void *list, int32_t *cap, int32_t need, size_t size)
{
    if (need <= *cap)
        return true;
    int32_t new_cap = *cap ? *cap : 64;
    while (new_cap < need)
        new_cap = new_cap > INT32_MAX / 2 ? need : new_cap * 2;
    void *old;
    memcpy(&old, list, sizeof old); /* a pointer of any type */
    void *grown = reallocarray(old, (size_t)new_cap, size);
    if (!grown)
        return false;
    memcpy(list, &grown, sizeof grown);
    *cap = new_cap;
    return true;
}
