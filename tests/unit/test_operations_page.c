/* Every operation and function that equations can call is in docs/: operations.md is made from the tables of arguments,
 * architectures.md has a row for each function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/declared.h"
#include "base/buf.h"
#include "base/file.h"
#include "generated_page.h"
#include "plugin/runtime.h"
#include "source_path.h"

static const char intro[] =
    "# What equations can call\n"
    "\n"
    "Made from the tables of arguments in `core/graph/ops/` and `core/arch/functions.c`; a test keeps it equal to "
    "them\n"
    "(`BORA_WRITE_REFERENCE=1 build/debug/tests/test_operations_page` writes it). How calls are written stands in\n"
    "`docs/architectures.md`, what each operation computes in `bora/ops.h`. A node is the result of another call, a "
    "weight the\n"
    "name of one; `?` stands behind what may be left out, `= …` before what it then is.\n"
    "\n"
    "## Operations\n"
    "\n"
    "| Call | Arguments |\n"
    "| --- | --- |\n";

static const char *kind_name(bora_arg_kind kind)
{
    static const char *const names[] = { "node",          "weight", "",           "whole number", "number",
                                         "true or false", "",       "activation", "rope" };
    return (size_t)kind < sizeof names / sizeof *names ? names[kind] : "other";
}

static void put_argument(buf *out, const bora_arg *arg)
{
    bool has_fallback = arg->optional && arg->kind >= BORA_ARG_INT && arg->kind <= BORA_ARG_CHOICE;
    buf_printf(out, "`%s%s` %s", arg->name, arg->optional && !has_fallback ? "?" : "", kind_name(arg->kind));
    for (int i = 0; arg->kind == BORA_ARG_CHOICE && arg->choices[i]; i++)
        buf_printf(out, "%s`\"%s\"`", i ? " or " : "", arg->choices[i]);
    if (has_fallback && arg->kind == BORA_ARG_CHOICE)
        buf_printf(out, " = `\"%s\"`", arg->choices[(int)arg->fallback]);
    else if (has_fallback && arg->kind == BORA_ARG_FLAG)
        buf_printf(out, " = %s", arg->fallback != 0 ? "true" : "false");
    else if (has_fallback)
        buf_printf(out, " = %g", arg->fallback);
}

static void put_op(buf *out, const bora_op *op)
{
    const char *comma = "";
    buf_printf(out, "| `%s(", op->name);
    for (const bora_arg *arg = op->args; arg->name; arg++) {
        if (arg->kind == BORA_ARG_BIAS)
            continue;
        buf_printf(out, "%s%s%s", comma, arg->name, arg->optional ? "?" : "");
        comma = ", ";
    }
    buf_puts(out, ")` | ");
    comma = "";
    for (const bora_arg *arg = op->args; arg->name; arg++) {
        if (arg->kind == BORA_ARG_BIAS) {
            buf_puts(out, " (and its bias `NAME.bias`, where there is one)");
            continue;
        }
        buf_puts(out, comma);
        put_argument(out, arg);
        comma = ", ";
    }
    buf_puts(out, " |\n");
}

static char *operations_page(void)
{
    buf out = { 0 };
    buf_puts(&out, intro);
    for (const bora_op *const *op = builtin_plugin.ops; *op; op++)
        if ((*op)->args)
            put_op(&out, *op);
    buf_puts(&out, "\n## Functions\n\nMade of operations, or of no node at all. `docs/architectures.md` says what each "
                   "does.\n\n```\n");
    const char *name, *parameters;
    for (size_t i = 0; (name = function_at(i, &parameters)); i++) {
        buf_printf(&out, "%s(", name);
        for (; *parameters; parameters++)
            if (*parameters == ' ')
                buf_puts(&out, ", ");
            else
                buf_putc(&out, *parameters);
        buf_puts(&out, ")\n");
    }
    buf_puts(&out, "```\n");
    return buf_take(&out);
}

/* docs/operations.md is the page that the tables make. BORA_WRITE_REFERENCE=1 writes it. */
static void the_page_of_operations_is_up_to_date(void **state)
{
    (void)state;
    expect_generated_page("docs/operations.md", operations_page(), "the tables");
}

static void every_function_is_described(void **state)
{
    (void)state;
    char *path = source_path("docs/architectures.md");
    bora_error err = { .code = BORA_OK };
    size_t len;
    char *page = file_read(path, 1 << 20, &len, &err);
    if (!page)
        fail_msg("%s", err.message);
    const char *name, *parameters;
    for (size_t i = 0; (name = function_at(i, &parameters)); i++) {
        buf entry = { 0 };
        buf_printf(&entry, "| `%s(", name);
        if (!strstr(page, buf_text(&entry)))
            fail_msg("%s: the table of functions has no %s()", path, name);
        buf_free(&entry);
    }
    free(page);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_of_operations_is_up_to_date),
        cmocka_unit_test(every_function_is_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
