/* bora run: one answer, or a chat.
 *
 * The prompt is what -i says, or all of standard input where that is not a terminal; with neither there is a chat. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "chat.h"
#include "commands.h"
#include "conversation.h"
#include "shipped.h"

/* The one prompt, malloc'd, or NULL with *interactive. The line break that ends the input is not part of it: `echo` and
 * editors add one. */
static char *read_prompt(const bora_settings *settings, size_t *len, bool *interactive, bora_error *err)
{
    const char *given = bora_settings_string(settings, "prompt");
    *interactive = !given && isatty(STDIN_FILENO);
    if (*interactive)
        return NULL;
    if (given) {
        char *copy = strdup(given);
        *len = strlen(given);
        if (!copy)
            bora_fail_memory(err, "a prompt");
        return copy;
    }
    char *text = cli_read_stdin(len, err);
    if (text && *len > 0 && text[*len - 1] == '\n')
        text[--*len] = '\0';
    if (text && *len == 0) {
        bora_fail(err, BORA_USAGE,
                  "there is no prompt: standard input is empty and no terminal; say -i TEXT, or chat in a terminal");
        free(text);
        return NULL;
    }
    return text;
}

static bool answer_chat_prompt(speaker *s, const bora_settings *settings, const char *prompt, size_t len,
                               bora_answer *answer, bora_error *err)
{
    conversation talk = { 0 };
    const char *system = bora_settings_string(settings, "system");
    char *rendered = NULL;
    if ((!system || conversation_set_system(&talk, system, err)) && conversation_add(&talk, "user", prompt, len, err))
        rendered = conversation_render(&talk, s->model, s->thinking, err);
    bool ok = rendered && speak(s, rendered, strlen(rendered), PROMPT_RENDERED, answer, NULL, err);
    free(rendered);
    conversation_free(&talk);
    return ok;
}

static bool answer_once(speaker *s, const bora_settings *settings, const char *prompt, size_t len, bora_error *err)
{
    bora_answer answer;
    bool ok = bora_settings_flag(settings, "raw") ? speak(s, prompt, len, PROMPT_RAW, &answer, NULL, err)
                                                  : answer_chat_prompt(s, settings, prompt, len, &answer, err);
    if (ok && answer.finish == BORA_FINISH_CONTEXT)
        cli_log(s->cli, BORA_LOG_WARN, "the answer stops here: the context of %d tokens is full",
                bora_model_context_length(s->model));
    return ok;
}

bool run_model(cli *c, bora_runtime *runtime, const bora_settings *settings, bora_error *err)
{
    bool interactive, ok = false;
    size_t len = 0;
    speaker s = { 0 };
    bora_model *model = NULL;
    char *prompt = read_prompt(settings, &len, &interactive, err);
    if (!prompt && !interactive)
        return false;
    if (!(model = bora_model_load(runtime, settings, err)))
        goto done;
    if (!bora_settings_flag(settings, "raw") && !bora_model_has_chat_template(model)) {
        bora_fail(err, BORA_NOT_FOUND,
                  "%s has no chat template; use --raw to complete text, or --chat-template FILE to give it one",
                  bora_model_name(model));
        goto done;
    }
    if (speaker_init(&s, c, model, settings, err))
        ok = interactive ? chat_run(&s, settings, err) : answer_once(&s, settings, prompt, len, err);
done:
    speaker_free(&s);
    bora_model_free(model);
    free(prompt);
    return ok;
}

bool command_run(cli *c, bora_error *err)
{
    const char *kind = bora_settings_string(c->settings, "model-type");
    if (kind && strcmp(kind, "toml") == 0) {
        if (bora_settings_count(c->settings, "quantized-file") != 1)
            return bora_fail(err, BORA_USAGE, "`bora run toml` needs one selector file: -f FILE.toml");
        if (!bora_settings_load_selector(c->settings, bora_settings_item(c->settings, "quantized-file", 0), err) ||
            !shipped_resolve(c->settings, err))
            return false;
    }
    bool named =
        bora_settings_is_set(c->settings, "model-id") || bora_settings_count(c->settings, "quantized-file") > 0;
    if (!named && !shipped_offer(c->settings, err))
        return false;
    bora_runtime *runtime = cli_runtime(c, NULL, err);
    bool ok = runtime && run_model(c, runtime, c->settings, err);
    bora_runtime_free(runtime);
    return ok;
}
