/* Topologies: which entry decides for a weight. Regexes are run with limits on steps, depth and memory, so that a
 * pattern made to backtrack for ever ends in an error. */
#include "config/topology.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "config/topology_internal.h"

enum {
    MAX_PATTERN_BYTES = 4096,
    MAX_STEPS = 200000, /* a plain pattern takes some hundred on the name of a weight */
    MAX_DEPTH = 20000,
    MAX_HEAP_KIB = 8192,
};

bool topology_compile(topology *t, topology_rule *rule, const char *text, size_t len, bora_error *err)
{
    const topology_entry *e = &rule->entry;
    if (len > MAX_PATTERN_BYTES)
        return bora_fail(err, BORA_LIMIT, "%s:%d:%d: this regex is longer than %d bytes", t->name, e->line, e->column,
                         MAX_PATTERN_BYTES);
    if (!t->limits) {
        t->limits = pcre2_match_context_create(NULL);
        if (!t->limits)
            return bora_fail_memory(err, "a topology");
        pcre2_set_match_limit(t->limits, MAX_STEPS);
        pcre2_set_depth_limit(t->limits, MAX_DEPTH);
        pcre2_set_heap_limit(t->limits, MAX_HEAP_KIB);
    }
    int code;
    size_t offset;
    /* Names of weights come from files: they need not be UTF-8. */
    rule->pattern = pcre2_compile((PCRE2_SPTR)text, len,
                                  PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY,
                                  &code, &offset, NULL);
    if (rule->pattern)
        return true;
    if (code == PCRE2_ERROR_NOMEMORY)
        return bora_fail_memory(err, "a topology");
    char reason[256] = "";
    pcre2_get_error_message(code, (PCRE2_UCHAR *)reason, sizeof reason);
    size_t shown = offset < 60 ? offset : 60;
    return bora_fail(err, BORA_FORMAT, "%s:%d:%d: the regex is wrong behind `/%.*s`: %s", t->name, e->line, e->column,
                     (int)shown, text + offset - shown, reason);
}

/* Whether a regex matches: 1, 0, or -1 with an error. */
static int pattern_matches(const topology *t, const topology_rule *rule, pcre2_match_data *scratch, const char *name,
                           bora_error *err)
{
    int code = pcre2_match(rule->pattern, (PCRE2_SPTR)name, PCRE2_ZERO_TERMINATED, 0, 0, scratch, t->limits);
    if (code >= 0)
        return 1;
    if (code == PCRE2_ERROR_NOMATCH)
        return 0;
    const topology_entry *e = &rule->entry;
    bool limit = code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_DEPTHLIMIT || code == PCRE2_ERROR_HEAPLIMIT;
    char reason[256] = "";
    pcre2_get_error_message(code, (PCRE2_UCHAR *)reason, sizeof reason);
    if (limit)
        bora_fail(err, BORA_LIMIT,
                  "%s:%d:%d: this regex takes too many steps on the weight `%s`: write it without nested repetition",
                  t->name, e->line, e->column, name);
    else
        bora_fail(err, code == PCRE2_ERROR_NOMEMORY ? BORA_MEMORY : BORA_FORMAT,
                  "%s:%d:%d: this regex fails on `%s`: %s", t->name, e->line, e->column, name, reason);
    return -1;
}

/* The last regex that matches and says something. False for an error. */
static bool find_by_name(const topology *t, const char *name, const topology_entry **found, bora_error *err)
{
    *found = NULL;
    if (!t->limits) /* there is no regex */
        return true;
    pcre2_match_data *scratch = pcre2_match_data_create(1, NULL);
    if (!scratch)
        return bora_fail_memory(err, "matching a topology");
    int matches = 0;
    for (size_t i = t->n_rules; i-- > 0 && matches == 0;) {
        const topology_rule *rule = &t->rules[i];
        if (!rule->pattern || (!rule->entry.isq && !rule->entry.device))
            continue;
        matches = pattern_matches(t, rule, scratch, name, err);
        if (matches > 0)
            *found = &rule->entry;
    }
    pcre2_match_data_free(scratch);
    return matches >= 0;
}

static const topology_entry *find_by_layer(const topology *t, int layer)
{
    const topology_entry *found = NULL;
    for (size_t i = 0; i < t->n_rules; i++) {
        const topology_entry *e = &t->rules[i].entry;
        if (e->first_layer <= layer && layer < e->end_layer && (!found || e->end_layer >= found->end_layer))
            found = e;
    }
    return found;
}

bool topology_match(const topology *t, int layer, const char *weight_name, topology_choice *out, bora_error *err)
{
    *out = (topology_choice){ .isq = NULL };
    const topology_entry *by_name, *by_layer = layer >= 0 ? find_by_layer(t, layer) : NULL;
    if (!find_by_name(t, weight_name, &by_name, err))
        return false;
    out->isq_from = by_name ? by_name : by_layer;
    out->device_from = by_name && by_name->device ? by_name : by_layer;
    if (out->isq_from)
        out->isq = out->isq_from->isq;
    if (out->device_from) {
        out->device = out->device_from->device;
        out->device_index = out->device_from->device_index;
    }
    return true;
}

size_t topology_n_entries(const topology *t)
{
    return t->n_rules;
}

const topology_entry *topology_entry_at(const topology *t, size_t index)
{
    return index < t->n_rules ? &t->rules[index].entry : NULL;
}

const char *topology_name(const topology *t)
{
    return t->name;
}

void topology_free(topology *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n_rules; i++)
        pcre2_code_free(t->rules[i].pattern);
    pcre2_match_context_free(t->limits);
    free(t->rules);
    arena_free(&t->memory);
    free(t);
}
