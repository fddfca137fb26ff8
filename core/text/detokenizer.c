/* Ids back to text, a token at a time.
 *
 * The decoder's stages stand in a line; each takes tokens as they come and hands on what can no longer change. A stage
 * keeps back only what it must: a cut-off character, a run of bytes that may still turn out malformed, the last token
 * where the end is special. The text of a whole sequence is exactly what the reference makes of the whole list.
 *
 * Behind a stage that joins everything (`fused`) parts of one single token arrive. Stages that need to see that token
 * whole collect it until the end. */
#include <stdlib.h>
#include <string.h>

#include "text/tokenizer.h"

/* No token is that long, but a decoder can make it so. */
enum { PART_LIMIT_BYTES = 1 << 24 };

typedef struct stage_state {
    size_t n_tokens; /* seen */
    buf held;
    size_t stripped; /* STRIP, fused: characters gone from the front */
    bool past_start; /* STRIP, fused; FIRST_SPACE: the front is behind us */
} stage_state;

struct bora_detokenizer {
    const bora_tokenizer *t;
    bool skip_special;
    buf out;
    size_t n_stages;
    stage_state states[];
};

bora_detokenizer *bora_detokenizer_new(const bora_tokenizer *t, bool skip_special, bora_error *err)
{
    bora_detokenizer *d = calloc(1, sizeof *d + t->decoder.n * sizeof *d->states);
    if (!d) {
        bora_fail_memory(err, "a detokenizer");
        return NULL;
    }
    d->t = t;
    d->skip_special = skip_special;
    d->n_stages = t->decoder.n;
    return d;
}

void bora_detokenizer_free(bora_detokenizer *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->n_stages; i++)
        buf_free(&d->states[i].held);
    buf_free(&d->out);
    free(d);
}

static bool pass(bora_detokenizer *d, size_t i, const char *text, size_t len, bora_error *err);

/* Every `from` becomes `to`. */
static void replace_all(buf *out, bora_text text, bora_text from, bora_text to)
{
    size_t done = 0;
    const char *at;
    while ((at = text_find(text.data + done, text.len - done, from))) {
        buf_append(out, text.data + done, (size_t)(at - text.data) - done);
        buf_append(out, to.data, to.len);
        done = (size_t)(at - text.data) + from.len;
    }
    buf_append(out, text.data + done, text.len - done);
}

/* What WordPiece's cleanup does to a token: spaces before punctuation and English contractions. */
static void clean_up(buf *token)
{
    static const char *const rules[][2] = {
        { " .", "." },   { " ?", "?" },     { " !", "!" },     { " ,", "," },
        { " ' ", "'" },  { " n't", "n't" }, { " 'm", "'m" },   { " do not", " don't" },
        { " 's", "'s" }, { " 've", "'ve" }, { " 're", "'re" },
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (!memchr(buf_text(token), ' ', token->len))
            return;
        buf out = { 0 };
        replace_all(&out, (bora_text){ buf_text(token), token->len }, (bora_text){ rules[i][0], strlen(rules[i][0]) },
                    (bora_text){ rules[i][1], strlen(rules[i][1]) });
        out.failed |= token->failed;
        buf_free(token);
        *token = out;
    }
}

static void byte_level(buf *out, const char *text, size_t len)
{
    uint32_t c = 0;
    for (size_t i = 0; i < len; i += utf8_width(text[i])) {
        if (utf8_next(text + i, len - i, &c) == 0 || byte_level_byte(c) < 0) {
            buf_append(out, text, len); /* not a byte-level token: its own text */
            return;
        }
    }
    for (size_t i = 0; i < len; i += utf8_width(text[i])) {
        utf8_next(text + i, len - i, &c);
        buf_putc(out, (char)byte_level_byte(c));
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte of "<0xE4>", or -1. "+" before a digit is a number too, to the reference. */
static int byte_token(const char *text, size_t len)
{
    if (len != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>')
        return -1;
    int high = text[3] == '+' ? 0 : hex_digit(text[3]), low = hex_digit(text[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* The end of a run of byte tokens: its text, or one U+FFFD a byte when it is not UTF-8. */
static bool flush_bytes(bora_detokenizer *d, size_t i, bora_error *err)
{
    buf *held = &d->states[i].held;
    size_t n = held->len;
    if (n == 0)
        return true;
    if (!utf8_valid(held->data, n)) {
        buf_clear(held);
        for (size_t k = 0; k < n; k++)
            if (!pass(d, i + 1, "\xef\xbf\xbd", 3, err))
                return false;
        return true;
    }
    bool ok = pass(d, i + 1, held->data, n, err);
    buf_clear(held);
    return ok;
}

/* A whole token through STRIP: up to `start` characters from its front, up to `stop` from its end. */
static bool strip_token(bora_detokenizer *d, size_t i, const stage *s, const char *text, size_t len, bora_error *err)
{
    size_t from = 0, to = len, n = s->text.len;
    for (size_t k = 0; k < s->start && to - from >= n && memcmp(text + from, s->text.data, n) == 0; k++)
        from += n;
    for (size_t k = 0; k < s->stop && to - from >= n && memcmp(text + to - n, s->text.data, n) == 0; k++)
        to -= n;
    return pass(d, i + 1, text + from, to - from, err);
}

static bool replace_token(bora_detokenizer *d, size_t i, const stage *s, const char *text, size_t len, bora_error *err)
{
    buf out = { 0 };
    regex_scratch scratch = { 0 };
    match_cursor at = { 0 };
    size_t done = 0;
    regex_result found;
    while ((found = pattern_next(&s->find, &scratch, text, len, &at, err)) == REGEX_FOUND) {
        buf_append(&out, text + done, at.start - done);
        buf_append(&out, s->text.data, s->text.len);
        done = at.end;
        if (out.len > PART_LIMIT_BYTES)
            break; /* refused by pass() */
    }
    buf_append(&out, text + done, len - done);
    bool ok = found != REGEX_ERROR && (!out.failed || bora_fail_memory(err, "text")) &&
              pass(d, i + 1, buf_text(&out), out.len, err);
    buf_free(&out);
    regex_scratch_free(&scratch);
    return ok;
}

/* METASPACE and WORDPIECE: what a token becomes depends on whether it is the first. */
static bool rewrite_token(bora_detokenizer *d, size_t i, const stage *s, const char *text, size_t len, bora_error *err)
{
    bool first = s->fused || d->states[i].n_tokens++ == 0;
    buf out = { 0 };
    if (s->kind == STAGE_METASPACE) {
        replace_all(&out, (bora_text){ text, len }, s->text,
                    first && s->strip_first ? (bora_text){ "", 0 } : (bora_text){ " ", 1 });
    } else {
        bool joins = !first && len >= s->text.len && memcmp(text, s->text.data, s->text.len) == 0;
        if (!first && !joins)
            buf_putc(&out, ' ');
        buf_append(&out, text + (joins ? s->text.len : 0), len - (joins ? s->text.len : 0));
        if (s->cleanup)
            clean_up(&out);
    }
    bool ok = (!out.failed || bora_fail_memory(err, "text")) && pass(d, i + 1, buf_text(&out), out.len, err);
    buf_free(&out);
    return ok;
}

/* BPE: the suffix becomes a space, but in the last token. */
static bool flush_bpe(bora_detokenizer *d, size_t i, const stage *s, bool last, bora_error *err)
{
    stage_state *state = &d->states[i];
    buf out = { 0 };
    replace_all(&out, (bora_text){ buf_text(&state->held), state->held.len }, s->text,
                last ? (bora_text){ "", 0 } : (bora_text){ " ", 1 });
    buf_clear(&state->held);
    bool ok = (!out.failed || bora_fail_memory(err, "text")) && pass(d, i + 1, buf_text(&out), out.len, err);
    buf_free(&out);
    return ok;
}

/* The front of a token that arrives in parts. */
static bool strip_front(bora_detokenizer *d, size_t i, const stage *s, const char *text, size_t len, bora_error *err)
{
    stage_state *state = &d->states[i];
    size_t n = s->text.len;
    while (!state->past_start && len > 0) {
        if (state->stripped == s->start || len < n || memcmp(text, s->text.data, n) != 0) {
            state->past_start = true;
            break;
        }
        state->stripped++;
        text += n;
        len -= n;
    }
    return len == 0 || pass(d, i + 1, text, len, err);
}

/* Passes on the held bytes that make whole characters (all of them at the `end`). */
static bool flush_utf8(bora_detokenizer *d, size_t i, bool end, bora_error *err)
{
    buf *held = &d->states[i].held, out = { 0 };
    size_t used = utf8_repair(&out, buf_text(held), held->len, !end);
    if (out.failed)
        return bora_fail_memory(err, "text");
    if (used > 0)
        memmove(held->data, held->data + used, held->len - used);
    held->len -= used;
    bool ok = out.len == 0 || pass(d, i + 1, out.data, out.len, err);
    buf_free(&out);
    return ok;
}

/* Stages that cannot work on parts of a token. */
static bool needs_whole(const stage *s)
{
    return s->fused && (s->kind == STAGE_REPLACE || s->kind == STAGE_WORDPIECE || s->kind == STAGE_BYTE_FALLBACK ||
                        s->kind == STAGE_BPE || s->kind == STAGE_BYTE_LEVEL || (s->kind == STAGE_STRIP && s->stop > 0));
}

static bool run(bora_detokenizer *d, size_t i, const stage *s, const char *text, size_t len, bora_error *err)
{
    stage_state *state = &d->states[i];
    switch (s->kind) {
    case STAGE_BYTE_LEVEL:
        byte_level(&state->held, text, len);
        return flush_utf8(d, i, false, err);
    case STAGE_UTF8:
        buf_append(&state->held, text, len);
        return flush_utf8(d, i, false, err);
    case STAGE_METASPACE:
    case STAGE_WORDPIECE:
        return rewrite_token(d, i, s, text, len, err);
    case STAGE_REPLACE:
        return replace_token(d, i, s, text, len, err);
    case STAGE_BYTE_FALLBACK: {
        int byte = byte_token(text, len);
        if (byte >= 0)
            return buf_putc(&state->held, (char)byte) || bora_fail_memory(err, "text");
        return flush_bytes(d, i, err) && pass(d, i + 1, text, len, err);
    }
    case STAGE_FUSE:
        return pass(d, i + 1, text, len, err);
    case STAGE_STRIP:
        return s->fused && s->stop == 0 ? strip_front(d, i, s, text, len, err) : strip_token(d, i, s, text, len, err);
    case STAGE_BPE:
        if (state->n_tokens++ > 0 && !flush_bpe(d, i, s, false, err))
            return false;
        return buf_append(&state->held, text, len) || bora_fail_memory(err, "text");
    case STAGE_JOIN:
        if (state->n_tokens++ > 0 && !pass(d, i + 1, " ", 1, err))
            return false;
        return pass(d, i + 1, text, len, err);
    case STAGE_FIRST_SPACE: {
        bool drop = !state->past_start && len > 0 && text[0] == ' ';
        state->past_start |= len > 0;
        return pass(d, i + 1, text + drop, len - drop, err);
    }
    }
    return bora_fail(err, BORA_INTERNAL, "decoder stage of kind %d", (int)s->kind);
}

/* Hands a token (or a part of the one token) to stage i; behind the last stage it is output. */
static bool pass(bora_detokenizer *d, size_t i, const char *text, size_t len, bora_error *err)
{
    if (i == d->n_stages)
        return buf_append(&d->out, text, len) || bora_fail_memory(err, "text");
    const stage *s = &d->t->decoder.items[i];
    if (len > PART_LIMIT_BYTES)
        return bora_fail(err, BORA_LIMIT, "the tokenizer's decoder makes %zu bytes or more of a token", len);
    if (needs_whole(s))
        return buf_append(&d->states[i].held, text, len) || bora_fail_memory(err, "text");
    return run(d, i, s, text, len, err);
}

/* Nothing more comes: stage i gives up what it holds. */
static bool end(bora_detokenizer *d, size_t i, bora_error *err)
{
    const stage *s = &d->t->decoder.items[i];
    stage_state *state = &d->states[i];
    if (needs_whole(s) && state->held.len > 0) {
        buf whole = state->held;
        state->held = (buf){ 0 };
        bool ok = run(d, i, s, whole.data, whole.len, err);
        buf_free(&whole);
        if (!ok)
            return false;
    }
    switch (s->kind) {
    case STAGE_BYTE_LEVEL:
    case STAGE_UTF8:
        return flush_utf8(d, i, true, err);
    case STAGE_BYTE_FALLBACK:
        return flush_bytes(d, i, err);
    case STAGE_BPE:
        return state->n_tokens == 0 || flush_bpe(d, i, s, true, err);
    default:
        return true;
    }
}

/* GGUF: the bytes that a token stands for. */
static void put_gguf(const bora_tokenizer *t, const vocab_token *token, buf *out)
{
    if (token->flags & (TOKEN_SPECIAL | TOKEN_VERBATIM)) {
        buf_append(out, token->text, token->len);
    } else if (token->flags & TOKEN_BYTE) {
        int byte = byte_token(token->text, token->len);
        if (byte >= 0)
            buf_putc(out, (char)byte);
        else
            buf_append(out, token->text, token->len);
    } else if (token->flags & TOKEN_NORMAL) {
        if (t->byte_level)
            byte_level(out, token->text, token->len);
        else
            replace_all(out, (bora_text){ token->text, token->len }, (bora_text){ "\xe2\x96\x81", 3 },
                        (bora_text){ " ", 1 });
    }
}

static bool push_gguf(bora_detokenizer *d, const vocab_token *token, bora_error *err)
{
    buf out = { 0 };
    put_gguf(d->t, token, &out);
    bool ok = (!out.failed || bora_fail_memory(err, "text")) && (out.len == 0 || pass(d, 0, out.data, out.len, err));
    buf_free(&out);
    return ok;
}

bool bora_detokenizer_push(bora_detokenizer *d, int32_t id, const char **text, size_t *len, bora_error *err)
{
    const bora_tokenizer *t = d->t;
    bool ok = true;
    buf_clear(&d->out);
    if (id >= 0 && id < t->n_tokens && t->tokens[id].text) {
        const vocab_token *token = &t->tokens[id];
        /* The reference knows special tokens by the spelling that the decoder gets. */
        int32_t spelt =
            token->decoded.data ? string_map_get(&t->added_ids, token->decoded.data, token->decoded.len) : id;
        bool special = spelt >= 0 && (t->tokens[spelt].flags & TOKEN_SPECIAL);
        if (special && d->skip_special)
            ok = true;
        else if (t->from_gguf)
            ok = push_gguf(d, token, err);
        else if (token->decoded.data)
            ok = pass(d, 0, token->decoded.data, token->decoded.len, err);
        else
            ok = pass(d, 0, token->text, token->len, err);
    }
    *text = buf_text(&d->out);
    *len = d->out.len;
    return ok;
}

bool bora_detokenizer_finish(bora_detokenizer *d, const char **text, size_t *len, bora_error *err)
{
    bool ok = true;
    buf_clear(&d->out);
    for (size_t i = 0; ok && i < d->n_stages; i++)
        ok = end(d, i, err);
    *text = buf_text(&d->out);
    *len = d->out.len;
    return ok;
}

static bool has_stage(const bora_tokenizer *t, stage_kind kind)
{
    for (size_t i = 0; i < t->decoder.n; i++)
        if (t->decoder.items[i].kind == kind)
            return true;
    return false;
}

/* What the stages make of a token that others went before. */
static bool put_decoded(const bora_tokenizer *t, bora_text text, buf *out, bora_error *err)
{
    bora_detokenizer *d = bora_detokenizer_new(t, false, err);
    if (!d)
        return false;
    for (size_t i = 0; i < d->n_stages; i++) {
        d->states[i].past_start = true;
        d->states[i].n_tokens = t->decoder.items[i].kind != STAGE_JOIN && t->decoder.items[i].kind != STAGE_BPE;
    }
    bool ok = pass(d, 0, text.data, text.len, err);
    for (size_t i = 0; ok && i < d->n_stages; i++)
        ok = end(d, i, err);
    buf_append(out, buf_text(&d->out), d->out.len);
    bora_detokenizer_free(d);
    return ok;
}

bool bora_tokenizer_bytes(const bora_tokenizer *t, int32_t id, char **bytes, size_t *len, bora_error *err)
{
    buf out = { 0 };
    bool ok = true;
    if (id >= 0 && id < t->n_tokens && t->tokens[id].text) {
        const vocab_token *token = &t->tokens[id];
        bora_text text = token->decoded.data ? token->decoded : (bora_text){ token->text, token->len };
        int byte = has_stage(t, STAGE_BYTE_FALLBACK) ? byte_token(text.data, text.len) : -1;
        if (t->from_gguf)
            put_gguf(t, token, &out);
        else if (token->flags & TOKEN_SPECIAL)
            buf_append(&out, text.data, text.len);
        else if (has_stage(t, STAGE_BYTE_LEVEL))
            byte_level(&out, text.data, text.len);
        else if (byte >= 0)
            buf_putc(&out, (char)byte);
        else
            ok = put_decoded(t, text, &out, err);
    }
    if (!ok) {
        buf_free(&out);
        return false;
    }
    *len = out.len;
    *bytes = buf_take(&out);
    return *bytes || bora_fail_memory(err, "a token's bytes");
}
