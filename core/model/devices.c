/* Devices of a model: each is opened once, with those that lend it their kernels. Device 0 is the host. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "model/model.h"

static exec_device *open_device(bora_model *m, const bora_backend *backend, int index,
                                const bora_device_options *options, int depth, bora_error *err)
{
    for (int i = 1; i < m->n_devices; i++)
        if (m->devices[i].backend == backend && m->devices[i].index == index)
            return &m->devices[i];
    int n = backend->n_devices ? backend->n_devices() : 1;
    if (index < 0 || index >= n) {
        bora_fail(err, BORA_USAGE, "device %s[%d]: there %s %d of them on this machine", backend->name, index,
                  n == 1 ? "is" : "are", n);
        return NULL;
    }
    if (m->n_devices == MODEL_MAX_DEVICES || depth > 8) {
        bora_fail(err, BORA_LIMIT, "device %s: too many devices, or backends based on each other", backend->name);
        return NULL;
    }
    exec_device opened = { .backend = backend, .index = index };
    if (backend->base) {
        const bora_backend *base = bora_runtime_backend(m->runtime, backend->base);
        if (!base || base->alloc || backend->alloc) {
            bora_fail(err, BORA_NOT_FOUND, "backend %s is based on \"%s\", which %s", backend->name, backend->base,
                      base ? "does not share its memory" : "no plugin offers");
            return NULL;
        }
        opened.base = open_device(m, base, 0, options, depth + 1, err);
        if (!opened.base)
            return NULL;
    }
    if (backend->open && !(opened.handle = backend->open(index, options, err))) {
        bora_error_prefix(err, "device %s[%d]", backend->name, index);
        return NULL;
    }
    m->devices[m->n_devices] = opened;
    return &m->devices[m->n_devices++];
}

static bora_device_options device_options(const bora_settings *settings)
{
    return (bora_device_options){ .n_threads = (int)bora_settings_int(settings, "threads") };
}

exec_device *model_device(bora_model *m, const char *name, int index, const bora_settings *settings, bora_error *err)
{
    const bora_backend *backend = bora_runtime_backend(m->runtime, name);
    if (!backend) {
        buf known = { 0 };
        REGISTRY_EACH(m->runtime, backends, bora_backend, b)
        buf_printf(&known, "%s%s", known.len ? ", " : "", b->name);
        bora_fail(err, BORA_USAGE, "no plugin offers the device \"%s\" (there are: %s)", name,
                  known.len ? buf_text(&known) : "none");
        buf_free(&known);
        return NULL;
    }
    bora_device_options options = device_options(settings);
    return open_device(m, backend, index, &options, 0, err);
}

/* "name" or "name[3]". */
static exec_device *named_device(bora_model *m, const char *text, const bora_settings *settings, bora_error *err)
{
    char name[80];
    size_t n = strcspn(text, "[");
    int index = 0;
    if (n == 0 || n >= sizeof name) {
        bora_fail(err, BORA_USAGE, "\"%s\" is not a device: say NAME or NAME[0]", text);
        return NULL;
    }
    memcpy(name, text, n);
    name[n] = '\0';
    if (text[n] == '[') {
        char *end;
        long value = strtol(text + n + 1, &end, 10);
        if (end == text + n + 1 || strcmp(end, "]") != 0 || value < 0 || value > 1024) {
            bora_fail(err, BORA_USAGE, "\"%s\" is not a device: say NAME or NAME[0]", text);
            return NULL;
        }
        index = (int)value;
    }
    return model_device(m, name, index, settings, err);
}

exec_device *model_default_device(bora_model *m, const bora_settings *settings, bora_error *err)
{
    const char *wanted = bora_settings_string(settings, "device");
    if (wanted)
        return named_device(m, wanted, settings, err);
    bool host_only = bora_settings_flag(settings, "cpu");
    const bora_backend *best = NULL;
    REGISTRY_EACH(m->runtime, backends, bora_backend, b)
    if ((!best || b->priority > best->priority) && !(host_only && b->alloc) && (!b->n_devices || b->n_devices() > 0))
        best = b;
    if (!best) {
        bora_fail(err, BORA_NOT_FOUND, "no plugin offers a device; `bora plugins` lists what was found");
        return NULL;
    }
    bora_device_options options = device_options(settings);
    return open_device(m, best, 0, &options, 0, err);
}

void model_close_devices(bora_model *m)
{
    for (int i = m->n_devices - 1; i > 0; i--)
        if (m->devices[i].backend->close)
            m->devices[i].backend->close(m->devices[i].handle);
    m->n_devices = 0;
}
