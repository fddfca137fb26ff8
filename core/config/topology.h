/* Topologies: a YAML file that says where weights live and in which number format.
 *
 *     0-16:                       # layers 0 to 15: the end is not included
 *       isq: FORMAT
 *       device: NAME[1]
 *     16:                         # one layer
 *       device: NAME
 *     '/\.mlp\.down_proj\./':     # a regex (PCRE2) found anywhere in the full name of a weight
 *       isq: FORMAT
 *
 * Which entry decides:
 * - Of the regexes that match a weight, the last in the file; those that give neither isq nor device are passed over.
 * - Of the ranges that hold a layer, the one with the greatest end; of those, the last in the file. They may overlap,
 * and the one that decides does so whole: `4: {}` takes layer 4 out of a range around it.
 * - A regex goes before a range. When it gives no device, the weight stays on its layer's; when it gives no isq, the
 *   default format applies, not the layer's.
 *
 * Formats and devices are plain text here: only who loads the model knows which there are. YAML anchors, aliases and
 * tags are refused, as is whatever is not written above. */
#ifndef BORA_CONFIG_TOPOLOGY_H
#define BORA_CONFIG_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>

#include <bora/error.h>

typedef struct topology topology;

typedef struct topology_entry {
    size_t index;               /* in the order of the file */
    int line, column;           /* from 1 */
    const char *selector;       /* as written, quotes aside */
    int first_layer, end_layer; /* end not included; both -1 for a regex */
    const char *isq;            /* NULL: not given */
    const char *device;         /* the name without its index; NULL: not given */
    int device_index;           /* the N of NAME[N], else 0 */
} topology_entry;

typedef struct topology_choice {
    const char *isq;    /* NULL: the default format */
    const char *device; /* NULL: the default device */
    int device_index;
    /* The entries that decided, NULL for none. An entry that decides nothing for any weight is worth a warning. */
    const topology_entry *isq_from, *device_from;
} topology_choice;

/* Errors: BORA_FORMAT or BORA_LIMIT, "name:line:column: what is wrong"; those of reading a file. */
topology *topology_load(const char *path, bora_error *err);
topology *topology_parse(const char *text, size_t len, const char *name, bora_error *err);
void topology_free(topology *t);

size_t topology_n_entries(const topology *t);
const topology_entry *topology_entry_at(const topology *t, size_t index);
/* The name that the topology was parsed under. */
const char *topology_name(const topology *t);

/* What applies to a weight; `layer` is -1 for one outside the numbered layers. Strings live as long as the topology.
 * May run in several threads. Errors: BORA_LIMIT for a regex that takes too many steps on this name. */
bool topology_match(const topology *t, int layer, const char *weight_name, topology_choice *out, bora_error *err);

#endif
