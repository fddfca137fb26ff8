/* Declared architectures: what their equations call, and from whole files to graphs. */
#include "declared_files.h"
#include "source_path.h"

/* ---- an operation that has an argument of every kind ---- */

typedef struct all_attrs {
    bora_rope_attrs rope;
    int32_t count, direction;
    float factor;
    bool on;
    bora_activation_kind act;
} all_attrs;

static bool all_shape(bora_call *call, bora_error *why)
{
    (void)why;
    call->output.rows = call->inputs[0].rows;
    call->output.width = call->inputs[0].width;
    return true;
}

static bool no_reference(const bora_call *call, bora_error *why)
{
    (void)call;
    return bora_fail(why, BORA_INTERNAL, "is only built");
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

static int open_runtime_with_operations(void **state)
{
    return open_runtime(state) == 0 && registry_add(runtime, "(test)", NULL, NULL, &test_plugin, NULL) ? 0 : -1;
}

/* ---- calls ---- */

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(calls_are_checked, reset),
        cmocka_unit_test_setup(arguments_of_every_kind_reach_the_operation, reset),
        cmocka_unit_test_setup(tables_of_arguments_are_checked_when_they_are_offered, reset),
        cmocka_unit_test_setup(layers_are_repeated_in_their_scopes, reset),
        cmocka_unit_test_setup(configs_that_lie_are_refused, reset),
        cmocka_unit_test_setup(a_file_says_what_it_lacks, reset),
        cmocka_unit_test_setup(the_files_that_bora_brings_are_read, reset),
    };
    return cmocka_run_group_tests(tests, open_runtime_with_operations, close_runtime);
}
