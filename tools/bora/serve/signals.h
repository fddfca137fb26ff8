/* Signals as something to wait for, and what is said to whoever started the process (sd_notify(3)). */
#ifndef SERVE_SIGNALS_H
#define SERVE_SIGNALS_H

#include <stdbool.h>

/* Catches SIGTERM, SIGINT and SIGHUP from now on, whichever thread they come to. Again: nothing changes. */
bool signals_open(void);
void signals_close(void); /* as it was before */
/* Waits for a signal at most `timeout_s` (below 0: without end). 0: none came. */
int signals_wait(double timeout_s);

/* Sends a state ("READY=1") to NOTIFY_SOCKET, if there is one. */
void notify_manager(const char *state);

#endif
