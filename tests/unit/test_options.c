/* core/config: the table of options, the command line, launch files, selectors, the help and the reference page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "config/options.h"
#include "config/topology.h"
#include "generated_page.h"
#include "source_path.h"

static bora_error err;

static int reset(void **state)
{
    (void)state;
    bora_error_clear(&err);
    return 0;
}

/* ---- helpers */

enum { ARGS_MAX = 32 };

/* Parses "bora LINE"; words are separated by spaces, '' is an empty one. NULL on an error. */
static bora_settings *parse(const char *line)
{
    static char words[512];
    char *argv[ARGS_MAX];
    int argc = 0;
    bora_error_clear(&err);
    snprintf(words, sizeof words, "%s", line);
    for (char *word = strtok(words, " "); word && argc < ARGS_MAX; word = strtok(NULL, " "))
        argv[argc++] = strcmp(word, "''") ? word : word + 2;
    const bora_command *command = bora_command_find(argv[0], &err);
    bora_settings *s = command ? bora_settings_new() : NULL;
    if (s && !bora_settings_parse_args(s, command, argc - 1, argv + 1, &err)) {
        bora_settings_free(s);
        s = NULL;
    }
    return s;
}

static void assert_refused(const char *line, bora_code code, const char *message)
{
    bora_settings *s = parse(line);
    assert_null(s);
    assert_string_equal(err.message, message);
    assert_int_equal(err.code, code);
}

static bora_launch *launch(const char *text)
{
    bora_error_clear(&err);
    return launch_parse(text, strlen(text), "x.toml", &err);
}

static void assert_launch_refused(const char *text, bora_code code, const char *message)
{
    assert_null(launch(text));
    assert_string_equal(err.message, message);
    assert_int_equal(err.code, code);
}

static void assert_selector_refused(const char *text, bora_code code, const char *message)
{
    bora_settings *s = bora_settings_new();
    bora_error_clear(&err);
    assert_false(selector_parse(s, text, strlen(text), "x.toml", &err));
    assert_string_equal(err.message, message);
    assert_int_equal(err.code, code);
    bora_settings_free(s);
}

/* Whether `name` stands in `text` as a whole word. */
static bool mentions(const char *text, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = text; (at = strstr(at, name)); at += len)
        if (!strchr("abcdefghijklmnopqrstuvwxyz-", at[len]) && (at == text || strchr(" \n`", at[-1])))
            return true;
    return false;
}

/* ---- the table */

static void table_is_consistent(void **state)
{
    (void)state;
    size_t n, n_commands;
    const bora_option *all = bora_options(&n);
    const bora_command *commands = bora_commands(&n_commands);
    for (size_t i = 0; i < n; i++) {
        const bora_option *o = &all[i];
        assert_non_null(o->name);
        assert_non_null(o->help);
        assert_non_null(o->group);
        assert_int_not_equal(o->commands, 0);
        assert_ptr_equal(option_find(o->name), o); /* every name once */
        if (o->type == BORA_OPTION_INT || o->type == BORA_OPTION_FLOAT)
            assert_true(o->min < o->max);
        if (o->type == BORA_OPTION_CHOICE)
            assert_non_null(o->choices);
        if (o->type != BORA_OPTION_FLAG && !o->toml_only)
            assert_non_null(o->value_name);
        if (o->toml_only)
            assert_true(o->toml || o->selector);
        const char *list = o->excludes;
        size_t len;
        for (const char *word; (word = option_word(&list, &len));) {
            char name[64];
            snprintf(name, sizeof name, "%.*s", (int)len, word);
            assert_non_null(option_find(name));
        }
        /* A default is a value that the option takes, and taking it is never an error or a warning. */
        if (o->default_text) {
            bora_settings *s = bora_settings_new();
            assert_true(bora_settings_set(s, o->name, o->default_text, NULL, &err));
            assert_null(bora_settings_warning(s, 0));
            assert_true(bora_settings_int(s, o->name) == bora_settings_int(s, o->name));
            bora_settings_free(s);
        }
    }
    for (size_t c = 0; c < n_commands; c++) { /* no letter means two things to one command */
        bool taken[128] = { false };
        for (size_t i = 0; i < n; i++) {
            unsigned char letter = (unsigned char)all[i].short_name;
            if (letter && (all[i].commands & commands[c].bit)) {
                assert_false(taken[letter]);
                taken[letter] = true;
            }
        }
    }
}

/* Every key of a TOML file leads to the option that names it, and no key to two. */
static void every_toml_key_resolves(void **state)
{
    (void)state;
    size_t n, len, n_keys = 0;
    const bora_option *all = bora_options(&n);
    for (size_t i = 0; i < n; i++) {
        const char *list = all[i].toml;
        for (const char *word; (word = option_word(&list, &len)); n_keys++) {
            char key[128];
            snprintf(key, sizeof key, "%.*s", (int)len, word);
            assert_ptr_equal(option_by_toml(key), &all[i]);
        }
    }
    assert_true(n_keys > 100);
    /* Older and current spellings lead to the same place. */
    assert_ptr_equal(option_by_toml("models.quantization.in_situ_quant"), option_by_toml("models.quantization.isq"));
    assert_ptr_equal(option_by_toml("enable_thinking"), option_by_toml("thinking"));
    assert_ptr_equal(option_by_toml("models.vision.max_edge"), option_by_toml("models.multimodal.max_edge"));
}

/* ---- the command line */

static void values_are_read_in_every_form(void **state)
{
    (void)state;
    bora_settings *s = parse("run text -f a.gguf;b.gguf --raw --temperature 0 -n200 -i '' --top-p=0.5 --topk 7 "
                             "--stop a;b --stop c --presence-penalty -1.5");
    assert_non_null(s);
    assert_string_equal(bora_settings_string(s, "model-type"), "text");
    assert_int_equal(bora_settings_count(s, "quantized-file"), 2);
    assert_string_equal(bora_settings_item(s, "quantized-file", 1), "b.gguf");
    assert_null(bora_settings_item(s, "quantized-file", 2));
    assert_true(bora_settings_flag(s, "raw"));
    assert_true(bora_settings_is_set(s, "temperature"));
    assert_true(bora_settings_float(s, "temperature") <= 0);
    assert_int_equal(bora_settings_int(s, "max-tokens"), 200);
    assert_string_equal(bora_settings_string(s, "prompt"), "");
    assert_true(bora_settings_float(s, "top-p") == 0.5);
    assert_int_equal(bora_settings_int(s, "top-k"), 7);
    assert_string_equal(bora_settings_origin(s, "top-k"), "--topk");
    assert_int_equal(bora_settings_count(s, "stop"), 2); /* stop strings are not split */
    assert_string_equal(bora_settings_item(s, "stop", 0), "a;b");
    assert_true(bora_settings_float(s, "presence-penalty") == -1.5);
    assert_null(bora_settings_warning(s, 0));
    bora_settings_free(s);
}

static void defaults_come_without_being_set(void **state)
{
    (void)state;
    bora_settings *s = parse("serve -m x");
    assert_non_null(s);
    assert_false(bora_settings_is_set(s, "port"));
    assert_int_equal(bora_settings_int(s, "port"), 1234);
    assert_string_equal(bora_settings_string(s, "host"), "127.0.0.1");
    assert_string_equal(bora_settings_string(s, "model-type"), "auto");
    assert_true(bora_settings_float(s, "temperature") == 1);
    assert_null(bora_settings_string(s, "isq"));
    assert_null(bora_settings_origin(s, "port"));
    assert_false(bora_settings_flag(s, "no such option"));
    bora_settings_free(s);
}

static void positionals_and_the_end_of_options(void **state)
{
    (void)state;
    bora_settings *s = parse("tokenize -m x --pieces -- --hello");
    assert_non_null(s);
    assert_string_equal(bora_settings_string(s, "text"), "--hello");
    bora_settings_free(s);
    s = parse("logits -m x --text a --chunk 1 -o y.npy"); /* the same option, typed */
    assert_non_null(s);
    assert_string_equal(bora_settings_string(s, "text"), "a");
    bora_settings_free(s);
    s = parse("run --bogus-after-help");
    assert_null(s);
    s = parse("run --help --bogus");
    assert_non_null(s);
    assert_true(bora_settings_flag(s, "help"));
    bora_settings_free(s);
}

static void command_line_errors_say_what_and_what_helps(void **state)
{
    (void)state;
    assert_refused("rnu", BORA_USAGE, "there is no command \"rnu\"; did you mean run? (see `bora --help`)");
    assert_refused("tokenize", BORA_USAGE, "`bora tokenize` needs -m PATH or -f FILE (see `bora tokenize --help`)");
    assert_refused("run -m x --temprature 1", BORA_USAGE,
                   "unknown option --temprature; did you mean --temperature? (see `bora run --help`)");
    assert_refused("run -m x --max_tokens 1", BORA_USAGE,
                   "unknown option --max_tokens; did you mean --max-tokens? (see `bora run --help`)");
    assert_refused("run -m x -Z", BORA_USAGE, "unknown option -Z (see `bora run --help`)");
    assert_refused("run -m x --port 3", BORA_USAGE,
                   "--port is an option of `bora serve`, not of `bora run` (see `bora run --help`)");
    assert_refused("run -m", BORA_USAGE, "-m needs a value: -m PATH");
    assert_refused("run -m --raw", BORA_USAGE,
                   "-m needs a value, and --raw is an option; if it is the value, write --model-id=--raw");
    assert_refused("run -m x --raw=maybe", BORA_USAGE, "--raw: expected true or false, found \"maybe\"");
    assert_refused("run -m x -vq", BORA_USAGE, "-v takes no value, found \"q\" behind it");
    assert_refused("run -m x --top-k 1.5", BORA_USAGE, "--top-k: expected an integer (0 or more), found \"1.5\"");
    assert_refused("run -m x --seed 99999999999999999999", BORA_USAGE,
                   "--seed: expected an integer (0 or more), found \"99999999999999999999\"");
    assert_refused("run -m x --top-p 1.01", BORA_USAGE, "--top-p: expected a number (0 to 1), found \"1.01\"");
    assert_refused("run -m x --temperature nan", BORA_USAGE,
                   "--temperature: expected a number (0 to 2), found \"nan\"");
    assert_refused("run -m x --temperature 0x1", BORA_USAGE,
                   "--temperature: expected a number (0 to 2), found \"0x1\"");
    assert_refused("run -m x --temperature 1e999", BORA_USAGE,
                   "--temperature: expected a number (0 to 2), found \"1e999\"");
    assert_refused("run -m x --format ggfu", BORA_USAGE,
                   "--format: expected plain or gguf, found \"ggfu\"; did you mean gguf?");
    assert_refused("run model.gguf", BORA_USAGE,
                   "MODEL_TYPE: expected auto, text, plain, gguf or toml, found \"model.gguf\" (a model is named by "
                   "-m or -f)");
    assert_refused("run -f a;;b", BORA_USAGE, "-f: expected a text, found an empty item");
    assert_refused("run -m ''", BORA_USAGE, "-m: expected a path, found an empty text");
    assert_refused("inspect", BORA_USAGE, "`bora inspect` needs FILE|DIR (see `bora inspect --help`)");
    assert_refused("inspect a b", BORA_USAGE, "unexpected argument \"b\" (see `bora inspect --help`)");
    assert_refused("logits -m x -o y", BORA_USAGE,
                   "`bora logits` needs --tokens ID,ID,… or --text TEXT (see `bora logits --help`)");
}

static void options_exclude_each_other(void **state)
{
    (void)state;
    assert_refused("run -m x --cpu --device y", BORA_USAGE, "--cpu and --device exclude each other: give one of them");
    assert_refused("run -m x --pa-memory-mb 1 --pa-context-len 2", BORA_USAGE,
                   "--pa-context-len and --pa-memory-mb exclude each other: give one of them");
    assert_refused("run gguf -m x --format plain", BORA_USAGE,
                   "--format and MODEL_TYPE exclude each other: give one of them");
    assert_refused("run plain -f x", BORA_USAGE, "-f and MODEL_TYPE exclude each other: give one of them");
    bora_settings *s = parse("run -m x --cpu=false --device y");
    assert_non_null(s);
    bora_settings_free(s);
    s = parse("run gguf -f x");
    assert_non_null(s);
    assert_string_equal(bora_settings_string(s, "format"), "gguf");
    bora_settings_free(s);
}

static void what_is_not_there_is_refused_or_warned_of(void **state)
{
    (void)state;
    assert_refused("run -m x --lora a", BORA_UNSUPPORTED, "--lora is not available in this version of bora");
    assert_refused("run vision -m x", BORA_UNSUPPORTED,
                   "MODEL_TYPE: `vision` is not available in this version of bora (expected auto, text, plain, gguf or "
                   "toml)");
    assert_refused("run -m x --enable-search", BORA_UNSUPPORTED,
                   "--enable-search is not available in this version of bora");
    bora_settings *s = parse("run -m x --max-batch-size 8 --enable-search=false --gqa 1 --no-kv-cache");
    assert_non_null(s);
    assert_int_equal(bora_settings_int(s, "max-batch-size"), 8);
    assert_string_equal(bora_settings_warning(s, 0), "--max-batch-size has no effect yet in this version of bora");
    assert_string_equal(bora_settings_warning(s, 1), "--no-kv-cache has no effect yet in this version of bora");
    assert_null(bora_settings_warning(s, 2));
    bora_settings_free(s);
}

static void settings_are_set_and_copied(void **state)
{
    (void)state;
    bora_settings *s = bora_settings_new();
    assert_true(bora_settings_set(s, "temperature", "0.7", "\\temperature", &err));
    assert_true(bora_settings_set(s, "stop", "a", NULL, &err));
    assert_true(bora_settings_set(s, "max-seqs", "2", NULL, &err));
    bora_settings *copy = bora_settings_copy(s);
    assert_true(bora_settings_set(copy, "stop", "b", NULL, &err));
    assert_int_equal(bora_settings_count(s, "stop"), 1);
    assert_int_equal(bora_settings_count(copy, "stop"), 2);
    assert_null(bora_settings_warning(copy, 0));
    bora_settings_free(s);
    assert_true(bora_settings_float(copy, "temperature") == 0.7);
    assert_string_equal(bora_settings_origin(copy, "temperature"), "\\temperature");
    assert_string_equal(bora_settings_item(copy, "stop", 0), "a");
    assert_false(bora_settings_set(copy, "temperature", "hot", "\\temperature", &err));
    assert_string_equal(err.message, "\\temperature: expected a number (0 to 2), found \"hot\"");
    assert_true(bora_settings_float(copy, "temperature") == 0.7);
    bora_error_clear(&err);
    assert_false(bora_settings_set(copy, "temperatur", "1", NULL, &err));
    assert_int_equal(err.code, BORA_USAGE);
    bora_settings_free(copy);
}

/* ---- launch files */

#define MODEL "[[models]]\nmodel_id = \"m\"\n"

static void launch_file_gives_shared_and_model_settings(void **state)
{
    (void)state;
    bora_launch *l = launch("command = \"serve\"\nplugins = [\"a;b.so\", \"c\"]\ndefault_model_id = \"n\"\n"
                            "[global]\nseed = 42\n[runtime]\nchat_template = \"t.jinja\"\nthreads = 3\n"
                            "[sampling]\ntemperature = 1\n[server]\nport = 80\n"
                            "[[models]]\nmodel_id = \"m\"\nkind = \"text\"\nchat_template = \"m.jinja\"\n"
                            "[models.quantization]\nin_situ_quant = \"4\"\n[models.device]\ncpu = true\n"
                            "[[models]]\nmodel_id = \"n\"\n[models.format]\nquantized_file = \"a.gguf;b.gguf\"\n");
    assert_non_null(l);
    assert_string_equal(bora_launch_command(l)->name, "serve");
    const bora_settings *shared = bora_launch_shared(l);
    assert_int_equal(bora_settings_int(shared, "port"), 80);
    assert_int_equal(bora_settings_count(shared, "plugin"), 2); /* array items are not split */
    assert_string_equal(bora_settings_item(shared, "plugin", 0), "a;b.so");
    assert_false(bora_settings_is_set(shared, "model-id"));
    assert_int_equal(bora_launch_n_models(l), 2);
    const bora_settings *m = bora_launch_model(l, 0), *n = bora_launch_model(l, 1);
    assert_int_equal(bora_settings_int(m, "seed"), 42);
    assert_int_equal(bora_settings_int(n, "threads"), 3);
    assert_string_equal(bora_settings_string(m, "chat-template"), "m.jinja");
    assert_string_equal(bora_settings_string(n, "chat-template"), "t.jinja");
    assert_string_equal(bora_settings_string(m, "isq"), "4");
    assert_string_equal(bora_settings_origin(m, "isq"), "x.toml:18:1: in_situ_quant");
    assert_null(bora_settings_string(n, "isq"));
    assert_true(bora_settings_flag(m, "cpu"));
    assert_false(bora_settings_flag(n, "cpu"));
    assert_int_equal(bora_settings_count(n, "quantized-file"), 2);
    assert_null(bora_launch_model(l, 2));
    /* temperature is not an option of serve */
    assert_string_equal(bora_settings_warning(shared, 0),
                        "x.toml:10:1: temperature has no effect with command = \"serve\"");
    assert_false(bora_settings_is_set(shared, "temperature"));
    bora_launch_free(l);
}

static void launch_errors_have_file_line_and_nearest_key(void **state)
{
    (void)state;
    const bora_code usage = BORA_USAGE;
    assert_launch_refused("command = \"serve\"\n[runtime]\nmax_seq = 3\n" MODEL, usage,
                          "x.toml:3:1: unknown key `max_seq` in [runtime]; did you mean `max_seqs`?");
    assert_launch_refused("command = \"serve\"\nmax_seqs = 3\n" MODEL, usage,
                          "x.toml:2:1: unknown key `max_seqs` at the top of the file; it belongs in [runtime]");
    assert_launch_refused("command = \"run\"\n" MODEL "isq = \"4\"\n", usage,
                          "x.toml:4:1: unknown key `isq` in [[models]]; it belongs in [models.quantization]");
    assert_launch_refused("command = \"serve\"\n[servr]\nport = 3\n" MODEL, usage,
                          "x.toml:2:2: unknown section [servr]; did you mean [server]?");
    assert_launch_refused("command = \"run\"\n[[model]]\nmodel_id = \"m\"\n", usage,
                          "x.toml:2:3: unknown section [model]; did you mean [[models]]?");
    assert_launch_refused("command = \"run\"\n" MODEL "[models.quantisation]\nisq = \"4\"\n", usage,
                          "x.toml:4:9: unknown section [models.quantisation]; did you mean [models.quantization]?");
    assert_launch_refused("command = \"run\"\n\"runtime.max_seqs\" = 3\n" MODEL, usage,
                          "x.toml:2:1: unknown key `runtime.max_seqs` at the top of the file");
    assert_launch_refused("comand = \"run\"\n" MODEL, usage,
                          "x.toml:1:1: unknown key `comand` at the top of the file; did you mean `command`?");
    assert_launch_refused(MODEL, usage,
                          "x.toml:1:1: there is no command: put command = \"run\" or command = \"serve\" at the top");
    assert_launch_refused("command = \"rn\"\n" MODEL, usage,
                          "x.toml:1:1: command: expected run or serve, found \"rn\"; did you mean run?");
    assert_null(launch("command = \n"));
    assert_int_equal(err.code, BORA_FORMAT);
}

static void launch_values_are_checked(void **state)
{
    (void)state;
    const bora_code usage = BORA_USAGE;
    assert_launch_refused("command = \"serve\"\n[server]\nport = \"3\"\n" MODEL, usage,
                          "x.toml:3:1: port: expected an integer, found a string");
    assert_launch_refused("command = \"serve\"\n[server]\nport = 65536\n" MODEL, usage,
                          "x.toml:3:1: port: expected an integer (0 to 65535), found \"65536\"");
    assert_launch_refused("command = \"serve\"\nserver = 3\n" MODEL, usage,
                          "x.toml:2:1: server: expected a table, [server], found an integer");
    assert_launch_refused("command = \"run\"\n[sampling]\ntop_k = 1.0\n" MODEL, usage,
                          "x.toml:3:1: top_k: expected an integer, found a float");
    assert_launch_refused("command = \"run\"\n[sampling]\ntemperature = nan\n" MODEL, usage,
                          "x.toml:3:1: temperature: expected a number (0 to 2), found \"nan\"");
    assert_launch_refused("command = \"run\"\n" MODEL "[models.device]\ncpu = 1\n", usage,
                          "x.toml:5:1: cpu: expected true or false, found an integer");
    assert_launch_refused("command = \"run\"\nplugins = [\"a\",\n3]\n" MODEL, usage,
                          "x.toml:2:1: plugins: expected an array of strings, found an integer in it (line 3)");
    assert_launch_refused("command = \"run\"\n[runtime]\nchat_template = \"a\\u0000b\"\n" MODEL, usage,
                          "x.toml:3:1: chat_template: expected a text, found a NUL character in it");
    assert_launch_refused("command = \"run\"\n" MODEL "[models.device]\ncpu = true\ndevice = \"x\"\n", usage,
                          "x.toml:5:1: cpu and device exclude each other (device is at x.toml:6:1): keep one of them");
    assert_launch_refused("command = \"run\"\n" MODEL "[models.quantization]\nin_situ_quant = \"4\"\nisq = \"8\"\n",
                          usage,
                          "x.toml:6:1: `isq` and `in_situ_quant` (line 5) are two names of one option: keep one of "
                          "them");
    assert_launch_refused("command = \"run\"\n[runtime]\nenable_search = true\n" MODEL, BORA_UNSUPPORTED,
                          "x.toml:3:1: enable_search is not available in this version of bora");
    assert_launch_refused("command = \"run\"\n" MODEL "[models.adapter]\nlora = [{ alias = \"a\", source = \"b\" }]\n",
                          BORA_UNSUPPORTED, "x.toml:5:1: lora is not available in this version of bora");
    assert_launch_refused("command = \"run\"\n" MODEL "kind = \"vision\"\n", BORA_UNSUPPORTED,
                          "x.toml:4:1: kind: `vision` is not available in this version of bora (expected auto, text, "
                          "plain, gguf or toml)");
    bora_launch *l = launch("command = \"run\"\n[runtime]\nno_kv_cache = true\nenable_search = false\n" MODEL
                            "[models.adapter]\nlora = []\n");
    assert_non_null(l);
    assert_string_equal(bora_settings_warning(bora_launch_shared(l), 0),
                        "x.toml:3:1: no_kv_cache has no effect yet in this version of bora");
    assert_null(bora_settings_warning(bora_launch_model(l, 0), 0));
    bora_launch_free(l);
}

static void launch_models_are_checked(void **state)
{
    (void)state;
    const bora_code usage = BORA_USAGE;
    assert_launch_refused("command = \"run\"\n", usage,
                          "x.toml:1:1: there are no models: add [[models]] with model_id = \"…\"");
    assert_launch_refused("command = \"run\"\n[models]\nmodel_id = \"m\"\n", usage,
                          "x.toml:2:2: models: expected an array of tables, [[models]], found a table");
    assert_launch_refused("command = \"run\"\n[[models]]\nkind = \"auto\"\n", usage,
                          "x.toml:2:3: this [[models]] names no model: give it model_id, or quantized_file in "
                          "[models.format]");
    assert_launch_refused("command = \"serve\"\n" MODEL MODEL, usage, "x.toml:4:3: two [[models]] are called \"m\"");
    assert_launch_refused("command = \"run\"\n" MODEL "[[models]]\nmodel_id = \"n\"\n", usage,
                          "x.toml:4:3: command = \"run\" takes one model, and this is the second [[models]]");
    assert_launch_refused("command = \"serve\"\ndefault_model_id = \"mm\"\n" MODEL, usage,
                          "x.toml:2:1: default_model_id: no [[models]] is called \"mm\"; did you mean \"m\"?");
    buf many = { 0 };
    buf_puts(&many, "command = \"serve\"\n");
    for (int i = 0; i < 300; i++)
        buf_printf(&many, "[[models]]\nmodel_id = \"m%d\"\n", i);
    assert_null(launch(buf_text(&many)));
    assert_int_equal(err.code, BORA_LIMIT);
    buf_free(&many);
}

/* ---- selectors */

static void selector_becomes_settings(void **state)
{
    (void)state;
    bora_settings *s = parse("run toml -f x.toml --temperature 0 --dtype auto");
    assert_non_null(s);
    const char *text = "tokenizer_json = \"t.json\"\n[model]\nkind = \"gguf\"\nquantized_model_id = \"d\"\n"
                       "quantized_filename = \"a.gguf;b.gguf\"\ntok_model_id = \"t\"\ndtype = \"other\"\n";
    settings_unset(s, option_find("model-type"));
    settings_unset(s, option_find("quantized-file"));
    assert_true(selector_parse(s, text, strlen(text), "x.toml", &err));
    assert_string_equal(bora_settings_string(s, "model-type"), "gguf");
    assert_string_equal(bora_settings_string(s, "format"), "gguf");
    assert_string_equal(bora_settings_string(s, "model-id"), "d");
    assert_int_equal(bora_settings_count(s, "quantized-file"), 2);
    assert_string_equal(bora_settings_string(s, "tokenizer"), "t.json");
    assert_string_equal(bora_settings_string(s, "tok-model-id"), "t");
    assert_string_equal(bora_settings_string(s, "dtype"), "auto"); /* the command line wins */
    bora_settings_free(s);

    s = bora_settings_new(); /* a model with one that guesses ahead */
    text = "[model]\nmodel_id = \"m\"\n[speculative]\ngamma = 3\n[speculative.draft_model]\nkind = \"gguf\"\n"
           "tok_model_id = \"t\"\nquantized_model_id = \"d\"\nquantized_filename = \"a.gguf\"\n";
    assert_true(selector_parse(s, text, strlen(text), "x.toml", &err));
    assert_string_equal(bora_settings_string(s, "model-type"), "plain");
    assert_string_equal(bora_settings_string(s, "draft-model"), "d");
    assert_string_equal(bora_settings_item(s, "draft-file", 0), "a.gguf");
    assert_string_equal(bora_settings_string(s, "draft-tok-model-id"), "t");
    assert_int_equal(bora_settings_int(s, "gamma"), 3);
    bora_settings_free(s);

    s = bora_settings_new(); /* files without a kind, and a list of files */
    text = "[model]\nquantized_model_id = \"d\"\nquantized_filename = [\"a.gguf\", \"b.gguf\"]\n";
    assert_true(selector_parse(s, text, strlen(text), "x.toml", &err));
    assert_int_equal(bora_settings_count(s, "quantized-file"), 2);
    bora_settings_free(s);
}

static void selector_errors_say_where(void **state)
{
    (void)state;
    const char *plain = "[model]\nkind = \"plain\"\nmodel_id = \"m\"\n";
    char text[320];
    assert_selector_refused("", BORA_USAGE, "x.toml:1:1: there is no [model]");
    assert_selector_refused("[model]\nkind = \"plain\"\n", BORA_USAGE,
                            "x.toml:1:2: [model] of kind \"plain\" needs model_id");
    assert_selector_refused("[model]\nkind = \"plian\"\n", BORA_USAGE,
                            "x.toml:2:1: kind: expected \"plain\" or \"gguf\", found \"plian\"; did you mean "
                            "\"plain\"?");
    assert_selector_refused("[model]\nkind = \"x-lora\"\n", BORA_UNSUPPORTED,
                            "x.toml:2:1: kind: \"x-lora\" is not available in this version of bora (expected \"plain\" "
                            "or \"gguf\")");
    snprintf(text, sizeof text, "%squantized_filename = \"a\"\n", plain);
    assert_selector_refused(text, BORA_USAGE,
                            "x.toml:4:1: `quantized_filename` is a key of kind \"gguf\", and this model's kind is "
                            "\"plain\"");
    snprintf(text, sizeof text, "%sarhc = \"a\"\n", plain);
    assert_selector_refused(text, BORA_USAGE, "x.toml:4:1: unknown key `arhc` in [model]; did you mean `arch`?");
    const char *draft = "[speculative]\ngamma = 3\n[speculative.draft_model]\n";
    snprintf(text, sizeof text, "%s[speculative]\ngama = 3\n", plain);
    assert_selector_refused(text, BORA_USAGE, "x.toml:5:1: unknown key `gama` in [speculative]; did you mean `gamma`?");
    snprintf(text, sizeof text, "%s[speculative]\ngamma = 65\n", plain);
    assert_selector_refused(text, BORA_USAGE, "x.toml:5:1: gamma: expected an integer (0 to 64), found \"65\"");
    snprintf(text, sizeof text, "speculative = 1\n%s", plain);
    assert_selector_refused(text, BORA_USAGE,
                            "x.toml:1:1: speculative: expected a table, [speculative], found an integer");
    snprintf(text, sizeof text, "%s%skind = \"plain\"\n", plain, draft);
    assert_selector_refused(text, BORA_USAGE, "x.toml:6:14: [speculative.draft_model] needs model_id");
    snprintf(text, sizeof text, "%s%skind = \"gguf\"\nmodel_id = \"m\"\n", plain, draft);
    assert_selector_refused(text, BORA_USAGE,
                            "x.toml:8:1: `model_id` is a key of kind \"plain\", and this model's kind is \"gguf\"");
    snprintf(text, sizeof text, "%s%skind = \"plain\"\nmodel_id = \"m\"\ndtype = \"x\"\n", plain, draft);
    assert_selector_refused(text, BORA_UNSUPPORTED,
                            "x.toml:9:1: dtype is not available for a draft model in this version of bora");
    assert_selector_refused("[modle]\n", BORA_USAGE,
                            "x.toml:1:2: unknown key `modle` at the top of the file; did you mean `model`?");
    snprintf(text, sizeof text, "%smax_seq_len = \"a\"\n", plain);
    assert_selector_refused(text, BORA_USAGE, "x.toml:4:1: max_seq_len: expected an integer, found a string");
}

static void missing_files_are_named(void **state)
{
    (void)state;
    assert_null(bora_launch_load("/nonexistent/x.toml", &err));
    assert_int_equal(err.code, BORA_NOT_FOUND);
    bora_error_clear(&err);
    bora_settings *s = bora_settings_new();
    assert_false(bora_settings_load_selector(s, "/nonexistent/x.toml", &err));
    assert_int_equal(err.code, BORA_NOT_FOUND);
    bora_error_clear(&err);
    assert_false(bora_settings_load_selector(s, NULL, &err));
    assert_int_equal(err.code, BORA_USAGE);
    bora_settings_free(s);
}

/* ---- help, reference, examples */

static void help_mentions_every_option_within_100_columns(void **state)
{
    (void)state;
    size_t n, n_commands;
    const bora_option *all = bora_options(&n);
    const bora_command *commands = bora_commands(&n_commands);
    char *overview = bora_help_text(NULL);
    for (size_t c = 0; c < n_commands; c++) {
        assert_true(mentions(overview, commands[c].name));
        char *text = bora_help_text(&commands[c]);
        for (size_t i = 0; i < n; i++) {
            char name[64];
            snprintf(name, sizeof name, "%s%s", all[i].positional & commands[c].bit ? "" : "--",
                     all[i].positional & commands[c].bit ? all[i].value_name : all[i].name);
            if (mentions(text, name) != option_typed_with(&all[i], &commands[c]))
                fail_msg("help of %s and option %s", commands[c].name, name);
        }
        for (const char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
            size_t columns = 0;
            for (const char *p = line; p < end; p++)
                columns += ((unsigned char)*p & 0xc0) != 0x80;
            assert_true(columns <= 100);
        }
        assert_int_equal(strstr(text, "\nExamples:\n") != NULL, commands[c].examples[0] != NULL);
        free(text);
    }
    free(overview);
}

/* Every example of the help is a line that the parser takes. */
static void examples_parse(void **state)
{
    (void)state;
    size_t n;
    const bora_command *commands = bora_commands(&n);
    for (size_t c = 0; c < n; c++) {
        for (size_t i = 0; i + 1 < 8 && commands[c].examples[i]; i += 2) {
            char line[256], *quote;
            snprintf(line, sizeof line, "%s", commands[c].examples[i + 1] + strlen("bora "));
            if ((quote = strchr(line, '"'))) /* the shell would make one word of it */
                snprintf(quote, 4, "xy");
            if ((quote = strchr(line, '<')))
                *quote = '\0';
            bora_settings *s = parse(line);
            if (!s)
                fail_msg("%s: %s", line, err.message);
            bora_settings_free(s);
        }
    }
}

/* docs/configuration.md is the page that the table makes. BORA_WRITE_REFERENCE=1 writes it. */
static void reference_page_is_up_to_date(void **state)
{
    (void)state;
    expect_generated_page("docs/configuration.md", bora_reference_page(), "the table of options");
}

static void example_files_load(void **state)
{
    (void)state;
    static const char *const launches[] = { "configs/run.toml", "configs/serve.toml", "configs/serve-demo.toml" };
    static const char *const topologies[] = { "isq.yml", "isq_and_device.yml", "isq_regex.yml" };
    static const char *const selectors[] = { "toml-selectors/plain.toml", "toml-selectors/gguf.toml",
                                             "toml-selectors/speculative.toml" };
    for (size_t i = 0; i < sizeof launches / sizeof *launches; i++) {
        char *path = source_path(launches[i]);
        bora_launch *l = bora_launch_load(path, &err);
        if (!l)
            fail_msg("%s", err.message);
        assert_null(bora_settings_warning(bora_launch_shared(l), 0));
        bora_launch_free(l);
        free(path);
    }
    for (size_t i = 0; i < sizeof selectors / sizeof *selectors; i++) {
        char *path = source_path(selectors[i]);
        bora_settings *s = bora_settings_new();
        if (!bora_settings_load_selector(s, path, &err))
            fail_msg("%s", err.message);
        bora_settings_free(s);
        free(path);
    }
    for (size_t i = 0; i < 3; i++) {
        char name[64];
        snprintf(name, sizeof name, "topologies/%s", topologies[i]);
        char *path = source_path(name);
        topology *t = topology_load(path, &err);
        if (!t)
            fail_msg("%s", err.message);
        topology_free(t);
        free(path);
    }
}

#define TEST(f) cmocka_unit_test_setup(f, reset)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(table_is_consistent),
        TEST(every_toml_key_resolves),
        TEST(values_are_read_in_every_form),
        TEST(defaults_come_without_being_set),
        TEST(positionals_and_the_end_of_options),
        TEST(command_line_errors_say_what_and_what_helps),
        TEST(options_exclude_each_other),
        TEST(what_is_not_there_is_refused_or_warned_of),
        TEST(settings_are_set_and_copied),
        TEST(launch_file_gives_shared_and_model_settings),
        TEST(launch_errors_have_file_line_and_nearest_key),
        TEST(launch_values_are_checked),
        TEST(launch_models_are_checked),
        TEST(selector_becomes_settings),
        TEST(selector_errors_say_where),
        TEST(missing_files_are_named),
        TEST(help_mentions_every_option_within_100_columns),
        TEST(examples_parse),
        TEST(reference_page_is_up_to_date),
        TEST(example_files_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
