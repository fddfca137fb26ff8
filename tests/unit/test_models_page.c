/* docs/models.md is made from the plugins' own tables and from the models that the tests hold against references. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bora/arch.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "generated_page.h"
#include "plugin/runtime.h"

static const char intro[] =
    "# Models\n"
    "\n"
    "The architectures that bora brings, made from their own tables; a test fails when this page differs from them. A\n"
    "model is recognised by `architectures` (else `model_type`) in its `config.json`, or by `general.architecture` in "
    "a\n"
    "GGUF file; `--arch` overrides that. What is not here can be added: [docs/plugins.md](plugins.md).\n"
    "\n"
    "*Proven against* names the random models in `tests/fixtures/models` whose logits the tests hold against those of\n"
    "transformers: prompts at once, token by token and in batches, and 32 greedy tokens, from each file that is\n"
    "named. A model of any "
    "architecture is quantized with `--isq`, and calls of tools in `<tool_call>` tags and thinking in the usual tags "
    "are\n"
    "understood without the architecture's help.\n";

static const char *root(const char *variable, const char *otherwise)
{
    const char *value = getenv(variable);
    return value ? value : otherwise;
}

static void put_names(buf *b, const char *heading, const char *const *names)
{
    if (!names || !*names)
        return;
    buf_printf(b, "| %s | ", heading);
    for (const char *const *n = names; *n; n++)
        buf_printf(b, "%s`%s`", n == names ? "" : ", ", *n);
    buf_puts(b, " |\n");
}

/* In a table's cell. */
static void put_mark(buf *b, const char *mark)
{
    for (buf_putc(b, '`'); *mark; mark++)
        if (*mark == '\n')
            buf_puts(b, "\\n");
        else
            buf_printf(b, *mark == '|' ? "\\%c" : "%c", *mark);
    buf_putc(b, '`');
}

static void put_stop_tokens(buf *b, const char *const *stop)
{
    if (!stop || !*stop)
        return;
    buf_puts(b, "| an answer ends with | ");
    for (const char *const *s = stop; *s; s++) {
        buf_puts(b, s == stop ? "" : ", ");
        put_mark(b, *s);
    }
    buf_puts(b, " |\n");
}

static void put_thinking(buf *b, const bora_thinking_tags *tags)
{
    for (; tags && tags->begin; tags++) {
        buf_puts(b, "| thinking | ");
        put_mark(b, tags->begin);
        buf_puts(b, " … ");
        put_mark(b, tags->end);
        buf_puts(b, " |\n");
    }
}

static void put_tools(buf *b, const bora_tool_syntax *s)
{
    for (; s && s->begin; s++) {
        buf_puts(b, "| calls of tools | ");
        put_mark(b, s->begin);
        if (s->arguments_begin || s->parameter_begin)
            buf_puts(b, " name ");
        if (s->arguments_begin)
            put_mark(b, s->arguments_begin);
        if (s->parameter_begin) {
            buf_putc(b, ' ');
            put_mark(b, s->parameter_begin);
            buf_puts(b, " name ");
            put_mark(b, s->parameter_name_end);
            buf_puts(b, " value ");
            put_mark(b, s->parameter_end);
        } else {
            buf_puts(b, " JSON");
        }
        if (s->end) {
            buf_puts(b, " ");
            put_mark(b, s->end);
        }
        if (s->bare)
            buf_puts(b, ", or nothing but JSON");
        if (s->when) {
            buf_puts(b, " (chat templates with ");
            put_mark(b, s->when);
            buf_puts(b, ")");
        }
        buf_puts(b, " |\n");
    }
}

static bool lists(const char *const *names, const char *name)
{
    for (; names && name && *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

static bool is_of(const bora_arch *arch, const char *folder)
{
    char *path = path_join(folder, "config.json");
    cJSON *config = json_load(path, 1 << 20, NULL);
    const cJSON *first = cJSON_GetArrayItem(json_get(config, "architectures"), 0);
    const char *named = cJSON_IsString(first) ? first->valuestring : NULL;
    bool yes = lists(arch->architectures, named) ||
               (!named && lists(arch->model_types, json_string(config, "model_type", NULL)));
    cJSON_Delete(config);
    free(path);
    return yes;
}

static void put_fixtures(buf *b, const bora_arch *arch)
{
    char folder[512], path[1024];
    snprintf(folder, sizeof folder, "%s/models", root("BORA_FIXTURES", "tests/fixtures"));
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort), n_put = 0;
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s/logits.npy", folder, entries[i]->d_name);
        bool has_logits = file_exists(path);
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && has_logits && is_of(arch, path)) {
            snprintf(path, sizeof path, "%s/%s.gguf", folder, entries[i]->d_name);
            buf_printf(b, "%s%s%s", n_put++ ? ", " : "| proven against | ", entries[i]->d_name,
                       file_exists(path) ? " (and GGUF)" : "");
        }
        free(entries[i]);
    }
    free(entries);
    if (n_put)
        buf_puts(b, " |\n");
}

static void put_arch(buf *b, const bora_arch *a)
{
    bool safetensors = a->architectures || a->model_types;
    buf_printf(b, "\n## %s\n\n", a->name);
    if (a->about)
        buf_printf(b, "%s\n\n", a->about);
    buf_puts(b, "| | |\n| --- | --- |\n");
    buf_printf(b, "| loads from | %s%s%s |\n", safetensors ? "safetensors" : "",
               safetensors && a->gguf_architectures ? ", " : "", a->gguf_architectures ? "GGUF" : "");
    put_names(b, "`architectures`", a->architectures);
    put_names(b, "`model_type`", a->model_types);
    put_names(b, "`general.architecture`", a->gguf_architectures);
    put_fixtures(b, a);
    if (a->chat) {
        put_stop_tokens(b, a->chat->stop);
        put_thinking(b, a->chat->thinking);
        put_tools(b, a->chat->tools);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const bora_arch *const *)a)->name, (*(const bora_arch *const *)b)->name);
}

static char *make_page(void)
{
    char plugins[512];
    snprintf(plugins, sizeof plugins, "%s/lib/bora/plugins", root("BORA_BUILD", "build"));
    const char *const paths[] = { plugins, NULL };
    bora_error err = { .code = BORA_OK };
    bora_runtime *runtime =
        bora_runtime_new(&(bora_runtime_options){ .plugin_paths = paths, .no_default_plugins = true }, &err);
    if (!runtime)
        fail_msg("%s", err.message);
    const bora_arch *archs[256];
    size_t n = 0;
    REGISTRY_EACH(runtime, archs, bora_arch, a)
    archs[n++] = a;
    assert_true(n > 0 && n < 256);
    qsort(archs, n, sizeof *archs, by_name);
    buf page = { 0 };
    buf_puts(&page, intro);
    for (size_t i = 0; i < n; i++)
        put_arch(&page, archs[i]);
    bora_runtime_free(runtime);
    return buf_take(&page);
}

/* BORA_WRITE_REFERENCE=1 writes it. */
static void page_is_up_to_date(void **state)
{
    (void)state;
    expect_generated_page("docs/models.md", make_page(), "the architectures' tables");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(page_is_up_to_date) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
