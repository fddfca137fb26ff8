/* The inside of a tokenizer: one pipeline, whatever file it came from.
 *
 *     text -> added tokens cut out -> each rest normalized -> added tokens that match normalized text cut out
 *          -> pre-tokenizers split the rests -> the model turns each split into ids -> the template adds special tokens
 *
 * and back: ids -> pieces -> decoder stages -> text. tokenizer_json.c and tokenizer_gguf.c only fill these tables. */
#ifndef BORA_TEXT_TOKENIZER_H
#define BORA_TEXT_TOKENIZER_H

#include <bora/tokenizer.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "text/maps.h"
#include "text/regex.h"
#include "text/unicode.h"

enum { MAX_NESTING = 32 }; /* Sequences within Sequences */

/* Rules of a file may make text longer, again and again. Whether `len` is still in proportion to the `from` bytes that
 * it was made of; if not, an error. */
bool growth_allowed(size_t from, size_t len, bora_error *err);

typedef struct id_list {
    int32_t *data;
    size_t n, cap;
    bool failed; /* memory ran out */
} id_list;

bool id_list_push(id_list *list, int32_t id);

/* A stretch of text on its way through the pipeline, or a token that was found already. */
typedef struct piece {
    size_t start, len;
    int32_t token;   /* -1: text */
    bool from_start; /* begins where the whole input begins */
} piece;

typedef struct pieces {
    buf text;
    piece *items;
    size_t n, cap;
    bool failed; /* memory ran out (or text.failed) */
} pieces;

/* Adds a stretch of p->text; empty stretches of text are dropped. */
bool pieces_add(pieces *p, size_t start, size_t len, int32_t token, bool from_start);
/* Appends `text` to p->text and adds it as a piece. */
bool pieces_add_text(pieces *p, const char *text, size_t len, bool from_start);
void pieces_clear(pieces *p);
void pieces_free(pieces *p);

/* --- Byte level: every byte is a printable character ----------------------------------------------------------- */

unsigned byte_level_char(unsigned char byte);
/* The byte of a character, or -1. */
int byte_level_byte(uint32_t c);
void byte_level_encode(buf *out, const char *text, size_t len);

/* --- Patterns: what Split and Replace look for ------------------------------------------------------------------ */

typedef struct pattern {
    bora_text literal; /* when regex is NULL */
    regex *regex;      /* owned */
} pattern;

/* Where a search stands; zero-initialise to start. After REGEX_FOUND the match is [start, end). */
typedef struct match_cursor {
    size_t start, end, from;
    bool any;
} match_cursor;

/* The next match, left to right, as a loop over all matches sees them. */
regex_result pattern_next(const pattern *p, regex_scratch *scratch, const char *text, size_t len, match_cursor *cursor,
                          bora_error *err);
/* The first `what` in `text`, or NULL. */
const char *text_find(const char *text, size_t len, bora_text what);
/* {"String": …} or {"Regex": …}. */
bool pattern_parse(arena *mem, const cJSON *json, pattern *out, bora_error *err);

/* --- Normalizers ------------------------------------------------------------------------------------------------ */

typedef enum normalizer_kind {
    NORM_NFC,
    NORM_NFD,
    NORM_NFKC,
    NORM_NFKD,
    NORM_LOWERCASE,
    NORM_STRIP,
    NORM_STRIP_ACCENTS,
    NORM_NMT,
    NORM_PREPEND,
    NORM_REPLACE,
    NORM_BERT,
    NORM_BYTE_LEVEL,
    NORM_PRECOMPILED,
    NORM_GGUF_BERT, /* words, a space before each */
    NORM_GGUF_T5,   /* character map and white space in one */
} normalizer_kind;

/* A sentencepiece character map: a double array of prefixes, and their replacements ended by NUL. */
typedef struct charsmap {
    const uint32_t *units;
    size_t n_units;
    const char *replacements;
    size_t n_bytes;
} charsmap;

/* `blob` stays with the caller (units are copied into `mem`). */
bool charsmap_parse(arena *mem, const unsigned char *blob, size_t len, charsmap *out, bora_error *err);
/* The shortest or longest prefix of `text` in the map: its length (0: none), and what replaces it. */
size_t charsmap_prefix(const charsmap *map, const char *text, size_t len, bool longest, bora_text *replacement);
/* Decodes base64 into `mem`. */
unsigned char *base64_decode(arena *mem, const char *text, size_t *len, bora_error *err);

typedef struct normalizer {
    normalizer_kind kind;
    bool left, right;                              /* Strip */
    bool clean, chinese, strip_accents, lowercase; /* Bert */
    bool add_space, merge_spaces;                  /* GGUF_T5 */
    const trie *verbatim;                          /* GGUF_T5: tokens that pass as they are */
    bora_text content;                             /* Prepend, Replace */
    pattern find;                                  /* Replace */
    charsmap map;                                  /* Precompiled, GGUF_T5 */
} normalizer;

typedef struct normalizer_list {
    normalizer *items;
    size_t n;
} normalizer_list;

bool normalizer_parse(arena *mem, const cJSON *json, normalizer_list *out, bora_error *err);
void normalizer_free(normalizer_list *list);
/* Runs all over `text`, into `out`, which is empty. *cut: characters were taken from the very beginning. */
bool normalize(const normalizer_list *list, regex_scratch *scratch, const char *text, size_t len, buf *out, bool *cut,
               bora_error *err);

/* --- Pre-tokenizers --------------------------------------------------------------------------------------------- */

typedef enum split_behavior {
    SPLIT_REMOVED,
    SPLIT_ISOLATED,
    SPLIT_MERGED_WITH_PREVIOUS,
    SPLIT_MERGED_WITH_NEXT,
    SPLIT_CONTIGUOUS,
} split_behavior;

typedef enum pretokenizer_kind {
    PRE_SPLIT,        /* by a pattern */
    PRE_CHARS,        /* by a class of characters */
    PRE_BYTE_LEVEL,   /* maybe a space in front; the split by words is a PRE_SPLIT of its own */
    PRE_PREFIX_SPACE, /* of ByteLevel, before its split */
    PRE_METASPACE,
    PRE_FIXED_LENGTH,
    PRE_DIGIT_GROUPS, /* groups of three from the right */
} pretokenizer_kind;

typedef enum prepend_scheme { PREPEND_ALWAYS, PREPEND_FIRST, PREPEND_NEVER } prepend_scheme;

typedef struct pretokenizer {
    pretokenizer_kind kind;
    split_behavior behavior;
    bool invert;
    pattern find;                 /* Split */
    bool (*is_class)(uint32_t c); /* Chars */
    bora_text replacement;        /* Metaspace */
    prepend_scheme prepend;       /* Metaspace */
    bool split;                   /* Metaspace */
    size_t length;                /* FixedLength */
    bool ascii_digits;            /* DigitGroups: only 0-9, and a cut before the first group; else every number, and a
                                     cut after each group only */
} pretokenizer;

typedef struct pretokenizer_list {
    pretokenizer *items;
    size_t n, cap;
} pretokenizer_list;

/* The next free place, zeroed, or NULL (and an error). */
pretokenizer *pretokenizer_add(pretokenizer_list *list, pretokenizer_kind kind, bora_error *err);
bool pretokenizer_add_split(pretokenizer_list *list, const char *regex, split_behavior behavior, bora_error *err);
bool pretokenizer_parse(arena *mem, const cJSON *json, pretokenizer_list *out, bora_error *err);
void pretokenizer_free(pretokenizer_list *list);
/* Runs all over `p`; `spare` is working memory of the same kind. The result is in `p`. */
bool pretokenize(const pretokenizer_list *list, regex_scratch *scratch, pieces *p, pieces *spare, bora_error *err);

/* --- Vocabulary and models -------------------------------------------------------------------------------------- */

/* What becomes of a token outside the model. Bits. */
enum {
    TOKEN_IN_MODEL = 1, /* in the model's vocabulary (and not only an added token) */
    TOKEN_SPECIAL = 2,  /* a marker, not text */
    TOKEN_BYTE = 4,     /* GGUF: stands for one raw byte */
    TOKEN_VERBATIM = 8, /* GGUF: its spelling is its text */
    TOKEN_NORMAL = 16,  /* GGUF: ordinary text */
    TOKEN_UNUSED = 32,  /* GGUF: no text */
    TOKEN_ENDS = 64,    /* GGUF: ends an answer */
    TOKEN_LSTRIP = 128, /* GGUF: takes the white space on its left with it */
    TOKEN_RSTRIP = 256,
};

typedef struct vocab_token {
    const char *text; /* as the vocabulary (or the added token) spells it; NULL: unused id */
    uint32_t len;
    unsigned flags;
    bora_text decoded; /* spelling for the decoder, where it is another one */
    double score;
} vocab_token;

typedef enum model_kind { MODEL_BPE, MODEL_SENTENCEPIECE, MODEL_UNIGRAM, MODEL_WORDPIECE, MODEL_WORDLEVEL } model_kind;

typedef struct model {
    model_kind kind;
    string_map ids;   /* spelling -> id; for BPE from GGUF also spellings that no id has, from n_tokens on */
    const char *name; /* in messages */

    /* BPE and the like */
    pair_map merges;
    int32_t bytes[256]; /* the token of a raw byte, or -1 */
    bool byte_fallback; /* all bytes of an unknown character, or none */
    bool drop_unknown;  /* GGUF: unknown characters give what `bytes` has, and nothing else */
    bool ignore_merges, fuse_unknown;
    bool whole_newlines;                     /* a run of newlines that is a token needs no merges */
    bora_text continuing_prefix, end_suffix; /* WordPiece: continuing_prefix too */
    uint32_t *ranks;                         /* [n_tokens] SentencePiece: scores in descending order, as numbers */

    bool has_unknown;      /* an unknown token was asked for … */
    int32_t unknown;       /* … and is this id, or -1 */
    bora_text word_prefix; /* WordPiece from GGUF: stands before each word */
    size_t max_word_chars; /* WordPiece */
    size_t max_token_len;  /* bytes of the longest spelling */

    trie pieces; /* Unigram */
    double unknown_score;
    bool relookup; /* Unigram of tokenizer.json: a run of unknown characters may still be a token, or bytes */
} model;

/* --- Added tokens ----------------------------------------------------------------------------------------------- */

typedef struct added_token {
    int32_t id;
    bool special, single_word, lstrip, rstrip;
} added_token;

typedef struct added_tokens {
    added_token *items;
    size_t n;
    trie raw, normalized; /* spelling -> index in items */
    regex *word;          /* one word character; NULL unless single_word is used */
    uint32_t *lengths;    /* GGUF: the different lengths, longest first: longer tokens are cut out first */
    size_t n_lengths;
    bool longest_first;
} added_tokens;

/* Cuts `text` at the added tokens of one trie. Appends to `out`, whose text gets the whole of `text`. */
bool added_tokens_split(const added_tokens *added, const trie *t, regex_scratch *scratch, const char *text, size_t len,
                        bool from_start, bool parse_special, pieces *out, bora_error *err);

/* --- Template and decoder --------------------------------------------------------------------------------------- */

/* The ids around (and between) the text's own: SEQUENCE stands for those. */
enum { TEMPLATE_SEQUENCE = -1 };
bool template_parse(arena *mem, const cJSON *json, int32_t **items, size_t *n, bora_error *err);

typedef enum stage_kind {
    STAGE_BYTE_LEVEL,
    STAGE_METASPACE,
    STAGE_WORDPIECE,
    STAGE_REPLACE,
    STAGE_BYTE_FALLBACK,
    STAGE_FUSE,
    STAGE_STRIP,
    STAGE_BPE,
    STAGE_JOIN,        /* no decoder: spaces between tokens */
    STAGE_FIRST_SPACE, /* GGUF: one space at the very beginning goes */
    STAGE_UTF8,        /* GGUF: bytes to characters */
} stage_kind;

typedef struct stage {
    stage_kind kind;
    bool fused;         /* everything arrives as one token, in parts */
    bora_text text;     /* Metaspace, WordPiece prefix, Replace content, Strip character, Bpe suffix */
    bool cleanup;       /* WordPiece */
    bool strip_first;   /* Metaspace: the marks of the first token vanish */
    pattern find;       /* Replace */
    size_t start, stop; /* Strip */
} stage;

typedef struct decoder {
    stage *items;
    size_t n, cap;
} decoder;

stage *decoder_add(decoder *d, stage_kind kind, bora_error *err);
bool decoder_parse(arena *mem, const cJSON *json, decoder *out, bora_error *err);
void decoder_free(decoder *d);

typedef struct role {
    const char *name;
    int32_t id;
} role;

struct bora_tokenizer {
    arena mem; /* strings and tables that live as long as the tokenizer */
    vocab_token *tokens;
    int32_t n_tokens;
    string_map added_ids; /* spelling -> id of added tokens */
    added_tokens added;
    normalizer_list normalizers;
    pretokenizer_list pretokenizers;
    model model;
    int32_t *template_items; /* NULL: nothing is added */
    size_t n_template;
    decoder decoder;
    bool from_gguf;
    bool byte_level; /* GGUF: spellings are byte-level; else ▁ in them is a space */
    trie verbatim;   /* GGUF t5: tokens that its normalizer leaves alone */
    const role *roles;
    size_t n_roles;
};

/* Working memory of one call of encode. */
typedef struct encoder {
    const bora_tokenizer *t;
    id_list out;
    regex_scratch regex;
    struct merge_symbol *symbols;
    struct merge_entry *heap;
    size_t symbols_cap, heap_cap;
    struct best_path *paths;
    size_t paths_cap;
    buf text, word;
} encoder;

/* Appends the ids of one split to e->out. */
bool model_encode(encoder *e, const char *text, size_t len, bora_error *err);
bool bpe_encode(encoder *e, const char *text, size_t len, bora_error *err);
bool unigram_encode(encoder *e, const char *text, size_t len, bora_error *err);
bool wordpiece_encode(encoder *e, const char *text, size_t len, bora_error *err);
/* The error for text that the vocabulary cannot spell. */
bool unknown_text(const encoder *e, bora_error *err);
/* Fills model.bytes from the tokens "<0x00>" … "<0xFF>". */
void model_find_bytes(model *m);
/* The order of scores as numbers: the higher the score the lower the rank. */
uint32_t score_rank(float score);

/* The tokenizer without anything in it; all of it is freed by bora_tokenizer_free(). */
bora_tokenizer *tokenizer_new(bora_error *err);
/* From the text of a tokenizer.json; `name` is for messages. */
bora_tokenizer *tokenizer_from_json(const char *text, size_t len, const char *name, bora_error *err);

/* --- Reading JSON with types ------------------------------------------------------------------------------------ */

/* Members that must have their type when they are there; `required`: an absent one is an error too (null is absent). */
bool member_string(const cJSON *object, const char *key, bool required, bora_text *out, bora_error *err);
bool member_bool(const cJSON *object, const char *key, bool required, bool *out, bora_error *err);
bool member_size(const cJSON *object, const char *key, bool required, size_t limit, size_t *out, bora_error *err);
/* True when `json` is absent or null. */
static inline bool json_absent(const cJSON *json)
{
    return !json || cJSON_IsNull(json);
}
/* A copy that lives in `mem`; data is NULL when memory ran out. */
bora_text text_copy(arena *mem, bora_text text);

#endif
