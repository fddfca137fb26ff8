/* Tokenizers: text to token ids and back.
 *
 * The same tokenizer comes from a tokenizer.json or from the metadata of a GGUF file; ids agree exactly with the
 * reference implementation of each. A tokenizer is immutable: any number of threads may use one. */
#ifndef BORA_TOKENIZER_H
#define BORA_TOKENIZER_H

#include <bora/checkpoint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bora_tokenizer bora_tokenizer;
typedef struct bora_detokenizer bora_detokenizer;

/* From a tokenizer.json. Errors name the file and what in it cannot be used. */
BORA_API bora_tokenizer *bora_tokenizer_load(const char *path, bora_error *err);
/* From the `tokenizer.ggml.*` metadata of a checkpoint. */
BORA_API bora_tokenizer *bora_tokenizer_from_checkpoint(const bora_checkpoint *checkpoint, bora_error *err);
BORA_API void bora_tokenizer_free(bora_tokenizer *tokenizer);

enum {
    BORA_ENCODE_ADD_SPECIAL = 1 << 0,   /* with the tokens that the model adds (post-processor; add_bos, add_eos) */
    BORA_ENCODE_PARSE_SPECIAL = 1 << 1, /* control tokens written out in the text ("<|im_end|>") become themselves */
};

/* Encodes `len` bytes of text. Invalid UTF-8 is treated as U+FFFD. On success *ids is malloc'd (the caller frees it;
 * NULL when *n is 0). */
BORA_API bool bora_tokenizer_encode(const bora_tokenizer *tokenizer, const char *text, size_t len, unsigned flags,
                                    int32_t **ids, size_t *n, bora_error *err);

/* Ids are 0 … n-1; some may be unused. */
BORA_API int32_t bora_tokenizer_n_tokens(const bora_tokenizer *tokenizer);
/* The token as the vocabulary spells it ("Ġthe", "▁the", "<0x0A>"), or NULL for an unused id. */
BORA_API const char *bora_tokenizer_piece(const bora_tokenizer *tokenizer, int32_t id);
/* The id of a vocabulary entry or an added token by its spelling, or -1. */
BORA_API int32_t bora_tokenizer_find(const bora_tokenizer *tokenizer, const char *piece);
/* True for tokens that are markers and not text (BOS, <|im_end|>). */
BORA_API bool bora_tokenizer_is_special(const bora_tokenizer *tokenizer, int32_t id);
/* True for tokens that end an answer (EOS, <|im_end|>), as far as the file says: a GGUF does, by its ids and by the
 * names that such tokens have; a tokenizer.json does not. */
BORA_API bool bora_tokenizer_is_end(const bora_tokenizer *tokenizer, int32_t id);
/* The ids that a GGUF file names for a role ("bos", "eos", "eot", "unk", "pad", …), or -1. A tokenizer.json names none:
 * there the model's config and tokenizer_config.json do. */
BORA_API int32_t bora_tokenizer_role(const bora_tokenizer *tokenizer, const char *role);

/* The bytes that a token stands for where it is not the first of a text ("▁the" and "Ġthe" are " the", "<0x0A>" is a
 * line feed, a marker its spelling): they may be a part of a character. *bytes is malloc'd, for the caller to free,
 * with a NUL behind the *len bytes; an id that is no token has none. */
BORA_API bool bora_tokenizer_bytes(const bora_tokenizer *tokenizer, int32_t id, char **bytes, size_t *len,
                                   bora_error *err);

/* Streaming back to text. Each push may give some bytes: only whole UTF-8 characters, in a buffer that lives until the
 * next call. The finish gives what is left (an incomplete character becomes U+FFFD). The text of a whole sequence
 * equals the reference implementation's decode of it. Many tokenizers drop a space at the very beginning: for text that
 * continues another, push the tokens of that one first and ignore what they give. Ids that are no tokens give nothing.
 * For a GGUF the text is that of the pieces, without the space in front. */
BORA_API bora_detokenizer *bora_detokenizer_new(const bora_tokenizer *tokenizer, bool skip_special, bora_error *err);
BORA_API bool bora_detokenizer_push(bora_detokenizer *d, int32_t id, const char **text, size_t *len, bora_error *err);
BORA_API bool bora_detokenizer_finish(bora_detokenizer *d, const char **text, size_t *len, bora_error *err);
BORA_API void bora_detokenizer_free(bora_detokenizer *d);

#ifdef __cplusplus
}
#endif
#endif
