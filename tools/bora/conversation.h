/* What was said so far: a system message and turns, rendered to a prompt by the model's chat template. */
#ifndef CONVERSATION_H
#define CONVERSATION_H

#include <bora/model.h>

typedef struct turn {
    const char *role; /* "user" or "assistant" */
    char *content;    /* valid UTF-8 */
} turn;

typedef struct conversation {
    char *system; /* NULL: none */
    turn *turns;
    size_t n, cap;
} conversation;

/* An empty text is no system message. */
bool conversation_set_system(conversation *c, const char *text, bora_error *err);
/* Adds a turn; `role` is a constant, the text is copied. */
bool conversation_add(conversation *c, const char *role, const char *text, size_t len, bora_error *err);
void conversation_drop_last(conversation *c);
/* Forgets the turns; the system message stays. */
void conversation_clear(conversation *c);
void conversation_free(conversation *c);

/* The prompt that asks for the next answer, malloc'd. */
char *conversation_render(const conversation *c, const bora_model *model, bora_thinking thinking, bora_error *err);

#endif
