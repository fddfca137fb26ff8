/* The language of declared architectures: what equations give, how mistakes in them are told, and values that do not
 * fit while a graph is built. */
#include "declared_files.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(expressions_have_their_values, reset),
        cmocka_unit_test_setup(names_are_parameters_of_the_config, reset),
        cmocka_unit_test_setup(blocks_choose, reset),
        cmocka_unit_test_setup(mistakes_say_file_and_line, reset),
        cmocka_unit_test_setup(what_nests_without_end_is_refused, reset),
        cmocka_unit_test_setup(values_that_do_not_fit_are_named, reset),
    };
    return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
