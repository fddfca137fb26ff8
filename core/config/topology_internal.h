/* What reading a topology and matching against it share. */
#ifndef BORA_CONFIG_TOPOLOGY_INTERNAL_H
#define BORA_CONFIG_TOPOLOGY_INTERNAL_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/arena.h"
#include "config/topology.h"

enum { TOPOLOGY_MAX_ENTRIES = 4096 };

typedef struct topology_rule {
    topology_entry entry;
    pcre2_code *pattern; /* NULL for a range */
} topology_rule;

struct topology {
    arena memory; /* of all strings */
    const char *name;
    topology_rule *rules;
    size_t n_rules, cap_rules;
    pcre2_match_context *limits;
};

/* Compiles the regex of an entry; `text` is what stands between the slashes. */
bool topology_compile(topology *t, topology_rule *rule, const char *text, size_t len, bora_error *err);

#endif
