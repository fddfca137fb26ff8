/* API keys: see keys.h. */
#include "serve/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct key {
    uint8_t padded[KEY_BYTES_MAX + 1]; /* the key, zeros, its length: all keys are of one length */
    char name[KEY_NAME_BYTES];
    uint64_t identity;
} key;

struct key_set {
    key *items;
    size_t n, capacity;
};

key_set *keys_new(void)
{
    return calloc(1, sizeof(key_set));
}

void keys_free(key_set *keys)
{
    if (!keys)
        return;
    if (keys->items)
        explicit_bzero(keys->items, keys->capacity * sizeof *keys->items);
    free(keys->items);
    free(keys);
}

size_t keys_count(const key_set *keys)
{
    return keys->n;
}

const char *keys_name(const key_set *keys, size_t i)
{
    return keys->items[i].name;
}

uint64_t keys_identity(const key_set *keys, size_t i)
{
    return keys->items[i].identity;
}

static bool visible(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return true;
}

/* FNV-1a: it tells keys apart, it does not protect them, and it is shown to nobody. */
static uint64_t identity_of(const uint8_t *bytes, size_t len)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ bytes[i]) * 0x100000001b3u;
    return h;
}

static bool grow(key_set *keys)
{
    if (keys->n < keys->capacity)
        return true;
    size_t capacity = keys->capacity ? 2 * keys->capacity : 8;
    key *items = calloc(capacity, sizeof *items); /* not realloc(): it would leave keys behind */
    if (!items)
        return false;
    if (keys->n > 0) {
        memcpy(items, keys->items, keys->n * sizeof *items);
        explicit_bzero(keys->items, keys->n * sizeof *items);
    }
    free(keys->items);
    keys->items = items;
    keys->capacity = capacity;
    return true;
}

static bool check_name(const char *name, size_t len, const char *origin, bora_error *err)
{
    return (len > 0 && len < KEY_NAME_BYTES && visible(name, len)) ||
           bora_fail(err, BORA_USAGE, "%s: a key's name is a word of fewer than %d visible ASCII characters", origin,
                     KEY_NAME_BYTES);
}

bool keys_add(key_set *keys, const char *name, const char *text, size_t len, const char *origin, bora_error *err)
{
    if (len == 0 || !visible(text, len))
        return bora_fail(err, BORA_USAGE, "%s: an API key is a word of visible ASCII characters", origin);
    if (len > KEY_BYTES_MAX)
        return bora_fail(err, BORA_USAGE, "%s: an API key has at most %d characters", origin, KEY_BYTES_MAX);
    if (name && !check_name(name, strlen(name), origin, err))
        return false;
    if (keys_find(keys, text, len) != SIZE_MAX)
        return true;
    if (keys->n >= KEYS_MAX)
        return bora_fail(err, BORA_LIMIT, "%s: there are more than %d API keys", origin, KEYS_MAX);
    if (!grow(keys))
        return bora_fail_memory(err, "API keys");
    key *k = &keys->items[keys->n++];
    memset(k, 0, sizeof *k);
    memcpy(k->padded, text, len);
    k->padded[KEY_BYTES_MAX] = (uint8_t)len;
    k->identity = identity_of(k->padded, len);
    if (name)
        snprintf(k->name, sizeof k->name, "%s", name);
    else
        snprintf(k->name, sizeof k->name, "key-%zu", keys->n);
    return true;
}

size_t keys_find(const key_set *keys, const char *text, size_t len)
{
    uint8_t padded[KEY_BYTES_MAX + 1] = { 0 };
    size_t found = SIZE_MAX;
    bool possible = len > 0 && len <= KEY_BYTES_MAX;
    memcpy(padded, text, possible ? len : 0);
    padded[KEY_BYTES_MAX] = possible ? (uint8_t)len : 0;
    for (size_t i = 0; i < keys->n; i++) {
        volatile uint8_t differs = 0; /* volatile: a compiler must not stop at the first difference */
        for (size_t b = 0; b < sizeof padded; b++)
            differs |= padded[b] ^ keys->items[i].padded[b];
        size_t same = (size_t)0 - (size_t)(differs == 0); /* all ones or nothing: no branch on what is secret */
        found = (found & ~same) | (i & same);
    }
    explicit_bzero(padded, sizeof padded);
    return possible ? found : SIZE_MAX;
}

/* ---- files */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next word of [*at, end), NULL at its end. */
static const char *next_word(const char **at, const char *end, size_t *len)
{
    const char *p = *at;
    while (p < end && is_blank(*p))
        p++;
    const char *word = p;
    while (p < end && !is_blank(*p))
        p++;
    *len = (size_t)(p - word);
    *at = p;
    return *len ? word : NULL;
}

static bool parse_line(key_set *keys, const char *line, const char *end, const char *origin, bora_error *err)
{
    size_t len, len2, len3;
    const char *at = line, *first = next_word(&at, end, &len);
    if (!first)
        return true;
    const char *second = next_word(&at, end, &len2);
    if (next_word(&at, end, &len3))
        return bora_fail(err, BORA_USAGE, "%s: expected `key` or `name key`", origin);
    if (!second)
        return keys_add(keys, NULL, first, len, origin, err);
    char name[KEY_NAME_BYTES];
    if (!check_name(first, len, origin, err))
        return false;
    snprintf(name, sizeof name, "%.*s", (int)len, first);
    return keys_add(keys, name, second, len2, origin, err);
}

bool keys_parse(key_set *keys, const char *text, size_t len, const char *origin, bora_error *err)
{
    const char *end = text + len;
    for (size_t line = 1; text < end; line++) {
        char where[300];
        const char *newline = memchr(text, '\n', (size_t)(end - text)), *stop = newline ? newline : end;
        const char *comment = memchr(text, '#', (size_t)(stop - text));
        snprintf(where, sizeof where, "%.256s:%zu", origin, line);
        if (!parse_line(keys, text, comment ? comment : stop, where, err))
            return false;
        text = stop + 1;
    }
    return true;
}

static bool read_all(int fd, char *text, size_t capacity, size_t *len)
{
    for (*len = 0; *len < capacity;) {
        ssize_t n = read(fd, text + *len, capacity - *len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0)
            break;
        *len += (size_t)n;
    }
    return true;
}

bool keys_read(key_set *keys, const char *path, bool *open_to_others, bora_error *err)
{
    struct stat st;
    size_t len = 0;
    bool ok = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without a writer must not hold it up */
    char *text = NULL;
    if (fd < 0 || fstat(fd, &st) != 0) {
        bora_fail(err, BORA_IO, "%s: %s", path, strerror(errno));
    } else if (!(text = malloc(KEYS_FILE_BYTES_MAX + 1))) {
        bora_fail_memory(err, "API keys");
    } else if (!read_all(fd, text, KEYS_FILE_BYTES_MAX + 1, &len)) {
        bora_fail(err, BORA_IO, "%s: %s", path, strerror(errno));
    } else if (len > KEYS_FILE_BYTES_MAX) {
        bora_fail(err, BORA_LIMIT, "%s: a file of API keys has at most %d bytes", path, KEYS_FILE_BYTES_MAX);
    } else {
        if (open_to_others)
            *open_to_others = S_ISREG(st.st_mode) && (st.st_mode & (S_IRGRP | S_IROTH));
        ok = keys_parse(keys, text, len, path, err);
    }
    if (text)
        explicit_bzero(text, len);
    free(text);
    if (fd >= 0)
        close(fd);
    return ok;
}

const char *keys_bearer(const char *authorization, size_t *len)
{
    static const char scheme[] = "Bearer";
    size_t n = sizeof scheme - 1;
    if (!authorization || strncasecmp(authorization, scheme, n) != 0 || !is_blank(authorization[n]))
        return NULL;
    const char *at = authorization + n, *end = authorization + strlen(authorization);
    const char *word = next_word(&at, end, len);
    size_t more;
    return word && !next_word(&at, end, &more) ? word : NULL;
}
