/* Names of the parts of a split model: STEM-00002-of-00003.EXT, the same for both containers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/checkpoint.h"

enum { MAX_DIGITS = 6 };

/* Reads the digits that end before `*end`, moves `*end` in front of them, and returns how many there were; 0 when there
 * is no such number. */
static int number_before(const char *start, const char **end, unsigned *out)
{
    unsigned value = 0, unit = 1;
    int n = 0;
    while (*end > start && (*end)[-1] >= '0' && (*end)[-1] <= '9') {
        if (++n > MAX_DIGITS)
            return 0;
        value += unit * (unsigned)(*--*end - '0');
        unit *= 10;
    }
    *out = value;
    return n;
}

static bool literal_before(const char *start, const char **end, const char *literal)
{
    size_t len = strlen(literal);
    if ((size_t)(*end - start) < len || memcmp(*end - len, literal, len) != 0)
        return false;
    *end -= len;
    return true;
}

bool ckpt_parse_part_name(const char *path, const char *ext, ckpt_part_name *out)
{
    const char *start = path_base(path), *end = start + strlen(start);
    if (!literal_before(start, &end, ext) || !(out->count_digits = number_before(start, &end, &out->count)) ||
        !literal_before(start, &end, "-of-") || !(out->no_digits = number_before(start, &end, &out->no)) ||
        !literal_before(start, &end, "-"))
        return false;
    out->stem_len = (size_t)(end - path);
    return out->no >= 1 && out->no <= out->count;
}

char *ckpt_part_path(const char *path, const char *ext, const ckpt_part_name *name, unsigned no)
{
    size_t size = strlen(path) + MAX_DIGITS + 1;
    char *part = malloc(size);
    if (part)
        snprintf(part, size, "%.*s-%0*u-of-%0*u%s", (int)name->stem_len, path, name->no_digits, no, name->count_digits,
                 name->count, ext);
    return part;
}
