/* The control groups of this process and the small files in which the kernel says something about it. `root` stands
 * before /proc and /sys: "" but in tests. */
#ifndef BORA_BASE_CGROUPS_H
#define BORA_BASE_CGROUPS_H

#include <stdbool.h>
#include <stddef.h>

/* The text of a small file in `text`; false when it cannot be read or is too long. */
bool read_small_file(const char *path, char *text, size_t size);

/* Shows the folder of each group that this process is in, and of all above it, where `controller` ("cpu") is at work:
 * in the unified hierarchy (v2), and in the one that the controller has for itself. A container may see its own group
 * as the root of what is mounted and a longer path in /proc: folders that are not there are shown as well. */
void cgroups_each(const char *root, const char *controller, void (*show)(void *ctx, const char *folder, bool v2),
                  void *ctx);

#endif
