/* Text in UTF-8, one character at a time: decoding, repair, and the classes of characters that tokenizers ask about. */
#ifndef BORA_TEXT_UNICODE_H
#define BORA_TEXT_UNICODE_H

#include <stdint.h>

#include "base/buf.h"

/* Bytes of the well-formed character at `text` (1 to 4), its code point in *c; 0 when there is none. `len` >= 1. */
size_t utf8_next(const char *text, size_t len, uint32_t *c);
/* Bytes of the character that starts with `lead`, in text known to be well formed. */
static inline size_t utf8_width(char lead)
{
    unsigned char b = (unsigned char)lead;
    return b < 0x80 ? 1 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
}
bool utf8_valid(const char *text, size_t len);
/* Appends `text` with every maximal malformed part replaced by one U+FFFD (Unicode 3.9, table 3-8). With `keep_tail` a
 * character that is cut off by the end is left alone. Returns the bytes consumed. */
size_t utf8_repair(buf *out, const char *text, size_t len, bool keep_tail);

bool char_is_space(uint32_t c);      /* property White_Space */
bool char_is_number(uint32_t c);     /* Nd, Nl, No */
bool char_is_punct(uint32_t c);      /* ASCII punctuation and symbols, and every P* */
bool char_is_mark(uint32_t c);       /* Mn, Mc, Me */
bool char_is_nonspacing(uint32_t c); /* Mn */
bool char_is_control(uint32_t c);    /* Cc, Cf, Co, Cs */
bool char_is_chinese(uint32_t c);    /* the blocks that BERT sets apart */
/* Appends the full lower-case mapping of one character (no context). */
bool char_put_lower(buf *out, uint32_t c);

#endif
