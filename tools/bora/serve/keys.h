/* API keys: who may ask.
 *
 * A file of keys has one a line: `key`, or `name key`, where the name is what logs say; what follows # is a comment,
 * and so are empty lines. Keys are 1 to KEY_BYTES_MAX visible ASCII characters.
 *
 * Whether a key is right is found by comparing all of it with all keys, in a time that depends on how many there are
 * and on nothing that is in them. */
#ifndef SERVE_KEYS_H
#define SERVE_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include <bora/error.h>

enum { KEY_BYTES_MAX = 255, KEY_NAME_BYTES = 40, KEYS_MAX = 10000, KEYS_FILE_BYTES_MAX = 4 << 20 };

typedef struct key_set key_set;

key_set *keys_new(void); /* no keys; NULL when memory ran out */
void keys_free(key_set *keys);
/* `name` may be NULL: "key 3", its number. `origin` stands in messages, which never hold the key. BORA_USAGE for what
 * cannot be a key, BORA_LIMIT for one too many. A key that is there already is not added again. */
bool keys_add(key_set *keys, const char *name, const char *key, size_t len, const char *origin, bora_error *err);
/* Adds those of a text in the form of a file. */
bool keys_parse(key_set *keys, const char *text, size_t len, const char *origin, bora_error *err);
/* BORA_IO too. `open_to_others` says whether others than its owner may read the file; may be NULL. */
bool keys_read(key_set *keys, const char *path, bool *open_to_others, bora_error *err);
size_t keys_count(const key_set *keys);

/* The number of the key, from 0; SIZE_MAX if there is no such one. */
size_t keys_find(const key_set *keys, const char *key, size_t len);
const char *keys_name(const key_set *keys, size_t i);
/* A number that is the key's own, whatever others there are: limits are counted by it. */
uint64_t keys_identity(const key_set *keys, size_t i);

/* The key in a header "Authorization: Bearer KEY" (its value); NULL: none. */
const char *keys_bearer(const char *authorization, size_t *len);

#endif
