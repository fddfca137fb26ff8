/* Reading weights that are made of other tensors. */
#ifndef BORA_MODEL_DERIVED_H
#define BORA_MODEL_DERIVED_H

#include "graph/made.h"

/* Rows first … first + n - 1 (of all rows of the last dimension), in the weight's own format, one behind another. Any
 * number may be asked for; some together are read faster than one by one. */
void derived_read(const graph_origin *origin, int64_t first, int64_t n, void *out);

#endif
