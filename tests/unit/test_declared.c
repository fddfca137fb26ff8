/* Architectures that are declared in a file: the language, what it calls, and what its mistakes are told. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/declared.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "generated_page.h"
#include "graph/graph.h"
#include "plugin/runtime.h"
#include "source_path.h"

/* ---- a runtime with an operation that has an argument of every kind, and a checkpoint that has what one asks for ----
 */

typedef struct all_attrs {
    bora_rope_attrs rope;
    int32_t count, direction;
    float factor;
    bool on;
    bora_activation_kind act;
} all_attrs;

static bool all_shape(bora_call *call, bora_error *err)
{
    (void)err;
    call->output.rows = call->inputs[0].rows;
    call->output.width = call->inputs[0].width;
    return true;
}

static bool no_reference(const bora_call *call, bora_error *err)
{
    (void)call;
    return bora_fail(err, BORA_INTERNAL, "is only built");
}

static const char *const directions[] = { "up", "down", NULL };
static const bora_arg all_args[] = {
    { .name = "x", .kind = BORA_ARG_INPUT },
    { .name = "other", .kind = BORA_ARG_INPUT, .optional = true },
    { .name = "weight", .kind = BORA_ARG_WEIGHT },
    { .name = "bias", .kind = BORA_ARG_BIAS },
    { .name = "rope", .kind = BORA_ARG_ROPE, .optional = true },
    { .name = "count", .kind = BORA_ARG_INT, .offset = offsetof(all_attrs, count) },
    { .name = "direction",
      .kind = BORA_ARG_CHOICE,
      .optional = true,
      .offset = offsetof(all_attrs, direction),
      .fallback = 1,
      .choices = directions },
    { .name = "factor",
      .kind = BORA_ARG_FLOAT,
      .optional = true,
      .offset = offsetof(all_attrs, factor),
      .fallback = 0.5 },
    { .name = "on", .kind = BORA_ARG_FLAG, .optional = true, .offset = offsetof(all_attrs, on), .fallback = 1 },
    { .name = "act", .kind = BORA_ARG_ACTIVATION, .optional = true, .offset = offsetof(all_attrs, act) },
    { .name = "extra", .kind = BORA_ARG_WEIGHT, .optional = true },
    { .name = NULL },
};
static const bora_op all = {
    .name = "all", .args = all_args, .attrs_bytes = sizeof(all_attrs), .shape = all_shape, .reference = no_reference
};
static const bora_op unnamed = { .name = "unnamed", .shape = all_shape, .reference = no_reference };
static const bora_op *const ops[] = { &all, &unnamed, NULL };
static const bora_plugin test_plugin = { BORA_PLUGIN_ABI, .name = "test", .version = "1", .ops = ops };

static const bora_quant floats = { .name = "floats", .plain = true, .block_elems = 1, .block_bytes = 4 };
static const bora_tensor_info tensors[] = {
    { .name = "embed.weight", .quant = &floats, .n_dims = 2, .shape = { 10, 8 } },
    { .name = "up.weight", .quant = &floats, .n_dims = 2, .shape = { 8, 8 } },
    { .name = "up.bias", .quant = &floats, .n_dims = 1, .shape = { 8 } },
    { .name = "layers.0.norm.weight", .quant = &floats, .n_dims = 1, .shape = { 8 } },
    { .name = "layers.1.norm.weight", .quant = &floats, .n_dims = 1, .shape = { 8 } },
};

static const bora_tensor_info *find(void *ctx, const char *name)
{
    (void)ctx;
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
        if (strcmp(tensors[i].name, name) == 0)
            return &tensors[i];
    return NULL;
}

static bora_runtime *runtime;

static int open_runtime(void **state)
{
    (void)state;
    runtime = bora_runtime_new(&(bora_runtime_options){ .no_default_plugins = true }, NULL);
    return runtime && registry_add(runtime, "(test)", NULL, NULL, &test_plugin, NULL) ? 0 : -1;
}

static int close_runtime(void **state)
{
    (void)state;
    bora_runtime_free(runtime);
    return 0;
}

/* ---- helpers ---- */

static bora_error err;

static declared_arch *parse(const char *file)
{
    bora_error_clear(&err);
    return declared_parse(file, strlen(file), "t.toml", &err);
}

static void expect_message(const char *message)
{
    if (strcmp(err.message, message) != 0)
        fail_msg("expected: %s\nsaid:     %s", message, err.message);
}

static void expect_refused(const char *file, bora_code code, const char *message)
{
    assert_null(parse(file));
    expect_message(message);
    assert_int_equal(err.code, code);
}

/* The graph of a file on a config; NULL and `err`. */
static bora_graph *build(const char *file, const char *config, const char *container)
{
    declared_arch *d = parse(file);
    if (!d)
        return NULL;
    cJSON *params = json_parse(config, strlen(config), "config", NULL);
    assert_non_null(params);
    graph_source source = { .weight = find, .params = params, .params_name = "config.json", .container = container };
    bora_graph *g = graph_build(runtime, &d->arch, &source, &err);
    cJSON_Delete(params); /* a graph is built once, and keeps neither */
    declared_close(d);
    return g;
}

/* The file whose setup is `setup` (its equations begin on line 3), that has no layers and gives `x`. */
static char *with_setup(const char *setup)
{
    buf file = { 0 };
    buf_printf(&file,
               "name = \"t\"\n[graph]\nsetup = '''%s\n'''\nlayers = \"0\"\noutput = '''\n"
               "logits = linear(outputs(embed(\"embed\")), \"embed\")\n'''\n",
               setup);
    return buf_take(&file);
}

static void expect_built(const char *setup, const char *config)
{
    char *file = with_setup(setup);
    bora_graph *g = build(file, config, "safetensors");
    if (!g)
        fail_msg("%s\n%s", setup, err.message);
    graph_free(g);
    free(file);
}

/* `message` is what stands behind "architecture t: t.toml:". */
static void expect_failed(const char *setup, const char *config, const char *message)
{
    char *file = with_setup(setup), whole[600];
    bora_graph *g = build(file, config, "safetensors");
    if (g)
        fail_msg("was built: %s", setup);
    snprintf(whole, sizeof whole, "architecture t: t.toml:%s", message);
    expect_message(whole);
    free(file);
}

/* Every one of the conditions, with parameters of `config`, is true. */
static void expect_true(const char *const *conditions, const char *config)
{
    for (; *conditions; conditions++) {
        char setup[600];
        snprintf(setup, sizeof setup, "if not (%s)\nreject(\"is false\")\nend", *conditions);
        expect_built(setup, config);
    }
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* ---- the language ---- */

static void expressions_have_their_values(void **state)
{
    (void)state;
    expect_true(LIST("1 + 2 * 3 == 7", "(1 + 2) * 3 == 9", "7 - 2 - 1 == 4", "-2 * 3 == -6", "2 * -3 == -6",
                     "7 // 2 == 3", "-7 // 2 == -4", "-7 % 3 == 2", "7 % -3 == -2", "6 % 3 == 0", "6 / 4 == 1.5",
                     "1e3 == 1000", "2.5e-1 == 0.25", "1 < 2 and 2 <= 2 and 3 > 2 and 2 >= 2 and 1 != 2", "not 1 == 2",
                     "false or true and true", "not (false and reject(\"evaluated\"))", "true or reject(\"evaluated\")",
                     "not false and true", "\"a\" == \"a\" and \"a\" != \"b\"", "\"1\" != 1", "none == none",
                     "[] != none", "1 if true else reject(\"evaluated\")", "(reject(\"evaluated\") if 0 else 2) == 2",
                     "(1 if false else 2 if false else 3) == 3", "2 in [1, 2,]", "not 3 in [1, 2]", "not 3 in []",
                     "not 3 in none", "\"b\" in [\"a\", \"b\"]", "[1, [2, 3]][1][0] == 2", "len([1, 2, 3]) == 3",
                     "sqrt(9) == 3 and min(1, 2) == 1 and max(1, 2) == 2", "min(b=1, a=2) == 1"),
                "{}");
}

static void names_are_parameters_of_the_config(void **state)
{
    (void)state;
    expect_true(
        LIST("n == 3", "n ?? 5 == 3", "absent ?? 5 == 5", "null ?? absent ?? 6 == 6", "absent == none", "flag",
             "not absent", "text == \"gelu\"", "list[1] == \"b\" and len(list) == 3", "list[2] == none",
             "nested.x == 1.5", "nested.deep.y == 2", "nested.z == none", "nested != none", "n.x == none",
             "4 in numbers", "n + 1 ?? 9 == 4", "zero ?? 7 == 0", "\"{n}{text}_\" == \"3gelu_\"",
             "\"{n}\" == \"3\" and \"{half}\" == \"0.5\" and \"}\" == \"}\"", "gguf == false"),
        "{\"n\": 3, \"null\": null, \"flag\": true, \"text\": \"gelu\", \"list\": [\"a\", \"b\", null], \"zero\": 0, "
        "\"half\": 0.5, \"nested\": {\"x\": 1.5, \"deep\": {\"y\": 2}}, \"numbers\": [1, 4]}");
    /* What is assigned goes before the config. */
    expect_built("n = n + 1\nif n != 4\nreject(\"{n}\")\nend", "{\"n\": 3}");
}

static void blocks_choose(void **state)
{
    (void)state;
    static const char chain[] =
        "if n == 1 # one\n  a = \"one\"\nelse if n == 2\n\n  a = \"two\"\n  if deep\n    a = \"deep\"\n"
        "  end\nelse\n  a = \"many\"\nend\nif a != expected\nreject(\"{a}\")\nend";
    expect_built(chain, "{\"n\": 1, \"expected\": \"one\"}");
    expect_built(chain, "{\"n\": 2, \"expected\": \"two\"}");
    expect_built(chain, "{\"n\": 2, \"deep\": true, \"expected\": \"deep\"}");
    expect_built(chain, "{\"n\": 3, \"expected\": \"many\"}");
    expect_built("if true\nend", "{}");
    /* Lines go on within brackets, with comments between. */
    expect_built(
        "a = max( # first\n  1,\n\n  # second\n  b =\n 2\n)\nl = [\n 1,\n 2,\n]\nif a + len(l) != 4\nreject(\"\")\nend",
        "{}");
}

static void mistakes_say_file_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *setup, *message;
    } cases[] = {
        { "a = ", "t.toml:3: expected a value, found the end of the line" },
        { "\n\na = 1 +", "t.toml:5: expected a value, found the end of the line" },
        { "\na = 1 1", "t.toml:4: expected the end of the line, found \"1\"" },
        { "a = (1 + 2", "t.toml:4: expected \")\", found the end of the equations" },
        { "a = [1, 2", "t.toml:4: expected \"]\" or \",\", found the end of the equations" },
        { "a = f(1 2)", "t.toml:3: expected \")\" or \",\", found \"2\"" },
        { "a = f(1,, 2)", "t.toml:3: expected a value, found \",\"" },
        { "a = l[1", "t.toml:4: expected \"]\", found the end of the equations" },
        { "a = )", "t.toml:3: expected a value, found \")\"" },
        { "a = 1 if b", "t.toml:3: expected \"else\", found the end of the line" },
        { "if a b\nend", "t.toml:3: expected the end of the line, found \"b\"" },
        { "if\nend", "t.toml:3: expected a value, found the end of the line" },
        { "if a\nb = 1", "t.toml:5: expected \"end\", found the end of the equations" },
        { "if a\nelse\nelse\nend", "t.toml:5: expected \"end\", found \"else\"" },
        { "if a\nelse b\nend", "t.toml:4: expected the end of the line, found \"b\"" },
        { "if a\nend end", "t.toml:4: expected the end of the line, found \"end\"" },
        { "a = 1\nend", "t.toml:4: expected an equation, found \"end\"" },
        { "a = and", "t.toml:3: expected a value, found \"and\"" },
        { "in = 1", "t.toml:3: expected a value, found \"in\"" },
        { "a = --1", "t.toml:3: expected a value, found \"-\"" },
        { "1 + 2", "t.toml:3: this does nothing: expected NAME = … or a call" },
        { "a", "t.toml:3: this does nothing: expected NAME = … or a call" },
        { "a == 1", "t.toml:3: this does nothing: expected NAME = … or a call" },
        { "a.b = 1", "t.toml:3: \"a.b\" cannot be assigned to: a dot is for parameters" },
        { "a = \"open", "t.toml:3: a string without its closing quote" },
        { "a = 1x", "t.toml:3: \"1\" is no number" },
        { "a = 1.2.3", "t.toml:3: \"1.2.3\" is no number" },
        { "a = 1e", "t.toml:3: \"1e\" is no number" },
        { "a = 1e999", "t.toml:3: \"1e999\" is no number" },
        { "a = $", "t.toml:3: \"$\" has no meaning here" },
        { "a = 1 ! 2", "t.toml:3: \"!\" has no meaning here" },
        { "a = é", "t.toml:3: a character that has no meaning here" },
        { "a = f(x = 1, \"a\" = 2)", "t.toml:3: expected \")\" or \",\", found \"=\"" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *file = with_setup(cases[i].setup);
        expect_refused(file, BORA_FORMAT, cases[i].message);
        free(file);
    }
    /* The line of an equation, wherever its string begins. */
    expect_refused("name = \"t\"\n[graph]\noutput = 'a = $'\n", BORA_FORMAT, "t.toml:3: \"$\" has no meaning here");
    expect_refused("name = \"t\"\n[graph]\noutput = '''\na = $'''\n", BORA_FORMAT,
                   "t.toml:4: \"$\" has no meaning here");
    expect_refused("name = \"t\"\n[graph]\noutput = '''a = 1\nb = $'''\n", BORA_FORMAT,
                   "t.toml:4: \"$\" has no meaning here");
    expect_refused("name = \"t\"\n[graph]\nlayers = \"1 +\"\noutput = ''\n", BORA_FORMAT,
                   "t.toml:3: expected a value, found the end of the equations");
    expect_refused("name = \"t\"\n[graph]\nlayers = \"1 2\"\noutput = ''\n", BORA_FORMAT,
                   "t.toml:3: expected the end of the expression, found \"2\"");
}

/* `n` times `piece`, between two texts. */
static char *repeated(const char *before, const char *piece, int n, const char *after)
{
    buf text = { 0 };
    buf_puts(&text, before);
    for (int i = 0; i < n; i++)
        buf_puts(&text, piece);
    buf_puts(&text, after);
    return buf_take(&text);
}

static void expect_too_deep(const char *before, const char *piece, const char *after, const char *message)
{
    char *setup = repeated(before, piece, 100000, after), *file = with_setup(setup);
    assert_null(parse(file));
    assert_int_equal(err.code, BORA_LIMIT);
    if (!strstr(err.message, message))
        fail_msg("%s", err.message);
    free(file);
    free(setup);
}

static void what_nests_without_end_is_refused(void **state)
{
    (void)state;
    static const char nested[] = "nested more than 64 deep",
                      long_[] = "t.toml:3: more than 256 operators in one equation";
    expect_too_deep("a = ", "(", "", nested);
    expect_too_deep("a = ", "[", "", nested);
    expect_too_deep("a = ", "f(", "", nested);
    expect_too_deep("a = ", "not ", "1", nested);
    expect_too_deep("a = ", "1 if 1 else ", "1", nested);
    expect_too_deep("", "if 1\n", "", nested);
    expect_too_deep("if 1\n", "else if 1\n", "end", nested);
    expect_too_deep("a = 1", " + 1", "", long_);
    expect_too_deep("a = 1", " ?? 1", "", long_);
    expect_too_deep("a = l", "[0]", "", long_);
    /* Each equation has its own, and what is not too deep is walked through. */
    char *sum = repeated("", "a = 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1\n", 100, "");
    expect_built(sum, "{}");
    free(sum);
    char *open = repeated("a = ", "(1 + ", 60, "1"), *closed = repeated(open, ")", 60, "");
    expect_built(closed, "{}");
    free(open);
    free(closed);
    char *list = repeated("a = [", "1, ", 1000, "]\nif len(a) != 1000\nreject(\"\")\nend");
    expect_built(list, "{}");
    free(list);
}

/* ---- what goes wrong while a graph is built ---- */

static void values_that_do_not_fit_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *setup, *message;
    } cases[] = {
        { "a = b + 1", "3: + of none: config.json has no \"b\" and 1" },
        { "a = b\n\nc = a * 2", "5: * of none: config.json has no \"b\" and 2" },
        { "a = none - 1", "3: - of none and 1" },
        { "a = 1 / 0", "3: 1 / 0 is no number" },
        { "a = 1 // 0", "3: 1 // 0 is no number" },
        { "a = 5 % 0", "3: 5 % 0 is no number" },
        { "a = 1e300 * 1e300", "3: 1e+300 * 1e+300 is no number" },
        { "a = \"x\" + 1", "3: + of \"x\" and 1" },
        { "a = 1 < 2 < 3", "3: a comparison of true and 3" },
        { "a = -\"x\"", "3: minus \"x\"" },
        { "a = true + [1]", "3: + of true and a list" },
        { "if \"x\"\nend", "3: a condition is \"x\"" },
        { "a = 1 if [] else 2", "3: a condition is a list" },
        { "a = not \"x\"", "3: a condition is \"x\"" },
        { "a = true and \"x\"", "3: a condition is \"x\"" },
        { "a = 1 in 2", "3: what stands after \"in\" is 2" },
        { "a = [1, 2][2]", "3: item 2 of a list of 2" },
        { "a = [1, 2][-1]", "3: item -1 of a list of 2" },
        { "a = [1, 2][0.5]", "3: item 0.5 of a list of 2" },
        { "a = [1][\"x\"]", "3: item \"x\" of a list of 1" },
        { "a = b[0]", "3: an item of what is none: config.json has no \"b\"" },
        { "a = \"{b}\"", "3: {b} in a text is none: config.json has no \"b\"" },
        { "a = \"{b\"", "3: \"{\" without a name and \"}\" behind it" },
        { "a = \"{}\"", "3: \"{\" without a name and \"}\" behind it" },
        { "a = (1 +\n  2 +\n\"x\")", "4: + of 3 and \"x\"" },
        { "a = embed(\"embed\") - 1", "3: - of a node of the graph and 1" },
        { "a = embed(\"embed\") / 0", "3: / of a node of the graph and 0" },
        { "a = 1 / embed(\"embed\")", "3: / of 1 and a node of the graph" },
        { "a = embed(\"embed\") * 1e39", "3: * of a node of the graph and 1e+39" },
        { "a = embed(\"embed\")\nb = a + linear(a, \"absent\")", "4: the checkpoint has no tensor \"absent.weight\"" },
        { "reject(\"no {i} experts\")", "3: {i} in a text is none: config.json has no \"i\"" },
        { "n = 8\nif n > 4\n  reject(\"{n} is too many\")\nend", "5: 8 is too many" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_failed(cases[i].setup, "{}", cases[i].message);
    expect_failed("a = big", "{\"big\": 1e999}", "3: config.json: \"big\" is no finite number");
    expect_failed("a = table + 1", "{\"table\": {}}", "3: + of a table of parameters and 1");
    expect_failed("a = l[0][0]", "{\"l\": [[1]]}", "3: an item of what is a table of parameters");
}

static void calls_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *setup, *message;
    } cases[] = {
        { "a = sqr(4)", "3: there is no operation or function \"sqr\" (did you mean sqrt?)" },
        { "a = rmsnorm(4)", "3: there is no operation or function \"rmsnorm\" (did you mean rms_norm?)" },
        { "a = levitate(4)", "3: there is no operation or function \"levitate\"" },
        { "a = unnamed(4)", "3: the operation \"unnamed\" does not say how it is called by name" },
        { "a = sqrt()", "3: sqrt: x is missing" },
        { "a = sqrt(1, 2)", "3: sqrt: takes 1 arguments" },
        { "a = sqrt(1, x=2)", "3: sqrt: x is given twice" },
        { "a = rms_norm(esp=2)", "3: rms_norm: takes no \"esp\" (did you mean eps?)" },
        { "a = sqrt(number=2)", "3: sqrt: takes no \"number\"" },
        { "a = sqrt(b)", "3: sqrt: x must be given, is none: config.json has no \"b\"" },
        { "a = sqrt(-1)", "3: sqrt: x must be at least 0, is -1" },
        { "a = sqrt(\"1\")", "3: sqrt: x must be a number, is \"1\"" },
        { "a = len(1)", "3: len: list must be a list, is 1" },
        { "a = width(1)", "3: width: x must be a node of the graph, is 1" },
        { "a = has_weight(1)", "3: has_weight: name must be a text, is 1" },
        { "a = embed(1)", "3: embed: weight must be a text, is 1" },
        { "a = rope(embed(\"embed\"), 8)", "3: rope: rope must be what rope_params() gives, is 8" },
        { "a = rope_params(-1)", "3: rope_params: head_dim must be a whole number from 0 to 16777216, is -1" },
        { "a = rms_norm(embed(\"embed\"), \"layers.0.norm\")", "3: rms_norm: eps is missing" },
        { "a = rms_norm(embed(\"embed\"), \"layers.0.norm\", rms_norm_eps)",
          "3: rms_norm: eps must be given, is none: config.json has no \"rms_norm_eps\"" },
        { "a = rms_norm(embed(\"embed\"), \"layers.0.norm\", 1e39)", "3: rms_norm: eps must be a number, is 1e+39" },
        { "a = activation(embed(\"embed\"), \"swoosh\")",
          "3: activation: kind must be an activation that is known, is \"swoosh\"" },
        { "a = all(embed(\"embed\"), none, \"embed\", none, 1.5)",
          "3: all: count must be a whole number from 0 to 16777216, is 1.5" },
        { "a = all(embed(\"embed\"), weight=\"embed\", count=1, direction=\"left\")",
          "3: all: direction must be \"up\" or \"down\", is \"left\"" },
        { "a = all(embed(\"embed\"), weight=\"embed\", count=1, on=1)", "3: all: on must be true or false, is 1" },
        { "a = all(embed(\"embed\"), 3, \"embed\", count=1)", "3: all: other must be a node of the graph, is 3" },
        { "a = all(embed(\"embed\"), weight=\"embed\", count=1, rope=2)",
          "3: all: rope must be what rope_params() gives, is 2" },
        { "a = all(embed(\"embed\"), weight=\"absent\", count=1)",
          "3: the checkpoint has no tensor \"absent.weight\"" },
        { "a = all(embed(\"embed\"), weight=\"embed\", count=1, extra=\"absent\")",
          "3: the checkpoint has no tensor \"absent.weight\"" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_failed(cases[i].setup, "{}", cases[i].message);
}

static const bora_node *node_of(const bora_graph *g, const char *op, int skip)
{
    for (int i = 0; i < g->n_nodes; i++)
        if (strcmp(g->nodes[i]->call.op->name, op) == 0 && skip-- == 0)
            return g->nodes[i];
    fail_msg("there is no node %s", op);
    return NULL;
}

static void arguments_of_every_kind_reach_the_operation(void **state)
{
    (void)state;
    char *file = with_setup("x = embed(\"embed\")\n"
                            "a = all(x, x, \"up\", rope_params(8), 7, \"up\", 0.25, false, \"relu\", \"?absent\")\n"
                            "b = all(count=3, weight=\"layers.0.norm\", x=x, other=none, extra=\"embed\")");
    bora_graph *g = build(file, "{}", "safetensors");
    if (!g)
        fail_msg("%s", err.message);
    const bora_node *a = node_of(g, "all", 0), *b = node_of(g, "all", 1);
    const all_attrs *attrs = a->call.attrs;
    assert_string_equal(a->name, "up");
    assert_int_equal(a->call.n_inputs, 2);
    assert_ptr_equal(a->inputs[1], node_of(g, "embed", 0));
    assert_int_equal(a->call.n_weights, 3);
    assert_string_equal(a->weights[0]->name, "up.weight");
    assert_string_equal(a->weights[1]->name, "up.bias");
    assert_null(a->weights[2]);
    assert_int_equal(attrs->rope.head_dim, 8);
    assert_int_equal(attrs->count, 7);
    assert_int_equal(attrs->direction, 0);
    assert_true(attrs->factor == 0.25F);
    assert_false(attrs->on);
    assert_int_equal(attrs->act, BORA_RELU);
    /* What is left out: its fallback, or absent. */
    attrs = b->call.attrs;
    assert_int_equal(b->call.n_inputs, 1);
    assert_null(b->weights[1]);
    assert_string_equal(b->weights[2]->name, "embed.weight");
    assert_int_equal(attrs->rope.head_dim, 0);
    assert_int_equal(attrs->count, 3);
    assert_int_equal(attrs->direction, 1);
    assert_true(attrs->factor == 0.5F);
    assert_true(attrs->on);
    assert_int_equal(attrs->act, BORA_SILU);
    graph_free(g);
    free(file);
}

static void tables_of_arguments_are_checked_when_they_are_offered(void **state)
{
    (void)state;
    static const struct {
        bora_arg args[7];
        const char *message;
    } cases[] = {
        { { { .name = "n", .kind = BORA_ARG_INT, .offset = 6 } }, "whose argument \"n\" lies outside its attributes" },
        { { { .name = "r", .kind = BORA_ARG_ROPE } }, "whose argument \"r\" lies outside its attributes" },
        { { { .name = "c", .kind = BORA_ARG_CHOICE } }, "whose argument \"c\" has no choices, or no weight before it" },
        { { { .name = "b", .kind = BORA_ARG_BIAS } }, "whose argument \"b\" has no choices, or no weight before it" },
        { { { .name = "a", .kind = BORA_ARG_INPUT },
            { .name = "b", .kind = BORA_ARG_INPUT },
            { .name = "c", .kind = BORA_ARG_INPUT },
            { .name = "d", .kind = BORA_ARG_INPUT },
            { .name = "e", .kind = BORA_ARG_INPUT } },
          "with more than 4 inputs or 4 weights" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const bora_op op = {
            .name = "odd", .args = cases[i].args, .attrs_bytes = 8, .shape = all_shape, .reference = no_reference
        };
        const bora_plugin plugin = { BORA_PLUGIN_ABI, .name = "odd", .version = "1",
                                     .ops = (const bora_op *const[]){ &op, NULL } };
        bora_error_clear(&err);
        assert_false(registry_check(runtime, &plugin, &err));
        assert_non_null(strstr(err.message, cases[i].message));
    }
}

/* ---- whole files ---- */

static const char layered[] = "name = \"t\"\n"
                              "[graph]\n"
                              "setup = 'x = embed(\"embed\")'\n"
                              "scope = 'layers.{i}'\n"
                              "layer = '''\n"
                              "h = rms_norm(x, \"norm\", 1e-6)\n"
                              "x = x + h * 2 if i % 2 == 0 else x * h\n"
                              "'''\n"
                              "output = '''\n"
                              "logits = linear(outputs(x / 4), \"embed\")\n"
                              "if gguf\n"
                              "  logits = logits * 0.5\n"
                              "end\n"
                              "'''\n";

static void layers_are_repeated_in_their_scopes(void **state)
{
    (void)state;
    bora_graph *g = build(layered, "{\"num_hidden_layers\": 2}", "safetensors");
    if (!g)
        fail_msg("%s", err.message);
    static const char *const names[] = { "embed",        "layers.0.norm", "layers.0.scale",
                                         "layers.0.add", "layers.1.norm", "layers.1.mul",
                                         "scale",        "outputs",       "embed" };
    assert_int_equal(g->n_nodes, 9);
    for (int i = 0; i < g->n_nodes; i++)
        assert_string_equal(g->nodes[i]->name, names[i]);
    assert_int_equal(g->nodes[4]->layer, 1);
    assert_true(((const bora_scale_attrs *)g->nodes[2]->call.attrs)->factor == 2);
    assert_true(((const bora_scale_attrs *)g->nodes[6]->call.attrs)->factor == 0.25F);
    graph_free(g);

    g = build(layered, "{\"num_hidden_layers\": 2}", "gguf");
    assert_non_null(g);
    assert_int_equal(g->n_nodes, 10);
    graph_free(g);
    g = build(layered, "{\"num_hidden_layers\": 0}", "safetensors");
    assert_non_null(g);
    assert_int_equal(g->n_nodes, 4);
    graph_free(g);
}

static void configs_that_lie_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *config, *message;
    } cases[] = {
        { "{\"num_hidden_layers\": 3}", "t.toml:6: the checkpoint has no tensor \"layers.2.norm.weight\"" },
        { "{\"num_hidden_layers\": 1000000000000}",
          "t.toml:2: the number of layers must be a whole number up to 65536, is 1e+12" },
        { "{\"num_hidden_layers\": -1}", "t.toml:2: the number of layers must be a whole number up to 65536, is -1" },
        { "{\"num_hidden_layers\": 1.5}", "t.toml:2: the number of layers must be a whole number up to 65536, is 1.5" },
        { "{}", "t.toml:2: the number of layers must be a whole number up to 65536, is none: config.json has no "
                "\"num_hidden_layers\"" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char whole[400];
        snprintf(whole, sizeof whole, "architecture t: %s", cases[i].message);
        assert_null(build(layered, cases[i].config, "safetensors"));
        expect_message(whole);
    }
    static const char many[] =
        "name = \"t\"\n[graph]\nlayers = '60000'\nlayer = '''\na = 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9 "
        "+ 10 + 11 + 12\n'''\noutput = ''\n";
    assert_null(build(many, "{}", "safetensors"));
    expect_message("architecture t: t.toml:5: the equations take more than 1048576 steps");
    assert_int_equal(err.code, BORA_LIMIT);
}

static void a_file_says_what_it_lacks(void **state)
{
    (void)state;
    expect_refused("", BORA_FORMAT, "t.toml: \"name\" is missing: what --arch calls it");
    expect_refused("name = 3", BORA_FORMAT, "t.toml:1:1: must be a string");
    expect_refused("name = \"t\"", BORA_FORMAT,
                   "t.toml: [graph] with \"output\" is missing: the equations of the architecture");
    expect_refused("name = \"t\"\n[graph]\noutput = 3", BORA_FORMAT, "t.toml:3:1: must be a string");
    expect_refused("name = \"t\"\nmodel_type = []\n[graph]\noutput = ''", BORA_FORMAT,
                   "t.toml:2:1: there is no key \"model_type\" here (did you mean model_types?)");
    expect_refused("name = \"t\"\n[graph]\noutput = ''\nsetups = ''", BORA_FORMAT,
                   "t.toml:4:1: there is no key \"setups\" here (did you mean setup?)");
    expect_refused("name = \"t\"\narchitectures = \"X\"\n[graph]\noutput = ''", BORA_FORMAT,
                   "t.toml:2:1: must be an array of strings");
    expect_refused("name = \"t\"\narchitectures = [1]\n[graph]\noutput = ''", BORA_FORMAT,
                   "t.toml:2:18: must be a string");
    expect_refused("name = \"t\"\ngraph = 1", BORA_FORMAT, "t.toml:2:1: must be a table");
    expect_refused("name = \"t\"\n[gguf]\ninterleaved_rope = 1\n[graph]\noutput = ''", BORA_FORMAT,
                   "t.toml:3:1: must be true or false");
    expect_refused("name = \"t\"\n[gguf.weights]\na.b = \"c\"\n[graph]\noutput = ''", BORA_FORMAT,
                   "t.toml:3:1: must be a string (a name with dots stands in quotes)");
    expect_refused("name = ", BORA_FORMAT, "t.toml:1:8: a value is missing here: found the end of the file");
    assert_null(declared_open("/nowhere/t.toml", &(bora_error){ .code = BORA_OK }));

    static const char empty[] = "name = \"t\"\n[graph]\nlayers = '0'\noutput = ''";
    assert_null(build(empty, "{}", "safetensors"));
    expect_message(
        "architecture t: t.toml: after the last equation \"logits\" must be a node of the graph, is not there");
    static const char number[] = "name = \"t\"\n[graph]\nlayers = '0'\noutput = 'logits = 3'";
    assert_null(build(number, "{}", "safetensors"));
    expect_message("architecture t: t.toml: after the last equation \"logits\" must be a node of the graph, is 3");
    static const char all_rows[] = "name = \"t\"\n[graph]\nlayers = '0'\noutput = 'logits = embed(\"embed\")'";
    assert_null(build(all_rows, "{}", "safetensors"));
    assert_non_null(strstr(err.message, "outputs() is missing"));

    declared_arch *d =
        parse("name = \"t\"\nabout = \"A.\"\narchitectures = [\"X\", \"Y\"]\nmodel_types = [\"x\"]\n[gguf]\n"
              "architectures = [\"z\"]\ninterleaved_rope = true\n[gguf.weights]\n\"a.%d.b\" = \"c.%d\"\n"
              "[gguf.params]\np = \"%s.p\"\n[graph]\noutput = ''");
    assert_non_null(d);
    assert_string_equal(d->arch.name, "t");
    assert_string_equal(d->arch.about, "A.");
    assert_string_equal(d->arch.architectures[1], "Y");
    assert_null(d->arch.architectures[2]);
    assert_string_equal(d->arch.model_types[0], "x");
    assert_string_equal(d->arch.gguf_architectures[0], "z");
    assert_true(d->arch.gguf_interleaved_rope);
    assert_string_equal(d->arch.gguf_weights[0].name, "a.%d.b");
    assert_string_equal(d->arch.gguf_weights[0].stored, "c.%d");
    assert_null(d->arch.gguf_weights[1].name);
    assert_string_equal(d->arch.gguf_params[0].stored, "%s.p");
    declared_close(d);
}

/* ---- the pages ---- */

static void the_files_that_bora_brings_are_read(void **state)
{
    (void)state;
    char *path = source_path("configs/arch/llama.toml");
    declared_arch *d = declared_open(path, &err);
    if (!d)
        fail_msg("%s", err.message);
    assert_string_equal(d->plugin.name, "llama");
    declared_close(d);
    free(path);
}

static const char intro[] =
    "# What equations can call\n"
    "\n"
    "Made from the tables of arguments in `core/graph/ops/` and `core/arch/functions.c`; a test keeps it equal to "
    "them\n"
    "(`BORA_WRITE_REFERENCE=1 build/debug/tests/test_declared` writes it). How calls are written stands in\n"
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

static int reset(void **state)
{
    (void)state;
    bora_error_clear(&err);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(expressions_have_their_values, reset),
        cmocka_unit_test_setup(names_are_parameters_of_the_config, reset),
        cmocka_unit_test_setup(blocks_choose, reset),
        cmocka_unit_test_setup(mistakes_say_file_and_line, reset),
        cmocka_unit_test_setup(what_nests_without_end_is_refused, reset),
        cmocka_unit_test_setup(values_that_do_not_fit_are_named, reset),
        cmocka_unit_test_setup(calls_are_checked, reset),
        cmocka_unit_test_setup(arguments_of_every_kind_reach_the_operation, reset),
        cmocka_unit_test_setup(tables_of_arguments_are_checked_when_they_are_offered, reset),
        cmocka_unit_test_setup(layers_are_repeated_in_their_scopes, reset),
        cmocka_unit_test_setup(configs_that_lie_are_refused, reset),
        cmocka_unit_test_setup(a_file_says_what_it_lacks, reset),
        cmocka_unit_test_setup(the_files_that_bora_brings_are_read, reset),
        cmocka_unit_test_setup(the_page_of_operations_is_up_to_date, reset),
        cmocka_unit_test_setup(every_function_is_described, reset),
    };
    return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
