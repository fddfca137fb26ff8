/* Something to see while a prompt is read that takes long. */
#ifndef WAITING_H
#define WAITING_H

#include "common.h"

typedef struct waiting waiting;

/* From the second second on, and until waiting_end(), a line on standard error says how long it takes. NULL where that
 * is not to be seen (no terminal, --quiet), or cannot be done. */
waiting *waiting_start(const cli *c);
/* Nothing of it is left on the terminal then. */
void waiting_end(waiting *w);

#endif
