/* A line of input, edited in the terminal, with a history that outlives the program. */
#ifndef EDITOR_H
#define EDITOR_H

#include "common.h"

typedef struct editor editor;

/* NULL with an error. The prompt, and a space behind it, is drawn on the terminal itself, not on standard output. */
editor *editor_new(cli *c, const char *prompt, bora_error *err);
void editor_free(editor *e);

/* The next line without its end, valid until the next call; NULL at the end of input (Ctrl-D). It may hold line breaks,
 * but not at its end. Lines that are not blank go to the history. */
const char *editor_read(editor *e);

#endif
