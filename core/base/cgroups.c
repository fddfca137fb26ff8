/* Control groups: see cgroups.h. */
#include "base/cgroups.h"

#include <stdio.h>
#include <string.h>

enum { MAX_FILE = 1 << 15, MAX_PATH = 4096, MAX_GROUP = 1024 };

bool read_small_file(const char *path, char *text, size_t size)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    size_t n = fread(text, 1, size - 1, f);
    bool whole = n < size - 1 && !ferror(f);
    fclose(f);
    text[n] = '\0';
    return whole;
}

/* `group` and all above it in the hierarchy that is mounted at `mount`. */
static void each_above(const char *mount, const char *group, bool v2,
                       void (*show)(void *ctx, const char *folder, bool v2), void *ctx)
{
    char path[MAX_PATH / 2], above[MAX_GROUP];
    snprintf(above, sizeof above, "%s", group);
    for (;;) {
        snprintf(path, sizeof path, "%s%s", mount, above);
        show(ctx, path, v2);
        char *slash = strrchr(above, '/');
        if (!slash)
            return;
        *slash = '\0';
    }
}

/* Whether "cpu" is one of the controllers "cpu,cpuacct". */
static bool has_controller(const char *controllers, size_t len, const char *controller)
{
    for (const char *at = controllers, *end = controllers + len; at < end;) {
        size_t n = strcspn(at, ",:");
        if (n == strlen(controller) && memcmp(at, controller, n) == 0)
            return true;
        at += n + 1;
    }
    return false;
}

void cgroups_each(const char *root, const char *controller, void (*show)(void *ctx, const char *folder, bool v2),
                  void *ctx)
{
    char path[MAX_PATH], text[MAX_FILE];
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    if (!read_small_file(path, text, sizeof text))
        return;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) { /* "4:cpu,cpuacct:/group", v2: "0::/group" */
        char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group || strlen(group + 1) >= MAX_GROUP)
            continue;
        controllers++;
        size_t len = (size_t)(group - controllers);
        bool v2 = len == 0;
        if (!v2 && !has_controller(controllers, len, controller))
            continue;
        char mount[MAX_PATH / 4];
        if (v2)
            snprintf(mount, sizeof mount, "%s/sys/fs/cgroup", root);
        else
            snprintf(mount, sizeof mount, "%s/sys/fs/cgroup/%.*s", root, (int)len, controllers);
        each_above(mount, group + 1, v2, show, ctx);
    }
}
