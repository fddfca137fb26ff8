/* The interactive chat: lines from the terminal, answers to standard output, everything else to standard error.
 *
 * The whole conversation is rendered anew for each answer; the session finds by itself how much of it is in its cache.
 * What goes wrong with one answer (a context that is full, a template that objects) is said, and the chat goes on. */
#include "chat.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "editor.h"
#include "text.h"

/* A signal handler has no argument of its own: how often Ctrl-C was pressed during this answer. */
static volatile sig_atomic_t interrupts;

/* Ctrl-C stops the answer with its next token. A prompt that takes minutes to read gives none: the third one leaves. */
static void on_interrupt(int signal_number)
{
    if (++interrupts >= 3)
        _exit(128 + signal_number);
}

void chat_say(const chat *t, const char *fmt, ...)
{
    char line[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    const char *dim = t->speaker->cli->colour ? "\033[2m" : "", *plain = *dim ? "\033[0m" : "";
    fputs(dim, stderr);
    text_show(stderr, line, strlen(line), 0);
    fprintf(stderr, "%s\n", plain);
}

static void greet(const chat *t)
{
    bora_model *model = t->speaker->model;
    if (t->speaker->cli->level < BORA_LOG_INFO)
        return;
    chat_say(t, "%s (%s), context of %d tokens", bora_model_name(model), bora_model_arch(model),
             bora_model_context_length(model));
    chat_say(t, "\\help lists the commands, Ctrl-C stops an answer, Ctrl-D leaves");
}

/* Text that is not part of a conversation. */
static bool complete(chat *t, const char *line, bora_answer *answer, bora_error *err)
{
    return speak(t->speaker, line, strlen(line), PROMPT_RAW, answer, NULL, err);
}

/* The next turn of the conversation. One that failed, or was stopped before it said anything, did not happen. */
static bool reply(chat *t, const char *line, bora_answer *answer, bora_error *err)
{
    speaker *s = t->speaker;
    if (!conversation_add(&t->talk, "user", line, strlen(line), err))
        return false;
    char *said = NULL, *prompt = conversation_render(&t->talk, s->model, s->thinking, err);
    bool ok = prompt && speak(s, prompt, strlen(prompt), PROMPT_RENDERED, answer, &said, err);
    bool silent = ok && answer->finish == BORA_FINISH_CANCELLED && !*said;
    if (ok && !silent)
        ok = conversation_add(&t->talk, "assistant", said, strlen(said), err);
    if (!ok || silent)
        conversation_drop_last(&t->talk);
    else if (!*said)
        chat_say(t, answer->finish == BORA_FINISH_STOP ? "(no answer)" : "(no answer: the tokens were used up before)");
    free(prompt);
    free(said);
    return ok;
}

/* One line of the person. False when the chat cannot go on. */
static bool take_line(chat *t, const char *line, bora_error *err)
{
    bora_error problem = { .code = BORA_OK };
    bora_answer answer = { 0 };
    int32_t context = bora_model_context_length(t->speaker->model);
    bool ok = t->raw ? complete(t, line, &answer, &problem) : reply(t, line, &answer, &problem);
    if (ferror(stdout)) {
        *err = problem;
        return false;
    }
    const char *way_out = t->raw ? "" : "; \\clear starts over";
    if (ok && answer.finish == BORA_FINISH_CANCELLED)
        chat_say(t, "(stopped)");
    else if (ok && answer.finish == BORA_FINISH_CONTEXT)
        chat_say(t, "the context of %d tokens is full%s", context, way_out);
    else if (!ok && problem.code == BORA_LIMIT)
        chat_say(t, "%s%s", problem.message, way_out);
    else if (!ok)
        cli_log(t->speaker->cli, BORA_LOG_ERROR, "%s", problem.message);
    return true;
}

static bool read_lines(chat *t, editor *e, bora_error *err)
{
    while (!t->over) {
        interrupts = 0;
        const char *line = editor_read(e);
        if (!line)
            return true;
        if (line[strspn(line, " \t")] == '\0')
            continue;
        if (line[0] == '\\')
            chat_command(t, line);
        else if (!take_line(t, line, err))
            return false;
    }
    return true;
}

bool chat_run(speaker *s, const bora_settings *settings, bora_error *err)
{
    chat t = { .speaker = s, .raw = bora_settings_flag(settings, "raw") };
    const char *system = bora_settings_string(settings, "system");
    struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = SA_RESTART }, before;
    editor *e = editor_new(s->cli, ">", err);
    bool ok = e && (!system || conversation_set_system(&t.talk, system, err));
    if (ok) {
        s->interrupted = &interrupts;
        sigaction(SIGINT, &action, &before);
        greet(&t);
        ok = read_lines(&t, e, err);
        sigaction(SIGINT, &before, NULL);
        s->interrupted = NULL;
    }
    editor_free(e);
    conversation_free(&t.talk);
    return ok;
}
