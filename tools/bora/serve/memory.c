/* Memory: see memory.h. */
#include "memory.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The number that a file of one line holds. */
static bool read_number(const char *path, uint64_t *value)
{
    FILE *file = fopen(path, "re");
    bool read = file && fscanf(file, "%" SCNu64, value) == 1;
    if (file)
        fclose(file);
    return read;
}

static uint64_t machine_available(void)
{
    FILE *file = fopen("/proc/meminfo", "re");
    char line[128];
    uint64_t kib = 0;
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file))
        found = sscanf(line, "MemAvailable: %" SCNu64 " kB", &kib) == 1;
    if (file)
        fclose(file);
    return found ? kib * 1024 : UINT64_MAX;
}

uint64_t memory_available(void)
{
    uint64_t machine = machine_available(), limit, used;
    if (!read_number("/sys/fs/cgroup/memory.max", &limit) || !read_number("/sys/fs/cgroup/memory.current", &used))
        return machine;
    uint64_t group = limit > used ? limit - used : 0;
    return group < machine ? group : machine;
}

static uint64_t file_bytes(const char *folder, const char *name)
{
    char *path = NULL;
    struct stat st;
    bool inside = folder && name[0] != '/';
    if (asprintf(&path, "%s%s%s", inside ? folder : "", inside ? "/" : "", name) < 0)
        return 0;
    bool there = stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
    free(path);
    return there ? (uint64_t)st.st_size : 0;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

uint64_t memory_of_model(const bora_settings *settings)
{
    const char *folder = bora_settings_string(settings, "model-id");
    size_t n = bora_settings_count(settings, "quantized-file");
    uint64_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += file_bytes(folder, bora_settings_item(settings, "quantized-file", i));
    if (n > 0 || !folder)
        return bytes;
    DIR *dir = opendir(folder);
    for (const struct dirent *entry; dir && (entry = readdir(dir));)
        if (ends_with(entry->d_name, ".safetensors") || ends_with(entry->d_name, ".gguf"))
            bytes += file_bytes(folder, entry->d_name);
    if (dir)
        closedir(dir);
    return bytes ? bytes : file_bytes(NULL, folder);
}
