/* How much memory there is: see memory.h. */
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cgroups.h"

enum { MAX_FILE = 1 << 15, MAX_PATH = 4096 };

/* The number behind `name` at the beginning of a line; false when there is none. */
static bool find_number(const char *text, const char *name, uint64_t *value)
{
    size_t len = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, len) != 0)
            continue;
        const char *digits = line + len + strspn(line + len, " ");
        if (*digits < '0' || *digits > '9')
            return false;
        *value = strtoull(digits, NULL, 10);
        return true;
    }
    return false;
}

static bool read_number(const char *folder, const char *file, const char *name, uint64_t *value)
{
    char path[MAX_PATH], text[MAX_FILE];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return read_small_file(path, text, sizeof text) && find_number(text, name, value);
}

static uint64_t of_machine(const char *root, const char *name)
{
    char folder[MAX_PATH / 2];
    uint64_t kib;
    snprintf(folder, sizeof folder, "%s/proc", root);
    return read_number(folder, "meminfo", name, &kib) && kib <= UINT64_MAX / 1024 ? kib * 1024 : UINT64_MAX;
}

static void take_lower(uint64_t *lowest, uint64_t bytes)
{
    *lowest = bytes < *lowest ? bytes : *lowest;
}

/* "max" is no number, and no limit. */
static bool group_limit(const char *folder, bool v2, uint64_t *limit)
{
    return read_number(folder, v2 ? "memory.max" : "memory.limit_in_bytes", "", limit);
}

static void take_lower_limit(void *lowest, const char *folder, bool v2)
{
    uint64_t limit;
    if (group_limit(folder, v2, &limit))
        take_lower(lowest, limit);
}

static void take_lower_rest(void *lowest, const char *folder, bool v2)
{
    uint64_t limit, used, cached = 0;
    if (!group_limit(folder, v2, &limit) ||
        !read_number(folder, v2 ? "memory.current" : "memory.usage_in_bytes", "", &used))
        return;
    read_number(folder, "memory.stat", v2 ? "inactive_file " : "total_inactive_file ", &cached);
    used -= cached < used ? cached : used;
    take_lower(lowest, used < limit ? limit - used : 0);
}

uint64_t memory_total(const char *root)
{
    uint64_t lowest = of_machine(root, "MemTotal:");
    cgroups_each(root, "memory", take_lower_limit, &lowest);
    return lowest;
}

uint64_t memory_available(const char *root)
{
    uint64_t lowest = of_machine(root, "MemAvailable:");
    cgroups_each(root, "memory", take_lower_rest, &lowest);
    return lowest;
}
