/* What a model thinks before it answers, told apart from the answer. Models that think write it between two tags at the
 * beginning of what they say; some templates open the tag already at the end of the prompt. */
#ifndef BORA_ENGINE_REASONING_H
#define BORA_ENGINE_REASONING_H

#include <bora/chat.h>

#include "base/buf.h"

/* Tells parts of a text apart while it comes. Zero-initialise to start, with the function's first argument `ctx`. */
typedef struct reasoning {
    /* Gets the text without the tags, and without white space around what is thought. False: no more of it. */
    bool (*give)(void *ctx, bool thinking, const char *text, size_t len);
    void *ctx;
    const bora_thinking_tags *own; /* of the model: looked for before those of all models; ends with a begin of NULL */
    enum { REASONING_BEGINNING, REASONING_THINKING, REASONING_AFTER, REASONING_ANSWER } state;
    const bora_thinking_tags *tags; /* the pair that was opened */
    bool begun;                     /* some of the thinking was given */
    bool stopped;                   /* `give` wants no more */
    buf held;                       /* may yet turn out to be a tag, or white space that nothing follows */
} reasoning;

/* True for the spelling of a tag, or of a part of one. */
bool reasoning_is_tag(const bora_thinking_tags *own, const char *text);
/* The answer follows this text: if a tag is open at its end, the answer begins with thinking. */
void reasoning_follow(reasoning *r, const char *text, size_t len);
bool reasoning_push(reasoning *r, const char *text, size_t len, bora_error *err);
/* Gives what was held back; thinking that does not end has been all there is. */
void reasoning_finish(reasoning *r);
void reasoning_free(reasoning *r);

#endif
