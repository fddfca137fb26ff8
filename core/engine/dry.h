/* DRY, "don't repeat yourself": tokens that would go on with a repetition of what came last are made less likely, the
 * more so the longer it is. As p-e-w described it (text-generation-webui, pull request 5677) and others do it. */
#ifndef BORA_ENGINE_DRY_H
#define BORA_ENGINE_DRY_H

#include <bora/engine.h>

#include "base/buf.h"

typedef struct dry {
    float multiplier, base;
    int32_t allowed_length;
    const bora_tokenizer *tokenizer;
    char **breakers; /* [n_breakers] */
    size_t n_breakers, max_breaker_bytes;
    /* Text is read token by token, with so much of what came before as a breaker may begin in. */
    bora_detokenizer *text;
    buf tail;
    uint8_t *breaks; /* [n_tokens], 1 where a breaker ends in the token */
    int32_t *match;  /* [n_tokens] */
    int32_t n_tokens, cap;
} dry;

/* `tokenizer` may be NULL: there are no breakers then. The sampling's strings are copied. */
bool dry_init(dry *d, const bora_sampling *sampling, const bora_tokenizer *tokenizer, bora_error *err);
void dry_free(dry *d);
bool dry_wanted(const dry *d);
/* Reads tokens [n_tokens]; the first n_same are as at the last call. */
bool dry_follow(dry *d, const int32_t *tokens, int32_t n_same, int32_t n_tokens, bora_error *err);
/* Tells of each token that would go on with a repetition of the tokens of dry_follow(). `longest` [n_vocab] is zero
 * before and after. False with an error, or (without one) when found() is false. */
bool dry_find(dry *d, const int32_t *tokens, int32_t *longest, int32_t n_vocab,
              bool (*found)(void *ctx, int32_t token, float penalty), void *ctx, bora_error *err);

#endif
