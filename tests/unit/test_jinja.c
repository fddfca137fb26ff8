/* core/text/jinja: every case of tests/fixtures/jinja/cases.json to the byte, limits, errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <bora/chat.h>

#include "base/buf.h"
#include "base/file.h"
#include "text/jinja/eval.h"

static void show(const char *label, const char *text, size_t len)
{
    fprintf(stderr, "  %s: ", label);
    fwrite(text, 1, len, stderr);
    fputc('\n', stderr);
}

/* The fixture has strings with NUL in them, so it is read as a template's context would be. */
static bool run_case(job *j, dict *file, dict *c)
{
    const value *name = jinja_dict_find(j, c, "name", 4), *expected = jinja_dict_find(j, c, "expected", 8);
    const value *message = jinja_dict_find(j, c, "message", 7), *number = jinja_dict_find(j, c, "template", 8);
    const value *templates = jinja_dict_find(j, file, "templates", 9), *now = jinja_dict_find(j, file, "now", 3);
    const value *contexts = jinja_dict_find(j, file, "contexts", 8), *which = jinja_dict_find(j, c, "context", 7);
    const str *source = templates->list->items[number->i].s;
    const value *context = jinja_dict_find(j, contexts->dict, which->s->data, which->s->len);
    char *json = strndup(context->s->data, context->s->len);
    bora_error err = { .code = BORA_OK };
    bora_render_limits limits = { .now = now->i };
    size_t len = 0;
    bora_chat_template *t = bora_chat_template_new(source->data, source->len, "case", &err);
    char *text = t ? bora_chat_template_render(t, json, &limits, &len, &err) : NULL;
    bool ok = expected ? text && len == expected->s->len && memcmp(text, expected->s->data, len) == 0
                       : !text && err.code != BORA_OK && err.code != BORA_INTERNAL;
    if (ok && message)
        ok = err.code == BORA_USAGE && strlen(err.message) == message->s->len &&
             memcmp(err.message, message->s->data, message->s->len) == 0;
    if (!ok) {
        show("case", name->s->data, name->s->len);
        if (expected)
            show("expected", expected->s->data, expected->s->len);
        text ? show("got", text, len) : show("error", err.message, strlen(err.message));
    }
    free(text);
    free(json);
    bora_chat_template_free(t);
    return ok;
}

static void all_cases_render_as_the_reference_does(void **state)
{
    (void)state;
    const char *fixtures = getenv("BORA_FIXTURES");
    char path[4096];
    snprintf(path, sizeof path, "%s/jinja/cases.json", fixtures ? fixtures : "tests/fixtures");
    bora_error err = { .code = BORA_OK };
    size_t len;
    char *json = file_read(path, 64 << 20, &len, &err);
    assert_non_null(json);
    job j = {
        .name = path, .err = &err, .max_memory = SIZE_MAX / 2, .max_steps = SIZE_MAX / 2, .max_output = SIZE_MAX / 2
    };
    value file;
    assert_true(jinja_read_json(&j, json, len, &file));
    const value *cases = jinja_dict_find(&j, file.dict, "cases", 5);
    size_t failed = 0;
    assert_true(cases->list->n > 700);
    for (size_t i = 0; i < cases->list->n; i++)
        failed += !run_case(&j, file.dict, cases->list->items[i].dict);
    assert_int_equal(failed, 0);
    jinja_job_free(&j);
    free(json);
}

static bora_code render_code(const char *source, const char *context, const bora_render_limits *limits, bora_error *err)
{
    bora_error_clear(err);
    bora_chat_template *t = bora_chat_template_new(source, strlen(source), "t", err);
    char *text = t ? bora_chat_template_render(t, context, limits, NULL, err) : NULL;
    assert_int_equal(text == NULL, err->code != BORA_OK);
    free(text);
    bora_chat_template_free(t);
    return err->code;
}

static void errors_name_template_and_line(void **state)
{
    (void)state;
    bora_error err;
    assert_int_equal(render_code("a\n{{ b.c }}", "{}", NULL, &err), BORA_FORMAT);
    assert_string_equal(err.message, "t:2: 'b' is undefined");
    assert_int_equal(render_code("a\n\n{% if x %}", "{}", NULL, &err), BORA_FORMAT);
    assert_string_equal(err.message, "t:3: the template ends, expected '{% elif %}'");
    assert_int_equal(render_code("{% macro m(a) %}\n{{ a + 1 }}\n{% endmacro %}\n\n{{ m('x') }}", "{}", NULL, &err),
                     BORA_FORMAT);
    assert_string_equal(err.message, "t:2: unsupported operand types for +: 'str' and 'int'");
    assert_int_equal(render_code("\n{{ raise_exception('no\nway') }}", "{}", NULL, &err), BORA_USAGE);
    assert_string_equal(err.message, "no way");
    assert_int_equal(render_code("{% include 'x' %}", "{}", NULL, &err), BORA_UNSUPPORTED);
    assert_int_equal(render_code("{{ 9223372036854775807 + 1 }}", "{}", NULL, &err), BORA_UNSUPPORTED);
    assert_int_equal(render_code("x", "[1]", NULL, &err), BORA_USAGE);
    assert_int_equal(render_code("x", "{\"a\":\n 01}", NULL, &err), BORA_FORMAT);
    assert_string_equal(err.message, "context:2:4: not valid JSON: bad number");
    assert_int_equal(render_code("x", "{\"a\": \"\xff\"}", NULL, &err), BORA_FORMAT);
    assert_int_equal(render_code("\xc3(", "{}", NULL, &err), BORA_FORMAT);
    assert_null(bora_chat_template_new("{{", 2, "t", NULL));
    bora_chat_template_free(NULL);
}

/* Each of these would take for ever, or all memory. */
static void hostile_templates_hit_a_limit(void **state)
{
    (void)state;
    static const char *const hostile[] = {
        "{{ 'a' * 10**9 }}",
        "{{ 'ab' * 9223372036854775807 }}",
        "{{ [1] * 10**12 }}",
        "{{ range(10**12)|list }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% "
        "endfor "
        "%}",
        "{% set n = namespace(s='ab') %}{% for i in range(99999) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
        "{% set n = namespace(s='') %}{% for i in range(99999) %}{% set n.s = n.s ~ 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' "
        "%}{% endfor %}",
        "{% set n = namespace(l=[1]) %}{% for i in range(60) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l }}",
        "{% set n = namespace(l=[1]) %}{% for i in range(60) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l == n.l }}"
        "{% set m = n.l + [] %}{{ m == n.l }}",
        "{% set n = namespace(l=[1]) %}{% for i in range(60) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l|tojson }}",
        "{% set n = namespace(l=[1]) %}{% for i in range(9999) %}{% set n.l = [n.l] %}{% endfor %}{{ n.l }}",
        "{% set n = namespace(l=(1,)) %}{% for i in range(9999) %}{% set n.l = (n.l,) %}{% endfor %}{{ {n.l: 1} }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{{ ('a' * 100000)|join('b' * 100000) }}",
        "{{ ('a' * 60000).replace('', 'b' * 60000) }}",
        "{% set end = 'a' * 60000 ~ 'b' %}{% set s = end ~ 'a' * 500000 %}"
        "{% for i in range(9999) %}{{ s.rfind(end) }}{{ s.rsplit(end) }}{% endfor %}",
        "{{ '%99999999999d' % 1 }}",
        "{{ '{:99999999999}'.format(1) }}",
        "{{ '%*d' % (10**9, 1) }}",
        "{{ 'x'|center(10**12) }}",
        "{{ 'x'.zfill(10**12) }}",
        "{{ '\t'.expandtabs(10**12) }}",
        "{{ 'a\nb'|indent(10**12) }}",
        "{{ [1]|batch(10**12, 'x')|list }}",
        "{{ [1]|slice(10**12)|list }}",
        "{{ [[1]]|tojson(indent=10**12) }}",
        "{{ range(99999)|sort(attribute='a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a') }}{{ range(99999)|join(range(99999)|join) "
        "}}",
    };
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        bora_error err;
        bora_render_limits limits = { .max_steps = 3000000, .max_memory_bytes = 64 << 20, .max_output_bytes = 8 << 20 };
        bora_code code = render_code(hostile[i], "{}", &limits, &err);
        if (code != BORA_LIMIT)
            fprintf(stderr, "%s: %s\n", hostile[i], err.message);
        assert_int_equal(code, BORA_LIMIT);
    }
}

static char *repeat(const char *a, size_t n, const char *middle, const char *b)
{
    buf out = { 0 };
    for (size_t i = 0; i < n; i++)
        buf_puts(&out, a);
    buf_puts(&out, middle);
    for (size_t i = 0; i < n; i++)
        buf_puts(&out, b);
    return buf_take(&out);
}

static void deep_templates_are_refused(void **state)
{
    (void)state;
    static const char *const parts[][3] = {
        { "(", "1", ")" },   { "[", "1", "]" },     { "{1:", "1", "}" }, { "-", "1", "" },
        { "not ", "1", "" }, { "x[", "1", "]" },    { "f(", "1", ")" },  { "1 if 1 else ", "1", "" },
        { "1+", "1", "" },   { "", "x", "|upper" }, { "", "x", ".a" },   { "", "x", " is defined and x" },
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char *inner = repeat(parts[i][0], 100000, parts[i][1], parts[i][2]);
        buf source = { 0 };
        buf_printf(&source, "{{ %s }}", inner);
        bora_error err;
        assert_int_equal(render_code(buf_text(&source), "{}", NULL, &err), BORA_LIMIT);
        free(inner);
        buf_free(&source);
    }
    static const char *const tags[][2] = {
        { "{% if 1 %}", "{% endif %}" },
        { "{% for x in y %}", "{% endfor %}" },
        { "{% set x %}", "{% endset %}" },
        { "{% macro m() %}", "{% endmacro %}" },
    };
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        char *source = repeat(tags[i][0], 20000, "x", tags[i][1]);
        bora_error err;
        assert_int_equal(render_code(source, "{}", NULL, &err), BORA_LIMIT);
        free(source);
    }
    char *json = repeat("[", 100000, "1", "]");
    buf context = { 0 };
    buf_printf(&context, "{\"a\": %s}", json);
    bora_error err;
    assert_int_equal(render_code("x", buf_text(&context), NULL, &err), BORA_LIMIT);
    free(json);
    buf_free(&context);
}

/* What a long but honest conversation needs stays within the default limits. */
static void long_conversations_render(void **state)
{
    (void)state;
    static const char source[] = "{%- set ns = namespace(all='') %}{% for m in messages %}"
                                 "{{- '<|' ~ m.role ~ '|>' ~ m.content.strip() ~ '\\n' }}{% endfor %}{{ ns.all }}";
    buf context = { 0 };
    buf_puts(&context, "{\"messages\": [");
    for (int i = 0; i < 20000; i++)
        buf_printf(&context, "%s{\"role\": \"user\", \"content\": \" number %d of many \\u00e9 \"}", i ? ", " : "", i);
    buf_puts(&context, "]}");
    bora_error err = { .code = BORA_OK };
    size_t len = 0;
    bora_chat_template *t = bora_chat_template_new(source, sizeof source - 1, "t", &err);
    char *text = bora_chat_template_render(t, buf_text(&context), NULL, &len, &err);
    assert_non_null(text);
    static const char begin[] = "<|user|>number 0 of many \xc3\xa9\n<|user|>number 1 ";
    assert_memory_equal(text, begin, sizeof begin - 1);
    assert_int_equal(len, strlen(text));
    free(text);
    buf_free(&context);
    bora_chat_template_free(t);
}

int main(void)
{
    setenv("TZ", "UTC", 1);
    tzset();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_cases_render_as_the_reference_does),
        cmocka_unit_test(errors_name_template_and_line),
        cmocka_unit_test(hostile_templates_hit_a_limit),
        cmocka_unit_test(deep_templates_are_refused),
        cmocka_unit_test(long_conversations_render),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
