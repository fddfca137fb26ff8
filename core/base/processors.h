/* The processors of this machine that this process may compute on, as Linux tells it in /proc and /sys. `root` stands
 * before those paths: "" but in tests. What cannot be read counts as not there. */
#ifndef BORA_BASE_PROCESSORS_H
#define BORA_BASE_PROCESSORS_H

#include <limits.h>
#include <stdbool.h>

enum { MAX_PROCESSORS = 8192, PROCESSORS_PER_WORD = sizeof(unsigned long) * CHAR_BIT };

/* Laid out as the system's masks are. */
typedef struct processor_set {
    unsigned long words[MAX_PROCESSORS / PROCESSORS_PER_WORD];
} processor_set;

/* Those that the calling thread may run on; the first ones as far as are online if the system does not say. */
void processors_allowed(processor_set *set);
int processors_count(const processor_set *set);
bool processors_has(const processor_set *set, int processor);
/* Takes one away. False, and no change, when it is the only one. */
bool processors_remove(processor_set *set, int processor);
/* A list as of the kernel's files: "0-3,8,10-11". False when it is none, or has a number above MAX_PROCESSORS. */
bool processors_parse(const char *list, processor_set *set);
/* From now on the calling thread runs on these only; nothing changes where the system refuses. */
void processors_bind(const processor_set *set);

/* Cores: processors that share one (SMT) count once. */
int processors_cores(const char *root, const processor_set *set);
/* For how many processors' time a second the control groups of this process (v2 cpu.max, v1 cpu.cfs_quota_us) leave
 * room, rounded up; 0 when they set no limit. */
int processors_quota(const char *root);
/* How many threads that compute should be: one a core, no more than the quota and `most`, at least one. */
int processors_for_threads(const char *root, const processor_set *allowed, int most);

/* The parts of `allowed` that lie on one NUMA node each, without empty ones. Returns their number, at least 1 (all of
 * them, if the system does not say). */
int processors_nodes(const char *root, const processor_set *allowed, processor_set *nodes, int max_nodes);
/* On which of the nodes thread `thread` of `n_threads` belongs: neighbours together, each node as many as its
 * processors are of all. */
int processors_node_of(const processor_set *nodes, int n_nodes, int thread, int n_threads);

#endif
