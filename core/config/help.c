/* --help, from the tables of options and commands. */
#include "config/options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    WIDTH = 100,
    HELP_COLUMN = 34, /* where the help of an option starts */
};

/* Columns that UTF-8 text takes; the table has no wide and no combining characters. */
static size_t columns(const char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)text[i] & 0xc0) != 0x80;
    return n;
}

/* Writes `text` word by word from `column` on; lines after the first start behind `indent` spaces. Ends the line. */
static void put_wrapped(buf *out, const char *text, size_t column, size_t indent)
{
    size_t at = column, len;
    bool first = true;
    for (const char *word; (word = option_word(&text, &len)); first = false) {
        size_t wide = columns(word, len);
        if (!first && at + 1 + wide > WIDTH) {
            buf_printf(out, "\n%*s", (int)indent, "");
            at = indent;
        } else if (!first) {
            buf_putc(out, ' ');
            at++;
        }
        buf_append(out, word, len);
        at += wide;
    }
    buf_putc(out, '\n');
}

void help_range(buf *out, const bora_option *o)
{
    if (o->type == BORA_OPTION_CHOICE)
        option_put_words(out, o->choices, " or ");
    if (o->type != BORA_OPTION_INT && o->type != BORA_OPTION_FLOAT)
        return;
    if (isinf(o->max) || (o->max >= INT32_MAX && o->type == BORA_OPTION_INT))
        buf_printf(out, "%.15g or more", o->min);
    else
        buf_printf(out, "%.15g to %.15g", o->min, o->max);
}

/* "-m, --model-id PATH" */
static void put_names(buf *out, const bora_option *o, const bora_command *command)
{
    if (o->positional & command->bit) {
        buf_puts(out, o->value_name);
        return;
    }
    if (o->short_name)
        buf_printf(out, "-%c, --%s", o->short_name, o->name);
    else
        buf_printf(out, "    --%s", o->name);
    if (o->type != BORA_OPTION_FLAG)
        buf_printf(out, " %s", o->value_name ? o->value_name : "VALUE");
}

/* The help of an option with what goes in brackets behind it. */
static void put_help(buf *out, const bora_option *o)
{
    buf_puts(out, o->help);
    const char *open = " (";
    if (o->type == BORA_OPTION_CHOICE || o->type == BORA_OPTION_INT || o->type == BORA_OPTION_FLOAT) {
        buf_puts(out, open);
        help_range(out, o);
        open = "; ";
    }
    if (o->default_note || o->default_text) {
        buf_printf(out, "%sdefault: %s", open, o->default_note ? o->default_note : o->default_text);
        open = "; ";
    }
    if (o->aliases) {
        buf_printf(out, "%salso --", open);
        for (const char *c = o->aliases; *c; c++)
            buf_puts(out, *c == ' ' ? ", --" : (char[]){ *c, '\0' });
        open = "; ";
    }
    if (*open == ';')
        buf_putc(out, ')');
}

static void put_option(buf *out, const bora_option *o, const bora_command *command)
{
    buf names = { 0 }, help = { 0 };
    put_names(&names, o, command);
    put_help(&help, o);
    size_t column = 2 + columns(buf_text(&names), names.len);
    buf_printf(out, "  %s", buf_text(&names));
    if (column + 2 > HELP_COLUMN)
        buf_printf(out, "\n%*s", HELP_COLUMN, "");
    else
        buf_printf(out, "%*s", (int)(HELP_COLUMN - column), "");
    put_wrapped(out, buf_text(&help), HELP_COLUMN, HELP_COLUMN);
    if (names.failed || help.failed)
        out->failed = true;
    buf_free(&names);
    buf_free(&help);
}

static void put_options(buf *out, const bora_command *command)
{
    size_t n;
    const bora_option *all = bora_options(&n);
    const char *group = NULL;
    for (size_t i = 0; i < n; i++) {
        if (!option_typed_with(&all[i], command) || all[i].status != BORA_OPTION_READY)
            continue;
        if (all[i].group != group)
            buf_printf(out, "\n%s:\n", all[i].group);
        group = all[i].group;
        put_option(out, &all[i], command);
    }
}

/* The names alone of the options of a status. */
static void put_list(buf *out, const bora_command *command, bora_option_status status, const char *heading)
{
    size_t n;
    const bora_option *all = bora_options(&n);
    buf names = { 0 };
    for (size_t i = 0; i < n; i++)
        if (option_typed_with(&all[i], command) && all[i].status == status)
            buf_printf(&names, "%s--%s", names.len ? " " : "", all[i].name);
    if (names.len) {
        buf_printf(out, "\n%s:\n  ", heading);
        put_wrapped(out, buf_text(&names), 2, 2);
    }
    out->failed |= names.failed;
    buf_free(&names);
}

static void put_examples(buf *out, const bora_command *command)
{
    size_t n = sizeof command->examples / sizeof *command->examples;
    for (size_t i = 0; i + 1 < n && command->examples[i]; i += 2)
        buf_printf(out, "%s  # %s\n  %s\n", i ? "\n" : "\nExamples:\n", command->examples[i], command->examples[i + 1]);
}

static void put_overview(buf *out)
{
    size_t n;
    const bora_command *commands = bora_commands(&n);
    buf_puts(out, "bora: run generative models\n\nUsage: bora COMMAND [OPTION…]\n\nCommands:\n");
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "  %-14s%s\n", commands[i].name, commands[i].summary);
    buf_puts(out, "\nExamples:\n");
    for (size_t i = 0; i < n; i++)
        if (commands[i].examples[0])
            buf_printf(out, "  %s\n", commands[i].examples[1]);
    buf_puts(out, "\n`bora COMMAND --help` shows a command's options, `bora --version` the version.\n");
}

char *bora_help_text(const bora_command *command)
{
    buf out = { 0 };
    if (!command) {
        put_overview(&out);
        return buf_take(&out);
    }
    buf_printf(&out, "bora %s: %s\n\nUsage: bora %s %s\n\n", command->name, command->summary, command->name,
               command->usage);
    put_wrapped(&out, command->description, 0, 0);
    put_examples(&out, command);
    put_options(&out, command);
    put_list(&out, command, BORA_OPTION_INERT, "Accepted, without effect in this version");
    put_list(&out, command, BORA_OPTION_LATER, "Known, not available in this version");
    return buf_take(&out);
}
