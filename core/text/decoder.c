/* Decoders of tokenizer.json: read here, run by detokenizer.c. */
#include <stdlib.h>
#include <string.h>

#include "text/tokenizer.h"

stage *decoder_add(decoder *d, stage_kind kind, bora_error *err)
{
    if (d->n == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 8;
        stage *items = realloc(d->items, cap * sizeof *items);
        if (!items) {
            bora_fail_memory(err, "a decoder");
            return NULL;
        }
        d->items = items;
        d->cap = cap;
    }
    stage *s = &d->items[d->n];
    *s = (stage){ .kind = kind };
    /* Behind a stage that joins everything, what follows sees one token. */
    if (d->n > 0) {
        const stage *before = &d->items[d->n - 1];
        s->fused = before->fused || before->kind == STAGE_FUSE || before->kind == STAGE_BYTE_LEVEL;
    }
    d->n++;
    return s;
}

void decoder_free(decoder *d)
{
    for (size_t i = 0; i < d->n; i++)
        regex_free(d->items[i].find.regex);
    free(d->items);
    *d = (decoder){ 0 };
}

static const struct {
    const char *type;
    stage_kind kind;
} kinds[] = {
    { "ByteLevel", STAGE_BYTE_LEVEL },
    { "Metaspace", STAGE_METASPACE },
    { "WordPiece", STAGE_WORDPIECE },
    { "Replace", STAGE_REPLACE },
    { "ByteFallback", STAGE_BYTE_FALLBACK },
    { "Fuse", STAGE_FUSE },
    { "Strip", STAGE_STRIP },
    { "BPEDecoder", STAGE_BPE },
};

static bool parse_members(arena *mem, const cJSON *json, stage *s, bora_error *err)
{
    const char *key = NULL;
    uint32_t c;
    switch (s->kind) {
    case STAGE_METASPACE: {
        bora_text scheme = { "always", 6 };
        bool add_prefix_space = true;
        key = "replacement";
        if (!member_string(json, "prepend_scheme", false, &scheme, err) ||
            !member_bool(json, "add_prefix_space", false, &add_prefix_space, err))
            return false;
        s->strip_first = strcmp(scheme.data, "never") != 0 && add_prefix_space;
        break;
    }
    case STAGE_WORDPIECE:
        key = "prefix";
        if (!member_bool(json, "cleanup", true, &s->cleanup, err))
            return false;
        break;
    case STAGE_REPLACE:
        key = "content";
        if (!pattern_parse(mem, json_get(json, "pattern"), &s->find, err))
            return false;
        break;
    case STAGE_STRIP:
        key = "content";
        if (!member_size(json, "start", true, UINT32_MAX, &s->start, err) ||
            !member_size(json, "stop", true, UINT32_MAX, &s->stop, err))
            return false;
        break;
    case STAGE_BPE:
        key = "suffix";
        break;
    default:
        return true;
    }
    if (!member_string(json, key, true, &s->text, err))
        return false;
    if ((s->kind == STAGE_METASPACE || s->kind == STAGE_STRIP) &&
        (s->text.len == 0 || utf8_next(s->text.data, s->text.len, &c) != s->text.len))
        return bora_fail(err, BORA_FORMAT, "\"%s\" is not one character", key);
    if (s->kind == STAGE_BPE && s->text.len == 0)
        return bora_fail(err, BORA_FORMAT, "\"suffix\" is empty");
    s->text = text_copy(mem, s->text);
    return s->text.data || bora_fail_memory(err, "a decoder");
}

static bool parse(arena *mem, const cJSON *json, int depth, decoder *out, bora_error *err)
{
    const char *type = json_string(json, "type", NULL);
    if (!type)
        return bora_fail(err, BORA_FORMAT, "a decoder has no \"type\"");
    if (depth > MAX_NESTING || out->n > 1000)
        return bora_fail(err, BORA_LIMIT, "too many decoders, or nested deeper than %d", MAX_NESTING);
    if (strcmp(type, "Sequence") == 0) {
        const cJSON *list = json_get(json, "decoders"), *item;
        if (!cJSON_IsArray(list))
            return bora_fail(err, BORA_FORMAT, "a Sequence without \"decoders\"");
        cJSON_ArrayForEach(item, list)
            if (!parse(mem, item, depth + 1, out, err))
                return false;
        return true;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(type, kinds[i].type) != 0)
            continue;
        stage *s = decoder_add(out, kinds[i].kind, err);
        return s && (parse_members(mem, json, s, err) || bora_error_prefix(err, "%s", type));
    }
    return bora_fail(err, BORA_UNSUPPORTED, "a decoder of type \"%.60s\"", type);
}

bool decoder_parse(arena *mem, const cJSON *json, decoder *out, bora_error *err)
{
    if (json_absent(json))
        return decoder_add(out, STAGE_JOIN, err);
    return parse(mem, json, 0, out, err) || bora_error_prefix(err, "decoder");
}
