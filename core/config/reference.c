/* The reference page, docs/configuration.md: every option of the table, and how the files are written. */
#include "config/options.h"

#include <stdio.h>
#include <string.h>

static const char intro[] =
    "# Configuration\n"
    "\n"
    "This page is made from the table of options in `core/config/options.c`, the same one that reads the command\n"
    "line and the files; `bora COMMAND --help` is its other print. A test fails when the two differ.\n"
    "\n"
    "An option can be set on the command line (`--max-tokens 200`, `--max-tokens=200`, `-n 200`, `-n200`) or in a\n"
    "TOML file. An unknown or misspelt name, a value of the wrong type or out of range, and two options that exclude\n"
    "each other are errors that say where and, for a name, which one is nearest:\n"
    "\n"
    "```\n"
    "launch.toml:7:1: unknown key `max_seq` in [runtime]; did you mean `max_seqs`?\n"
    "launch.toml:4:1: port: expected an integer, found a string\n"
    "```\n"
    "\n"
    "## Launch files\n"
    "\n"
    "`bora from-config -f launch.toml` does what a file says. `command` is `\"run\"` or `\"serve\"`; each "
    "`[[models]]`\n"
    "is one model (`run` takes one, `serve` any number with different names). Keys under `models` count for that "
    "model\n"
    "alone and win over the shared ones. Relative paths are relative to the folder in which bora was started.\n"
    "\n"
    "```toml\n"
    "command = \"run\"\n"
    "plugins = [\"./my_plugin.so\"]   # before those of --plugin\n"
    "\n"
    "[global]\n"
    "seed = 42\n"
    "\n"
    "[sampling]\n"
    "temperature = 0.7\n"
    "top_p = 0.9\n"
    "\n"
    "[[models]]\n"
    "model_id = \"./model\"\n"
    "\n"
    "[models.quantization]\n"
    "isq = \"8\"\n"
    "\n"
    "[models.device]\n"
    "topology = \"./topology.yml\"\n"
    "```\n"
    "\n"
    "A key of the other command (`port` in a file that says `run`) is ignored with a warning.\n"
    "\n"
    "## Selector files\n"
    "\n"
    "The older form names one model: `bora run toml -f selector.toml`. Options on the command line win over it. The\n"
    "kinds `plain` (a folder of safetensors) and `gguf` can be run.\n"
    "\n"
    "```toml\n"
    "[model]\n"
    "kind = \"gguf\"\n"
    "quantized_model_id = \"./models\"          # the folder\n"
    "quantized_filename = \"model.gguf\"        # in it; parts are separated by semicolons\n"
    "tok_model_id = \"./model\"                 # take tokenizer and chat template from here\n"
    "\n"
    "[speculative]                            # a smaller model with the same vocabulary guesses tokens ahead\n"
    "gamma = 8\n"
    "\n"
    "[speculative.draft_model]\n"
    "kind = \"plain\"\n"
    "model_id = \"./small-model\"\n"
    "```\n"
    "\n";

static const char topologies[] =
    "## Topologies\n"
    "\n"
    "A topology (YAML, `--topology FILE`) places layers on devices and gives them number formats. A key is a range of\n"
    "layers (the end is not in it), a single layer, or a regular expression between slashes over the names of the\n"
    "weights; `device` is a backend's name as `bora plugins` lists it (`NAME[1]` for its second device), `isq` a\n"
    "format's name or a number of bits. What no entry names has the default format (`--isq`) and device. A regular\n"
    "expression goes before a range; of several expressions that match, the last decides; of several ranges, the one\n"
    "that ends last.\n"
    "\n"
    "```yaml\n"
    "0-8:\n"
    "  isq: 4\n"
    "8:\n"
    "  isq: 8\n"
    "'/mlp\\.down_proj/':\n"
    "  isq: 8\n"
    "```\n"
    "\n";

/* Text inside a table cell. */
static void put_cell(buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            buf_putc(out, '\\');
        buf_putc(out, *text);
    }
}

/* A list of words, each in `code`, with `before` in front. */
static void put_code_words(buf *out, const char *list, const char *before, const char *join)
{
    size_t len;
    bool first = true;
    for (const char *word; (word = option_word(&list, &len)); first = false)
        buf_printf(out, "%s`%s%.*s`", first ? "" : join, before, (int)len, word);
}

static void put_option_cell(buf *out, const bora_option *o)
{
    if (o->toml_only)
        buf_puts(out, "–");
    else if (o->positional == o->commands) {
        buf_puts(out, "`");
        put_cell(out, o->value_name);
        buf_puts(out, "`");
    } else {
        if (o->short_name)
            buf_printf(out, "`-%c` ", o->short_name);
        buf_printf(out, "`--%s`", o->name);
        if (o->aliases) {
            buf_puts(out, ", ");
            put_code_words(out, o->aliases, "--", ", ");
        }
        if (o->positional)
            buf_printf(out, ", `%s`", o->value_name);
    }
}

static const char *type_name(const bora_option *o)
{
    static const char *const names[] = {
        [BORA_OPTION_FLAG] = "flag",     [BORA_OPTION_INT] = "integer", [BORA_OPTION_FLOAT] = "number",
        [BORA_OPTION_STRING] = "string", [BORA_OPTION_PATH] = "path",   [BORA_OPTION_CHOICE] = "",
        [BORA_OPTION_LIST] = "list",
    };
    return names[o->type];
}

static void put_commands(buf *out, const bora_option *o)
{
    size_t n, count = 0, given = 0;
    const bora_command *commands = bora_commands(&n);
    for (size_t i = 0; i < n; i++)
        given += (o->commands & commands[i].bit) != 0;
    if (given == n) {
        buf_puts(out, "all");
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (o->commands & commands[i].bit)
            buf_printf(out, "%s%s", count++ ? ", " : "", commands[i].name);
}

static void put_row(buf *out, const bora_option *o)
{
    buf_puts(out, "| ");
    put_option_cell(out, o);
    buf_puts(out, " | ");
    put_code_words(out, o->toml, "", ", ");
    buf_printf(out, " | %s", type_name(o));
    if (o->type == BORA_OPTION_CHOICE)
        put_code_words(out, o->choices, "", ", ");
    else if (o->type == BORA_OPTION_INT || o->type == BORA_OPTION_FLOAT) {
        buf_puts(out, ", ");
        help_range(out, o);
    } else if (o->separator) {
        buf_printf(out, ", split at `%c`", o->separator);
    }
    buf_puts(out, " | ");
    if (o->default_note)
        put_cell(out, o->default_note);
    else if (o->default_text)
        buf_printf(out, "`%s`", o->default_text);
    else if (o->type == BORA_OPTION_FLAG)
        buf_puts(out, "off");
    buf_puts(out, " | ");
    put_commands(out, o);
    buf_puts(out, " | ");
    put_cell(out, o->help);
    if (o->excludes) {
        buf_puts(out, "; not together with ");
        put_code_words(out, o->excludes, "--", ", ");
    }
    if (o->status == BORA_OPTION_INERT)
        buf_puts(out, " *(no effect yet)*");
    buf_puts(out, " |\n");
}

static const char head[] = "| Option | TOML key | Value | Default | Commands | What it does |\n"
                           "| --- | --- | --- | --- | --- | --- |\n";

static void put_tables(buf *out)
{
    size_t n;
    const bora_option *all = bora_options(&n);
    const char *group = NULL;
    buf_puts(out, "## Options\n");
    for (size_t i = 0; i < n; i++) {
        if (all[i].status == BORA_OPTION_LATER)
            continue;
        if (all[i].group != group)
            buf_printf(out, "\n### %s\n\n%s", all[i].group, head);
        group = all[i].group;
        put_row(out, &all[i]);
    }
}

static void put_later(buf *out)
{
    size_t n;
    const bora_option *all = bora_options(&n);
    buf_printf(out,
               "\n## Not available in this version\n\nThese are known, so that a file that names them gets a clear "
               "answer: using one is an error, unless\nits value is the default.\n\n%s",
               head);
    for (size_t i = 0; i < n; i++)
        if (all[i].status == BORA_OPTION_LATER && (all[i].toml || !all[i].toml_only))
            put_row(out, &all[i]);
    buf_puts(out, "\nThe same goes for these values:");
    for (size_t i = 0, count = 0; i < n; i++) {
        if (!all[i].later_choices)
            continue;
        buf_printf(out, "%s ", count++ ? ";" : "");
        put_code_words(out, all[i].later_choices, "", ", ");
        buf_printf(out, " of %s%s", all[i].positional ? "" : "--", all[i].positional ? all[i].value_name : all[i].name);
    }
    buf_puts(out, ".\n");
}

static void put_selector_keys(buf *out)
{
    size_t n, len;
    const bora_option *all = bora_options(&n);
    buf_puts(out, "| Key | Kind | Option |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < n; i++) {
        const char *list = all[i].status == BORA_OPTION_LATER ? NULL : all[i].selector;
        for (const char *word; (word = option_word(&list, &len));) {
            const char *colon = memchr(word, ':', len);
            int kind_len = (int)(colon - word);
            const char *section = kind_len ? "model." : "";
            buf_printf(out, "| `%s%.*s` | %.*s | `--%s` |\n", section, (int)len - kind_len - 1, colon + 1,
                       *word == '*' ? 3 : kind_len, *word == '*' ? "any" : word, all[i].name);
        }
    }
    buf_putc(out, '\n');
}

char *bora_reference_page(void)
{
    buf out = { 0 };
    buf_puts(&out, intro);
    put_selector_keys(&out);
    buf_puts(&out, topologies);
    put_tables(&out);
    put_later(&out);
    return buf_take(&out);
}
