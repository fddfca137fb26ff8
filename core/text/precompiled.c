/* Character maps of sentencepiece, as tokenizer.json ("Precompiled") and GGUF carry them.
 *
 * A blob is the size of a double array in bytes (u32), the array (u32 each), and the replacements, each ended by NUL.
 * The array is darts-clone's: a unit holds a label in its low byte, a leaf flag, and an offset that is XORed with the
 * index to reach the children; the value of a leaf is where its replacement starts. All of it comes from a file, so
 * every index is checked where it is used. */
#include <string.h>

#include "text/tokenizer.h"

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

unsigned char *base64_decode(arena *mem, const char *text, size_t *len, bora_error *err)
{
    size_t n = strlen(text);
    while (n > 0 && text[n - 1] == '=')
        n--;
    unsigned char *out = arena_alloc(mem, n / 4 * 3 + 3);
    if (!out) {
        bora_fail_memory(err, "a character map");
        return NULL;
    }
    uint32_t bits = 0;
    unsigned n_bits = 0;
    *len = 0;
    for (size_t i = 0; i < n; i++) {
        int value = base64_value(text[i]);
        if (value < 0) {
            bora_fail(err, BORA_FORMAT, "a character map is not valid base64 (character %zu)", i);
            return NULL;
        }
        bits = bits << 6 | (uint32_t)value;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            out[(*len)++] = (unsigned char)(bits >> n_bits);
        }
    }
    return out;
}

static uint32_t little_endian(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

bool charsmap_parse(arena *mem, const unsigned char *blob, size_t len, charsmap *out, bora_error *err)
{
    *out = (charsmap){ 0 };
    if (len == 0)
        return true;
    size_t size = len >= 4 ? little_endian(blob) : 0;
    if (len < 4 || size % 4 != 0 || size > len - 4)
        return bora_fail(err, BORA_FORMAT, "a character map of %zu bytes says that its array has %zu", len, size);
    uint32_t *units = arena_array(mem, size / 4, sizeof *units);
    size_t n_bytes = len - 4 - size;
    char *replacements = arena_strndup(mem, (const char *)blob + 4 + size, n_bytes);
    if (!units || !replacements)
        return bora_fail_memory(err, "a character map");
    for (size_t i = 0; i < size / 4; i++)
        units[i] = little_endian(blob + 4 + 4 * i);
    if (!utf8_valid(replacements, n_bytes))
        return bora_fail(err, BORA_FORMAT, "the replacements of a character map are not UTF-8");
    *out = (charsmap){ .units = units, .n_units = size / 4, .replacements = replacements, .n_bytes = n_bytes };
    return true;
}

static uint32_t unit_offset(uint32_t unit)
{
    return unit >> 10 << ((unit & 1u << 9) >> 6);
}

size_t charsmap_prefix(const charsmap *map, const char *text, size_t len, bool longest, bora_text *replacement)
{
    if (map->n_units == 0)
        return 0;
    size_t found = 0;
    uint32_t node = unit_offset(map->units[0]);
    for (size_t i = 0; i < len && text[i]; i++) {
        node ^= (unsigned char)text[i];
        if (node >= map->n_units)
            break;
        uint32_t unit = map->units[node];
        if ((unit & (1u << 31 | 0xff)) != (unsigned char)text[i])
            break;
        node ^= unit_offset(unit);
        if (node >= map->n_units)
            break;
        if (!(unit >> 8 & 1))
            continue;
        size_t at = map->units[node] & 0x7fffffff;
        if (at >= map->n_bytes)
            continue;
        found = i + 1;
        *replacement = (bora_text){ map->replacements + at, strlen(map->replacements + at) };
        if (!longest)
            break;
    }
    /* A replacement that begins inside a character would be malformed text. */
    if (found && (unsigned char)replacement->data[0] >= 0x80 && (unsigned char)replacement->data[0] < 0xc0)
        return 0;
    return found;
}
