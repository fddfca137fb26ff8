/* What the names in a GGUF's `tokenizer.ggml.*` metadata mean. */
#ifndef BORA_TEXT_GGUF_FAMILIES_H
#define BORA_TEXT_GGUF_FAMILIES_H

#include <stdbool.h>
#include <stddef.h>

enum {
    FAMILY_IGNORE_MERGES = 1, /* a word that is a token needs no merges */
    FAMILY_ADD_BOS = 2,       /* unless the file says otherwise */
    FAMILY_NO_BOS = 4,        /* has no default BOS id */
    FAMILY_RAW = 8,           /* spellings are UTF-8 with ▁ for a space, not byte-level */
    FAMILY_NEWLINES = 16,     /* a run of newlines that is a token needs no merges */
    FAMILY_FORCE_BOS = 32,    /* whatever the file says */
    FAMILY_NO_MERGES = 64,    /* the file may lack merges */
    FAMILY_MASK_LSTRIP = 128, /* "<mask>" takes the white space on its left with it */
};

typedef struct gguf_family {
    const char *names;              /* of tokenizer.ggml.pre, separated by spaces */
    const char *const *expressions; /* words are cut by each in turn; ends with NULL */
    unsigned flags;
} gguf_family;

/* Steps among the expressions that are not expressions. */
extern const char gguf_digit_groups[], gguf_ascii_digit_groups[];

/* The family that `pre` names, or NULL. */
const gguf_family *gguf_family_find(const char *pre);

/* Tokens that are known by their spelling, because files say it wrongly or not at all. */
enum { KNOWN_END = 1, KNOWN_TEXT = 2 };

typedef struct gguf_known_token {
    const char *text;
    const char *role; /* it is this role's token, unless the file names one */
    unsigned flags;
} gguf_known_token;

extern const gguf_known_token gguf_known_tokens[]; /* ends with text NULL; earlier entries first */

/* Models (by a part of general.name, in lower case) whose special tokens take the white space on their right. */
extern const char *const gguf_rstrip_models[]; /* ends with NULL */

#endif
