/* bora plugins: what was found, from where, what it offers, and why anything was refused. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "json.h"
#include "text.h"

enum { INDENT = 20, WIDTH = 100 }; /* columns */

/* One line of offers, wrapped: "  formats        f32, f16, …". */
typedef struct offers {
    const char *heading;
    size_t column; /* 0: nothing was written yet */
} offers;

static void offer(offers *o, const char *name, const char *detail)
{
    size_t wide = text_show(NULL, name, strlen(name), 0) + (detail ? 1 + strlen(detail) : 0);
    if (o->column == 0)
        o->column = (size_t)printf("  %-*s  ", INDENT - 4, o->heading);
    else if (o->column + 2 + wide > WIDTH - 1)
        o->column = (size_t)printf(",\n%*s", INDENT, "") - 2;
    else
        o->column += (size_t)printf(", ");
    text_show(stdout, name, strlen(name), 0);
    if (detail) {
        putchar(' ');
        text_show(stdout, detail, strlen(detail), 0);
    }
    o->column += wide;
}

static void end_offers(const offers *o)
{
    if (o->column)
        putchar('\n');
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Kernels, a line for each backend and operation: the formats that it is fast for. */
static void print_kernels(const bora_kernel *const *kernels)
{
    for (const bora_kernel *const *k = kernels; *k; k++) {
        bool first = true;
        for (const bora_kernel *const *before = kernels; first && before < k; before++)
            first = !same_text((*before)->backend, (*k)->backend);
        if (!first)
            continue;
        char heading[64];
        snprintf(heading, sizeof heading, "kernels %.50s", (*k)->backend);
        offers o = { .heading = heading };
        for (const bora_kernel *const *same = k; *same; same++)
            if (same_text((*same)->backend, (*k)->backend))
                offer(&o, (*same)->op, (*same)->quant);
        end_offers(&o);
    }
}

static void print_plugin(const char *path, const bora_plugin *p)
{
    offers archs = { "architectures", 0 }, quants = { "formats", 0 }, backends = { "backends", 0 },
           ops = { "operations", 0 };
    text_show(stdout, p->name, strlen(p->name), 0);
    if (p->version) {
        putchar(' ');
        text_show(stdout, p->version, strlen(p->version), 0);
    }
    printf("  ");
    text_show(stdout, path, strlen(path), 0);
    putchar('\n');
    for (const bora_arch *const *a = p->archs; a && *a; a++)
        offer(&archs, (*a)->name, (*a)->about);
    end_offers(&archs);
    for (const bora_quant *const *q = p->quants; q && *q; q++)
        offer(&quants, (*q)->name, NULL);
    end_offers(&quants);
    for (const bora_backend *const *b = p->backends; b && *b; b++)
        offer(&backends, (*b)->name, (*b)->n_devices && (*b)->n_devices() == 0 ? "(not on this machine)" : NULL);
    end_offers(&backends);
    for (const bora_op *const *op = p->ops; op && *op; op++)
        offer(&ops, (*op)->name, NULL);
    end_offers(&ops);
    if (p->kernels)
        print_kernels(p->kernels);
}

static void print_all(const bora_runtime *runtime)
{
    size_t n = bora_runtime_n_plugins(runtime);
    for (size_t i = 0; i < n; i++) {
        const bora_plugin_info *info = bora_runtime_plugin(runtime, i);
        if (info->plugin) {
            print_plugin(info->path, info->plugin);
            continue;
        }
        printf("refused  ");
        text_show(stdout, info->path, strlen(info->path), 0);
        printf("\n  ");
        text_show(stdout, info->refusal, strlen(info->refusal), 0);
        putchar('\n');
    }
    if (n == 0)
        printf("No plugins were found. They are looked for in --plugin PATH, in BORA_PLUGIN_PATH, and in\n"
               "lib/bora/plugins beside libbora.\n");
}

/* ---- JSON */

static void json_kernels(json *j, const bora_kernel *const *kernels)
{
    json_open(j, "kernels", '[');
    for (const bora_kernel *const *k = kernels; k && *k; k++) {
        json_open_flat(j, NULL, '{');
        json_string(j, "op", (*k)->op);
        json_string(j, "backend", (*k)->backend);
        json_string(j, "format", (*k)->quant);
        json_int(j, "priority", (*k)->priority);
        json_bool(j, "usable", !(*k)->usable || (*k)->usable());
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void json_plugin(json *j, const bora_plugin *p)
{
    json_string(j, "name", p->name);
    json_string(j, "version", p->version);
    json_open_flat(j, "architectures", '[');
    for (const bora_arch *const *a = p->archs; a && *a; a++)
        json_string(j, NULL, (*a)->name);
    json_close(j, ']');
    json_open(j, "about", '{');
    for (const bora_arch *const *a = p->archs; a && *a; a++)
        json_string(j, (*a)->name, (*a)->about);
    json_close(j, '}');
    json_open_flat(j, "formats", '[');
    for (const bora_quant *const *q = p->quants; q && *q; q++)
        json_string(j, NULL, (*q)->name);
    json_close(j, ']');
    json_open(j, "backends", '[');
    for (const bora_backend *const *b = p->backends; b && *b; b++) {
        json_open_flat(j, NULL, '{');
        json_string(j, "name", (*b)->name);
        json_int(j, "devices", (*b)->n_devices ? (*b)->n_devices() : 1);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_open_flat(j, "operations", '[');
    for (const bora_op *const *op = p->ops; op && *op; op++)
        json_string(j, NULL, (*op)->name);
    json_close(j, ']');
    json_kernels(j, p->kernels);
}

static void json_all(const bora_runtime *runtime)
{
    json j = { .out = stdout };
    json_open(&j, NULL, '{');
    json_string(&j, "bora", bora_version());
    json_open(&j, "plugins", '[');
    for (size_t i = 0; i < bora_runtime_n_plugins(runtime); i++) {
        const bora_plugin_info *info = bora_runtime_plugin(runtime, i);
        json_open(&j, NULL, '{');
        json_string(&j, "path", info->path);
        json_bool(&j, "loaded", info->plugin != NULL);
        if (info->plugin)
            json_plugin(&j, info->plugin);
        else
            json_string(&j, "refusal", info->refusal);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
}

bool command_plugins(cli *c, bora_error *err)
{
    /* The list below says what was refused; no need to say it twice. */
    if (c->level == BORA_LOG_INFO)
        c->level = BORA_LOG_ERROR;
    bora_runtime *runtime = cli_runtime(c, NULL, err);
    if (!runtime)
        return false;
    if (bora_settings_flag(c->settings, "json"))
        json_all(runtime);
    else
        print_all(runtime);
    bora_runtime_free(runtime);
    return true;
}
