/* The ordinary memory that this process may use, as Linux tells it in /proc and /sys. `root` stands before those paths:
 * "" but in tests. */
#ifndef BORA_BASE_MEMORY_H
#define BORA_BASE_MEMORY_H

#include <stdint.h>

/* Bytes: of the machine, or as far as the control groups of this process go. UINT64_MAX when nobody says. */
uint64_t memory_total(const char *root);
/* Those of them that could be taken now: what only caches files is given back when it is needed. */
uint64_t memory_available(const char *root);

#endif
