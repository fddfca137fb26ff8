/* The interactive chat. */
#ifndef CHAT_H
#define CHAT_H

#include "answer.h"
#include "conversation.h"

typedef struct chat {
    speaker *speaker;
    conversation talk;
    bool raw; /* no template and no memory: each line is completed by itself */
    bool over;
} chat;

/* Reads lines from the terminal and answers them until it is told to stop. */
bool chat_run(speaker *s, const bora_settings *settings, bora_error *err);

/* Does what a line that starts with a backslash says; tells the person what is wrong with it. */
void chat_command(chat *t, const char *line);

/* A line for the person, on standard error. */
void chat_say(const chat *t, const char *fmt, ...) BORA_PRINTF(2, 3);

#endif
