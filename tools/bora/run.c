/* bora run: one answer, the answers to a file of requests, or a chat.
 *
 * The prompt is what -i says, or all of standard input where that is not a terminal; with neither, and no --requests,
 * there is a chat. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "chat.h"
#include "commands.h"
#include "conversation.h"
#include "requests.h"
#include "shipped.h"

/* What is to be answered: a file of requests, or a prompt, or the person at the terminal. */
typedef struct input {
    FILE *requests;
    char *prompt;
    size_t len;
} input;

/* Standard input as a prompt. The line break that ends it is not part of it: `echo` and editors add one. */
static bool read_prompt(input *in, bora_error *err)
{
    in->prompt = cli_read_stdin(&in->len, err);
    if (in->prompt && in->len > 0 && in->prompt[in->len - 1] == '\n')
        in->prompt[--in->len] = '\0';
    if (in->prompt && in->len == 0) {
        free(in->prompt);
        in->prompt = NULL;
        return bora_fail(
            err, BORA_USAGE,
            "there is no prompt: standard input is empty and no terminal; say -i TEXT, or chat in a terminal");
    }
    return in->prompt != NULL;
}

static bool open_input(input *in, const bora_settings *settings, bora_error *err)
{
    const char *requests = bora_settings_string(settings, "requests");
    const char *given = bora_settings_string(settings, "prompt");
    *in = (input){ 0 };
    if (requests)
        return (in->requests = requests_open(requests, err)) != NULL;
    if (given) {
        in->len = strlen(given);
        return (in->prompt = strdup(given)) != NULL || bora_fail_memory(err, "a prompt");
    }
    return isatty(STDIN_FILENO) || read_prompt(in, err);
}

static void close_input(input *in)
{
    if (in->requests && in->requests != stdin)
        fclose(in->requests);
    free(in->prompt);
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

static bool answer_once(speaker *s, const bora_settings *settings, const input *in, bora_error *err)
{
    bora_answer answer;
    bool ok = bora_settings_flag(settings, "raw") ? speak(s, in->prompt, in->len, PROMPT_RAW, &answer, NULL, err)
                                                  : answer_chat_prompt(s, settings, in->prompt, in->len, &answer, err);
    if (ok && answer.finish == BORA_FINISH_CONTEXT)
        cli_log(s->cli, BORA_LOG_WARN, "the answer stops here: the context of %d tokens is full",
                bora_model_context_length(s->model));
    return ok;
}

bool run_model(cli *c, bora_runtime *runtime, const bora_settings *settings, bora_error *err)
{
    input in;
    bool ok = false;
    speaker s = { 0 };
    if (!open_input(&in, settings, err))
        return false;
    bora_model *model = bora_model_load(runtime, settings, err);
    if (!model)
        goto done;
    if (!bora_settings_flag(settings, "raw") && !bora_model_has_chat_template(model)) {
        bora_fail(err, BORA_NOT_FOUND,
                  "%s has no chat template; use --raw to complete text, or --chat-template FILE to give it one",
                  bora_model_name(model));
        goto done;
    }
    if (speaker_init(&s, c, model, settings, err))
        ok = in.requests ? requests_run(&s, settings, in.requests, err)
             : in.prompt ? answer_once(&s, settings, &in, err)
                         : chat_run(&s, settings, err);
done:
    speaker_free(&s);
    bora_model_free(model);
    close_input(&in);
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
