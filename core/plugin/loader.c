/* Finding plugin files and opening them: shared objects, and architectures that are declared in text. A file is used
 * only when nobody else could have put it there: neither it nor its folder may be writable by others. Everything that
 * is wrong with one file is one line about it, and the search goes on. */
#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "plugin/runtime.h"

static bool check_writers(const char *path, bora_error *err)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return bora_fail(err, BORA_IO, "%s", strerror(errno));
    if (st.st_mode & S_IWOTH)
        return bora_fail(err, BORA_USAGE, "others may write to the file (chmod o-w %s)", path);
    char *dir = path_dir(path);
    if (!dir)
        return bora_fail_memory(err, path);
    bool ok = true;
    if (stat(dir, &st) != 0)
        ok = bora_fail(err, BORA_IO, "%s: %s", dir, strerror(errno));
    else if (st.st_mode & S_IWOTH)
        ok = bora_fail(err, BORA_USAGE, "others may write to its folder (chmod o-w %s)", dir);
    free(dir);
    return ok;
}

static bool check_elf(const char *path, bora_error *err)
{
    Elf64_Ehdr head;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return bora_fail(err, BORA_IO, "%s", strerror(errno));
    ssize_t n = read(fd, &head, sizeof head);
    close(fd);
    if (n < (ssize_t)sizeof head || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_type != ET_DYN)
        return bora_fail(err, BORA_FORMAT, "is not a shared object");
    return true;
}

/* dlerror() without the path in front, which the reader knows. */
static const char *dl_reason(const char *path)
{
    const char *reason = dlerror();
    if (!reason)
        return "cannot be opened";
    size_t n = strlen(path);
    if (strncmp(reason, path, n) == 0 && reason[n] == ':')
        reason += n + 1;
    return reason + strspn(reason, " ");
}

static void *open_shared_object(const char *path, const bora_plugin **plugin, bora_error *err)
{
    if (!check_elf(path, err))
        return NULL;
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        bora_fail(err, BORA_FORMAT, "%s", dl_reason(path));
        return NULL;
    }
    union {
        void *object;
        const bora_plugin *(*function)(void);
    } entry = { .object = dlsym(handle, "bora_plugin_entry") };
    const bora_plugin *table = entry.object ? entry.function() : NULL;
    if (!entry.object)
        bora_fail(err, BORA_FORMAT, "has no entry point (bora_plugin_entry)");
    else if (!table)
        bora_fail(err, BORA_FORMAT, "its entry point returned nothing");
    else if (table->abi != BORA_PLUGIN_ABI)
        bora_fail(err, BORA_UNSUPPORTED, "was built for plugin ABI %u, this bora has %u: build it again", table->abi,
                  BORA_PLUGIN_ABI);
    else {
        *plugin = table;
        return handle;
    }
    dlclose(handle);
    return NULL;
}

static void close_shared_object(void *handle)
{
    dlclose(handle);
}

static const plugin_kind shared_objects = { ".so", open_shared_object, close_shared_object };

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), n_end = strlen(end);
    return n > n_end && strcmp(text + n - n_end, end) == 0;
}

/* Whatever is not declared in text is taken for a shared object: its name may be anything. */
static const plugin_kind *kind_of(const char *path)
{
    return ends_with(path, declared_plugins.suffix) ? &declared_plugins : &shared_objects;
}

static void *open_plugin(bora_runtime *rt, const char *path, const bora_plugin **plugin, bora_error *err)
{
    void *handle = check_writers(path, err) ? kind_of(path)->open(path, plugin, err) : NULL;
    if (!handle || registry_check(rt, *plugin, err))
        return handle;
    kind_of(path)->close(handle);
    return NULL;
}

static bool is_known(const bora_runtime *rt, const char *real)
{
    for (size_t i = 0; i < rt->n_plugins; i++)
        if (strcmp(rt->plugins[i].info.path, real) == 0)
            return true;
    return false;
}

static bool load_file(bora_runtime *rt, const char *path, bora_error *err)
{
    char *real = realpath(path, NULL);
    if (!real)
        return bora_fail(err, BORA_NOT_FOUND, "%s: %s", path, strerror(errno));
    if (is_known(rt, real)) { /* the same file twice in the search path is no conflict */
        free(real);
        return true;
    }
    bora_error why = { .code = BORA_OK };
    const bora_plugin *plugin = NULL;
    void *handle = open_plugin(rt, real, &plugin, &why);
    bool ok = handle ? registry_add(rt, real, kind_of(real), handle, plugin, err)
                     : registry_refuse(rt, real, why.message, err);
    if (handle && !ok)
        kind_of(real)->close(handle);
    free(real);
    return ok;
}

static int is_plugin(const struct dirent *entry)
{
    return entry->d_name[0] != '.' &&
           (ends_with(entry->d_name, shared_objects.suffix) || ends_with(entry->d_name, declared_plugins.suffix));
}

static bool load_folder(bora_runtime *rt, const char *path, bora_error *err)
{
    struct dirent **entries;
    int n = scandir(path, &entries, is_plugin, alphasort);
    if (n < 0)
        return bora_fail(err, BORA_IO, "%s: %s", path, strerror(errno));
    bool ok = true;
    for (int i = 0; i < n; i++) {
        char *file = ok ? path_join(path, entries[i]->d_name) : NULL;
        ok = ok && (file ? load_file(rt, file, err) : bora_fail_memory(err, path));
        free(file);
        free(entries[i]);
    }
    free(entries);
    return ok;
}

bool loader_search(bora_runtime *rt, const char *path, bora_error *err)
{
    return file_is_dir(path) ? load_folder(rt, path, err) : load_file(rt, path, err);
}
