/* Thinking is told apart from the answer the same way however the text is cut into pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/reasoning.h"

typedef struct heard {
    char thinking[256], answer[256];
    bool answered, mixed; /* the answer began; thinking came after that */
    int n, stop_after;    /* pieces; how many are wanted (0: all) */
} heard;

static bool hear(void *ctx, bool thinking, const char *text, size_t len)
{
    heard *h = ctx;
    char *to = thinking ? h->thinking : h->answer;
    size_t used = strlen(to);
    assert_true(len > 0 && used + len < sizeof h->thinking);
    memcpy(to + used, text, len);
    to[used + len] = '\0';
    h->mixed |= thinking && h->answered;
    h->answered |= !thinking;
    return ++h->n != h->stop_after;
}

static void push(reasoning *r, const char *text, size_t len)
{
    assert_true(reasoning_push(r, text, len, NULL));
}

/* Cut at two places. */
static void check_cut(const char *prompt, const char *said, size_t first, size_t second, const char *thinking,
                      const char *answer)
{
    heard h = { .n = 0 };
    reasoning r = { .give = hear, .ctx = &h };
    reasoning_follow(&r, prompt, strlen(prompt));
    push(&r, said, first);
    push(&r, said + first, second - first);
    push(&r, said + second, strlen(said) - second);
    reasoning_finish(&r);
    reasoning_finish(&r);
    reasoning_free(&r);
    if (strcmp(h.thinking, thinking) != 0 || strcmp(h.answer, answer) != 0 || h.mixed)
        fail_msg("\"%s\" cut at %zu and %zu: thinking \"%s\", answer \"%s\"", said, first, second, h.thinking,
                 h.answer);
}

static void check(const char *prompt, const char *said, const char *thinking, const char *answer)
{
    size_t len = strlen(said);
    for (size_t first = 0; first <= len; first++)
        for (size_t second = first; second <= len; second++)
            check_cut(prompt, said, first, second, thinking, answer);
    heard h = { .n = 0 };
    reasoning r = { .give = hear, .ctx = &h };
    reasoning_follow(&r, prompt, strlen(prompt));
    for (size_t i = 0; i < len; i++)
        push(&r, said + i, 1);
    reasoning_finish(&r);
    reasoning_free(&r);
    assert_string_equal(h.thinking, thinking);
    assert_string_equal(h.answer, answer);
}

static void thinking_stands_at_the_beginning(void **state)
{
    (void)state;
    check("", "<think>so</think>yes", "so", "yes");
    check("", "\n <think>\n\nso,\n\nso \n\n</think>\n\n yes\n", "so,\n\nso", "yes\n");
    check("", "<think>\n\n</think>\n\nyes", "", "yes");
    check("", "<think></think>", "", "");
    check("", "<think>so</think>\n", "so", "");
    check("", "<think>a < b </thin </think</think>c </think>", "a < b </thin </think", "c </think>");
    check("", "<think>a<think>b</think>c", "a<think>b", "c");
    check("", "[THINK]so </think>[/THINK]yes", "so </think>", "yes");
    check("", "◁think▷sø◁/think▷yes", "sø", "yes");
}

static void answers_may_speak_of_tags(void **state)
{
    (void)state;
    check("", "", "", "");
    check("", " \n", "", " \n");
    check("", "  yes <think>no</think>", "", "  yes <think>no</think>");
    check("", "<thin", "", "<thin");
    check("", "<thing>", "", "<thing>");
    check("", "[1, 2]", "", "[1, 2]");
    check("", "</think>yes", "", "</think>yes");
}

static void prompts_may_open_the_tag(void **state)
{
    (void)state;
    check("user\nassistant\n<think>\n", "so\n</think>\n\nyes", "so", "yes");
    check("<think>", "\n\n</think>yes", "", "yes");
    check("<think>", "<think>\nso</think>yes", "so", "yes");
    check("<think>", "<b>so</b></think>yes", "<b>so</b>", "yes");
    check("[THINK]", "so[/THINK]yes", "so", "yes");
    check("<think>\n\n</think>\n\n", "yes", "", "yes");
    check("what does <think> mean", "yes", "", "yes");
}

static void thinking_may_not_end(void **state)
{
    (void)state;
    check("", "<think>so \n", "so", "");
    check("", "<think>so </thi", "so </thi", "");
    check("", "<think>", "", "");
    check("<think>\n", "so\n\n", "so", "");
}

/* A model that says in which channel it speaks. */
static const bora_thinking_tags channels[] = {
    { "<|channel|>analysis<|message|>", "<|end|>",
      (const char *const[]){ "<|start|>assistant", "<|channel|>final<|message|>", NULL } },
    { 0 },
};

static void check_own(const char *said, const char *thinking, const char *answer)
{
    for (size_t cut = 0; cut <= strlen(said); cut++) {
        heard h = { .n = 0 };
        reasoning r = { .give = hear, .ctx = &h, .own = channels };
        push(&r, said, cut);
        push(&r, said + cut, strlen(said) - cut);
        reasoning_finish(&r);
        reasoning_free(&r);
        assert_string_equal(h.thinking, thinking);
        assert_string_equal(h.answer, answer);
    }
}

static void models_may_have_tags_of_their_own(void **state)
{
    (void)state;
    check_own("<|channel|>analysis<|message|>so<|end|><|start|>assistant<|channel|>final<|message|>yes", "so", "yes");
    check_own("<|channel|>final<|message|>yes <|end|>", "", "yes <|end|>");
    check_own("<|channel|>analysis<|message|>so<|end|>\n<|start|>assistant<|channel|>commentary to=f<|message|>{}",
              "so", "<|channel|>commentary to=f<|message|>{}");
    check_own("<|channel|>analysis<|message|>so<|end|><|start|>", "so", "<|start|>");
    check_own("<|chan", "", "<|chan");
    check_own("<think>so</think>yes", "so", "yes");
    assert_true(reasoning_is_tag(channels, "<|message|>") && reasoning_is_tag(channels, "</think>"));
    assert_false(reasoning_is_tag(channels, "<|call|>") || reasoning_is_tag(NULL, "<|message|>"));
}

static void text_is_not_held_without_need(void **state)
{
    (void)state;
    heard h = { .n = 0 };
    reasoning r = { .give = hear, .ctx = &h };
    push(&r, "<think> so", 10);
    assert_string_equal(h.thinking, "so");
    push(&r, " <", 2);
    assert_string_equal(h.thinking, "so");
    push(&r, "b", 1);
    assert_string_equal(h.thinking, "so <b");
    push(&r, "</think>\n\ny", 11);
    assert_string_equal(h.answer, "y");
    push(&r, "</", 2);
    assert_string_equal(h.answer, "y</");
    reasoning_free(&r);
}

static void who_has_enough_hears_no_more(void **state)
{
    (void)state;
    heard h = { .stop_after = 1 };
    reasoning r = { .give = hear, .ctx = &h };
    push(&r, "<think>so</think>yes", 20);
    assert_true(r.stopped);
    reasoning_finish(&r);
    assert_int_equal(h.n, 1);
    assert_string_equal(h.thinking, "so");
    reasoning_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thinking_stands_at_the_beginning),  cmocka_unit_test(answers_may_speak_of_tags),
        cmocka_unit_test(prompts_may_open_the_tag),          cmocka_unit_test(thinking_may_not_end),
        cmocka_unit_test(text_is_not_held_without_need),     cmocka_unit_test(who_has_enough_hears_no_more),
        cmocka_unit_test(models_may_have_tags_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
