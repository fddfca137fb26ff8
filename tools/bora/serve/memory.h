/* How much memory there is, and how much a model takes. */
#ifndef SERVE_MEMORY_H
#define SERVE_MEMORY_H

#include <stdint.h>

#include <bora/settings.h>

/* Bytes that this process may still take: of the machine's, and of its control group's. UINT64_MAX: not known. */
uint64_t memory_available(void);
/* Bytes of the files with the weights that the settings name; 0 where there are none. */
uint64_t memory_of_model(const bora_settings *settings);

#endif
