/* The commands of the chat, each a line of the table at the foot. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat.h"

static void do_help(chat *t, const char *argument);

static void do_exit(chat *t, const char *argument)
{
    (void)argument;
    t->over = true;
}

static void do_system(chat *t, const char *argument)
{
    bora_error err = { .code = BORA_OK };
    if (t->raw)
        chat_say(t, "there is no system message with --raw");
    else if (!conversation_set_system(&t->talk, argument, &err))
        chat_say(t, "%s", err.message);
    else
        chat_say(t, *argument ? "the system message is set" : "there is no system message now");
}

static void do_clear(chat *t, const char *argument)
{
    (void)argument;
    conversation_clear(&t->talk);
    chat_say(t, t->talk.system ? "forgotten; the system message stays" : "forgotten");
}

/* Reads a number that is all of the argument. */
static bool read_number(const char *text, double *number)
{
    char *end;
    errno = 0;
    *number = strtod(text, &end);
    return end != text && !*end && errno == 0 && isfinite(*number);
}

/* Without an argument says the value, else sets it. */
static void set_float(chat *t, const char *name, const char *argument, double max, float *value)
{
    double number;
    if (*argument && (!read_number(argument, &number) || number < 0 || number > max)) {
        chat_say(t, "\\%s takes a number from 0 to %g, not \"%s\"", name, max, argument);
        return;
    }
    if (*argument)
        *value = (float)number;
    chat_say(t, "%s is %g", name, (double)*value);
}

static void do_temperature(chat *t, const char *argument)
{
    set_float(t, "temperature", argument, 2, &t->speaker->sampling.temperature);
}

static void do_topp(chat *t, const char *argument)
{
    set_float(t, "topp", argument, 1, &t->speaker->sampling.top_p);
}

static void do_topk(chat *t, const char *argument)
{
    double number;
    if (*argument && (!read_number(argument, &number) || number < 1 || number > INT32_MAX || number != floor(number))) {
        chat_say(t, "\\topk takes a whole number above 0, not \"%s\"", argument);
        return;
    }
    if (*argument)
        t->speaker->sampling.top_k = (int32_t)number;
    if (t->speaker->sampling.top_k > 0)
        chat_say(t, "topk is %d", t->speaker->sampling.top_k);
    else
        chat_say(t, "topk is off");
}

/* Whether the model's template makes a difference between thinking and not. */
static bool can_choose_thinking(const bora_model *model)
{
    static const char ask[] = "[{\"role\":\"user\",\"content\":\"?\"}]";
    char *on = bora_model_render_chat(model, ask, NULL, true, BORA_THINKING_ON, NULL);
    char *off = bora_model_render_chat(model, ask, NULL, true, BORA_THINKING_OFF, NULL);
    bool differ = !on || !off || strcmp(on, off) != 0;
    free(on);
    free(off);
    return differ;
}

static void do_think(chat *t, const char *argument)
{
    bora_thinking *thinking = &t->speaker->thinking;
    bool on = strcmp(argument, "on") == 0, off = strcmp(argument, "off") == 0;
    if (*argument && !on && !off) {
        chat_say(t, "\\think takes on or off, not \"%s\"", argument);
        return;
    }
    if (on || off)
        *thinking = on ? BORA_THINKING_ON : BORA_THINKING_OFF;
    if (t->raw || !can_choose_thinking(t->speaker->model))
        chat_say(t, t->raw ? "there is no thinking with --raw"
                           : "the template of this model leaves no choice of thinking");
    else
        chat_say(t, *thinking == BORA_THINKING_ON    ? "thinking is on"
                    : *thinking == BORA_THINKING_OFF ? "thinking is off"
                                                     : "thinking is as the model's template has it");
}

static const struct command {
    const char *name, *argument, *help;
    void (*run)(chat *t, const char *argument);
} commands[] = {
    { "help", "", "this list", do_help },
    { "exit", "", "leave (as Ctrl-D does)", do_exit },
    { "system", "MESSAGE", "set the system message; without MESSAGE: remove it", do_system },
    { "clear", "", "forget what was said; the system message stays", do_clear },
    { "temperature", "X", "0 to 2: how bold the choice of words is", do_temperature },
    { "topk", "N", "above 0: choose among the N likeliest tokens", do_topk },
    { "topp", "X", "0 to 1: choose among the likeliest tokens that make up X of all", do_topp },
    { "think", "on|off", "whether the model thinks before it answers", do_think },
};

enum { N_COMMANDS = sizeof commands / sizeof *commands };

static void do_help(chat *t, const char *argument)
{
    (void)argument;
    for (size_t i = 0; i < N_COMMANDS; i++) {
        char usage[32];
        snprintf(usage, sizeof usage, "\\%s %s", commands[i].name, commands[i].argument);
        chat_say(t, "  %-16s  %s", usage, commands[i].help);
    }
    chat_say(t, "  %-16s  %s", "Enter", "send; after a \\, or with Alt, begin a new line instead");
    chat_say(t, "  %-16s  %s", "Ctrl-C", "clear the line, or stop the answer");
}

void chat_command(chat *t, const char *line)
{
    const char *name = line + 1;
    size_t len = strcspn(name, " \t\n");
    const char *from = name + len + strspn(name + len, " \t\n");
    char *argument = strdup(from);
    if (!argument) {
        chat_say(t, "out of memory");
        return;
    }
    for (size_t end = strlen(argument); end > 0 && strchr(" \t\n", argument[end - 1]);)
        argument[--end] = '\0';
    const struct command *found = NULL;
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strlen(commands[i].name) == len && memcmp(commands[i].name, name, len) == 0)
            found = &commands[i];
    if (!found)
        chat_say(t, "there is no command \\%.*s; \\help lists them; to say it to the model, begin with a space",
                 (int)(len < 40 ? len : 40), name);
    else if (*argument && !*found->argument)
        chat_say(t, "\\%s takes no argument", found->name);
    else
        found->run(t, argument);
    free(argument);
}
