/* Making values: strings, lists, dicts, and what is undefined. */
#include "text/jinja/value.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "text/jinja/unicode.h"

const str *jinja_str_ref(job *j, const char *data, size_t len)
{
    str *s = jinja_alloc(j, sizeof *s);
    if (!s || !jinja_charge(j, len / 64))
        return NULL;
    *s = (str){ data, len, jinja_utf8_count(data, len) };
    return s;
}

const str *jinja_str_new(job *j, const char *data, size_t len)
{
    char *copy = jinja_alloc(j, len);
    if (!copy)
        return NULL;
    if (len)
        memcpy(copy, data, len);
    return jinja_str_ref(j, copy, len);
}

bool jinja_string(job *j, const char *data, size_t len, value *out)
{
    const str *s = jinja_str_new(j, data, len);
    *out = v_str(s);
    return s != NULL;
}

bool jinja_substring(job *j, const char *data, size_t len, value *out)
{
    const str *s = jinja_str_ref(j, data, len);
    *out = v_str(s);
    return s != NULL;
}

bool jinja_cstring(job *j, const char *text, value *out)
{
    return jinja_string(j, text, strlen(text), out);
}

bool jinja_str_is(const str *s, const char *text)
{
    return s->len == strlen(text) && memcmp(s->data, text, s->len) == 0;
}

list *jinja_list_new(job *j, size_t cap)
{
    list *l = jinja_alloc(j, sizeof *l);
    if (!l)
        return NULL;
    l->cap = cap;
    l->items = cap ? jinja_array(j, cap, sizeof *l->items) : NULL;
    return !cap || l->items ? l : NULL;
}

bool jinja_list_add(job *j, list *l, value v)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 4;
        value *items = jinja_array(j, cap, sizeof *items);
        if (!items)
            return false;
        if (l->n)
            memcpy(items, l->items, l->n * sizeof *items);
        l->items = items;
        l->cap = cap;
    }
    l->items[l->n++] = v;
    return true;
}

dict *jinja_dict_new(job *j)
{
    return jinja_alloc(j, sizeof(dict));
}

static uint64_t mix(uint64_t h)
{
    h ^= h >> 32;
    h *= 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static uint64_t hash_bytes(const char *data, size_t len)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)data[i]) * 0x100000001b3u;
    return mix(h);
}

/* Equal values have equal hashes, numbers of different types included. */
static bool hash_value(job *j, value v, uint64_t *hash)
{
    *hash = v.type;
    switch ((value_type)v.type) {
    case V_NONE:
    case V_UNDEFINED:
    case V_MISSING:
        return true;
    case V_BOOL:
        *hash = mix(v.b);
        return true;
    case V_INT:
        *hash = mix((uint64_t)v.i);
        return true;
    case V_FLOAT:
        if (v.f >= -9.2e18 && v.f <= 9.2e18 && v.f == floor(v.f)) {
            *hash = mix((uint64_t)(int64_t)v.f);
        } else {
            memcpy(hash, &v.f, sizeof *hash);
            *hash = mix(*hash);
        }
        return true;
    case V_STRING:
    case V_BIGINT:
        *hash = hash_bytes(v.s->data, v.s->len);
        return jinja_charge(j, v.s->len / 64);
    case V_TUPLE: {
        if (!jinja_enter(j) || !jinja_charge(j, v.list->n))
            return false;
        uint64_t all = v.list->n;
        for (size_t i = 0; i < v.list->n; i++) {
            uint64_t h;
            if (!hash_value(j, v.list->items[i], &h))
                return false;
            all = mix(all * 31 + h);
        }
        j->depth--;
        *hash = all;
        return true;
    }
    case V_LIST:
    case V_DICT:
    case V_VIEW:
        return jinja_error(j, "unhashable type: '%s'", jinja_type_name(v));
    default:
        *hash = mix((uint64_t)(uintptr_t)v.dict);
        return true;
    }
}

/* The entry of `key`, or NULL. Every probe is paid for: keys may have been chosen to collide. */
static dict_entry *find(job *j, const dict *d, value key, uint64_t hash, bool *ok)
{
    *ok = true;
    size_t probes = 0;
    for (size_t at = d->index ? hash & (d->index_cap - 1) : 0;; at++) {
        size_t entry = at;
        if (d->index) {
            uint32_t n = d->index[at & (d->index_cap - 1)];
            if (n == 0)
                break;
            entry = n - 1;
        } else if (at >= d->n) {
            break;
        }
        probes++;
        dict_entry *e = &d->entries[entry];
        if (e->hash != hash)
            continue;
        bool equal;
        if (!jinja_equal(j, e->key, key, &equal)) {
            *ok = false;
            return NULL;
        }
        if (equal)
            return e;
    }
    if (probes > 16 && !jinja_charge(j, probes / 16))
        *ok = false;
    return NULL;
}

static void index_entry(dict *d, size_t entry)
{
    size_t at = d->entries[entry].hash & (d->index_cap - 1);
    while (d->index[at])
        at = (at + 1) & (d->index_cap - 1);
    d->index[at] = (uint32_t)(entry + 1);
}

bool jinja_dict_set(job *j, dict *d, value key, value val)
{
    uint64_t hash;
    bool ok;
    if (!hash_value(j, key, &hash))
        return false;
    dict_entry *e = find(j, d, key, hash, &ok);
    if (!ok)
        return false;
    if (e) {
        e->val = val;
        return true;
    }
    if (d->n == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 4;
        if (cap > UINT32_MAX / 4)
            return jinja_fail(j, BORA_LIMIT, "a dict has too many members");
        dict_entry *entries = jinja_array(j, cap, sizeof *entries);
        if (!entries)
            return false;
        if (d->n)
            memcpy(entries, d->entries, d->n * sizeof *entries);
        d->entries = entries;
        d->cap = cap;
        if (cap > 8) {
            d->index_cap = cap * 2;
            d->index = jinja_array(j, d->index_cap, sizeof *d->index);
            if (!d->index)
                return false;
            for (size_t i = 0; i < d->n; i++)
                index_entry(d, i);
        }
    }
    d->entries[d->n++] = (dict_entry){ key, val, hash };
    if (d->index)
        index_entry(d, d->n - 1);
    return true;
}

const value *jinja_dict_get(job *j, const dict *d, value key, bool *ok)
{
    uint64_t hash;
    *ok = hash_value(j, key, &hash);
    const dict_entry *e = *ok ? find(j, d, key, hash, ok) : NULL;
    return e ? &e->val : NULL;
}

const value *jinja_dict_find(job *j, const dict *d, const char *name, size_t len)
{
    (void)j;
    uint64_t hash = hash_bytes(name, len);
    for (size_t at = d->index ? hash & (d->index_cap - 1) : 0;; at++) {
        size_t entry = at;
        if (d->index) {
            uint32_t n = d->index[at & (d->index_cap - 1)];
            if (n == 0)
                return NULL;
            entry = n - 1;
        } else if (at >= d->n) {
            return NULL;
        }
        const dict_entry *e = &d->entries[entry];
        if (e->hash == hash && e->key.type == V_STRING && e->key.s->len == len &&
            memcmp(e->key.s->data, name, len) == 0)
            return &e->val;
    }
}

static bool make_undefined(job *j, undefined what, value *out)
{
    undefined *u = jinja_alloc(j, sizeof *u);
    if (!u || !what.name)
        return false;
    *u = what;
    *out = (value){ .type = V_UNDEFINED, .undefined = u };
    return true;
}

bool jinja_undefined_hint(job *j, const char *hint, value *out)
{
    return make_undefined(j, (undefined){ UNDEFINED_HINT, V_NONE, jinja_str_new(j, hint, strlen(hint)) }, out);
}

bool jinja_undefined_name(job *j, const str *name, value *out)
{
    return make_undefined(j, (undefined){ UNDEFINED_NAME, V_NONE, name }, out);
}

bool jinja_undefined_member(job *j, value owner, value key, value *out)
{
    if (key.type == V_STRING)
        return make_undefined(j, (undefined){ UNDEFINED_MEMBER, owner.type, key.s }, out);
    char hint[96];
    if (key.type == V_INT)
        snprintf(hint, sizeof hint, "%s object has no element %lld", jinja_type_name(owner), (long long)key.i);
    else
        snprintf(hint, sizeof hint, "%s object has no such element", jinja_type_name(owner));
    return jinja_undefined_hint(j, hint, out);
}

bool jinja_use_undefined(job *j, value v)
{
    const undefined *u = v.undefined;
    if (!u)
        return jinja_error(j, "the value is undefined");
    int len = u->name->len > 300 ? 300 : (int)u->name->len;
    if (u->why == UNDEFINED_NAME)
        return jinja_error(j, "'%.*s' is undefined", len, u->name->data);
    if (u->why == UNDEFINED_MEMBER)
        return jinja_error(j, "'%s%s' has no attribute '%.*s'",
                           u->owner == V_NONE ? "None" : jinja_type_name((value){ .type = (uint8_t)u->owner }),
                           u->owner == V_NONE ? "" : " object", len, u->name->data);
    return jinja_error(j, "%.*s", len, u->name->data);
}
