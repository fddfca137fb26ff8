/* How many threads, and where: affinity, cores, quotas and NUMA nodes, read from the kernel's files. */
#include "base/processors.h"

#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cgroups.h"

enum { MAX_FILE = 1 << 15, MAX_PATH = 4096, MAX_NODE_NUMBER = 1024 };

/* ---- sets ---- */

static void put(processor_set *set, int processor)
{
    set->words[processor / PROCESSORS_PER_WORD] |= 1UL << (processor % PROCESSORS_PER_WORD);
}

bool processors_has(const processor_set *set, int processor)
{
    return set->words[processor / PROCESSORS_PER_WORD] >> (processor % PROCESSORS_PER_WORD) & 1;
}

int processors_count(const processor_set *set)
{
    int n = 0;
    for (size_t i = 0; i < sizeof set->words / sizeof *set->words; i++)
        n += __builtin_popcountl(set->words[i]);
    return n;
}

bool processors_remove(processor_set *set, int processor)
{
    if (processors_count(set) - processors_has(set, processor) == 0)
        return false;
    set->words[processor / PROCESSORS_PER_WORD] &= ~(1UL << (processor % PROCESSORS_PER_WORD));
    return true;
}

void processors_allowed(processor_set *set)
{
    *set = (processor_set){ .words = { 0 } };
    if (sched_getaffinity(0, sizeof *set, (cpu_set_t *)set->words) == 0 && processors_count(set) > 0)
        return;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    for (int i = 0; i < MAX_PROCESSORS && (i == 0 || i < online); i++)
        put(set, i);
}

void processors_bind(const processor_set *set)
{
    (void)sched_setaffinity(0, sizeof *set, (const cpu_set_t *)set->words);
}

/* A number without a sign at *at, which moves behind it; -1 when there is none or it is too large. */
static int parse_processor(const char **at)
{
    if (**at < '0' || **at > '9')
        return -1;
    char *end;
    unsigned long n = strtoul(*at, &end, 10);
    *at = end;
    return n < MAX_PROCESSORS ? (int)n : -1;
}

bool processors_parse(const char *list, processor_set *set)
{
    *set = (processor_set){ .words = { 0 } };
    const char *at = list;
    while (*at && *at != '\n') {
        int first = parse_processor(&at), last = first;
        if (*at == '-') {
            at++;
            last = parse_processor(&at);
        }
        if (first < 0 || last < first)
            return false;
        for (int i = first; i <= last; i++)
            put(set, i);
        if (*at == ',')
            at++;
        else if (*at && *at != '\n')
            return false;
    }
    return true;
}

/* ---- the kernel's files ---- */

static bool read_set(const char *path, processor_set *set)
{
    char text[MAX_FILE];
    return read_small_file(path, text, sizeof text) && processors_parse(text, set);
}

static int intersect(processor_set *set, const processor_set *with)
{
    for (size_t i = 0; i < sizeof set->words / sizeof *set->words; i++)
        set->words[i] &= with->words[i];
    return processors_count(set);
}

/* ---- cores ---- */

int processors_cores(const char *root, const processor_set *set)
{
    processor_set counted = { .words = { 0 } };
    int n_cores = 0;
    for (int i = 0; i < MAX_PROCESSORS; i++) {
        if (!processors_has(set, i) || processors_has(&counted, i))
            continue;
        n_cores++;
        char path[MAX_PATH];
        processor_set siblings;
        snprintf(path, sizeof path, "%s/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", root, i);
        if (read_set(path, &siblings))
            for (size_t w = 0; w < sizeof counted.words / sizeof *counted.words; w++)
                counted.words[w] |= siblings.words[w];
    }
    return n_cores;
}

/* ---- quotas ---- */

/* Processors' time that `quota` of `period` microseconds is, rounded up; 0 when it is no limit. */
static int processors_of(long long quota, long long period)
{
    if (quota <= 0 || period <= 0 || quota / period >= MAX_PROCESSORS)
        return 0;
    return (int)(quota / period + (quota % period != 0));
}

static int group_quota(const char *folder, bool v2)
{
    char path[MAX_PATH], text[128], period[128];
    snprintf(path, sizeof path, "%s/%s", folder, v2 ? "cpu.max" : "cpu.cfs_quota_us");
    if (!read_small_file(path, text, sizeof text))
        return 0;
    if (v2) { /* "max 100000" or "150000 100000" */
        char *rest;
        long long quota = strtoll(text, &rest, 10);
        return rest == text ? 0 : processors_of(quota, strtoll(rest, NULL, 10));
    }
    snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
    if (!read_small_file(path, period, sizeof period))
        return 0;
    return processors_of(strtoll(text, NULL, 10), strtoll(period, NULL, 10));
}

static void take_lower_quota(void *lowest, const char *folder, bool v2)
{
    int quota = group_quota(folder, v2);
    if (quota > 0 && (*(int *)lowest == 0 || quota < *(int *)lowest))
        *(int *)lowest = quota;
}

int processors_quota(const char *root)
{
    int lowest = 0;
    cgroups_each(root, "cpu", take_lower_quota, &lowest);
    return lowest;
}

int processors_for_threads(const char *root, const processor_set *allowed, int most)
{
    int n = processors_cores(root, allowed), quota = processors_quota(root);
    if (quota > 0 && quota < n)
        n = quota;
    return n < 1 ? 1 : n > most ? most : n;
}

/* ---- NUMA nodes ---- */

int processors_nodes(const char *root, const processor_set *allowed, processor_set *nodes, int max_nodes)
{
    char path[MAX_PATH];
    processor_set online;
    snprintf(path, sizeof path, "%s/sys/devices/system/node/online", root);
    int n = 0;
    bool known = read_set(path, &online);
    for (int i = 0; known && i < MAX_NODE_NUMBER && n < max_nodes; i++) {
        if (!processors_has(&online, i))
            continue;
        snprintf(path, sizeof path, "%s/sys/devices/system/node/node%d/cpulist", root, i);
        n += read_set(path, &nodes[n]) && intersect(&nodes[n], allowed) > 0;
    }
    if (n == 0)
        nodes[n++] = *allowed;
    return n;
}

int processors_node_of(const processor_set *nodes, int n_nodes, int thread, int n_threads)
{
    int64_t total = 0, at = 0;
    for (int i = 0; i < n_nodes; i++)
        total += processors_count(&nodes[i]);
    for (int i = 0; i < n_nodes; i++) {
        at += processors_count(&nodes[i]);
        if (thread * total / n_threads < at)
            return i;
    }
    return 0;
}
