/* The kernels of this plugin, for its table. */
#ifndef GGML_CPU_KERNELS_H
#define GGML_CPU_KERNELS_H

#include <bora/kernel.h>

extern const bora_kernel *const cpu_kernels[]; /* NULL-terminated */

#endif
