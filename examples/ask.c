/* Asks a model one question, through libbora.
 *
 *     cc examples/ask.c -o ask $(pkg-config --cflags --libs bora)
 *     ./ask models/demo "What is the capital of France?" */
#include <bora/bora.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool print(void *ctx, const char *text, size_t len)
{
    (void)ctx;
    return fwrite(text, 1, len, stdout) == len;
}

/* The question as a prompt's tokens: a conversation of one message, in the model's own template. (A question with
 * quotes or line breaks would have to be escaped as JSON.) */
static bool make_prompt(const bora_model *model, const char *question, int32_t **tokens, size_t *n, bora_error *err)
{
    char messages[4096];
    snprintf(messages, sizeof messages, "[{\"role\": \"user\", \"content\": \"%s\"}]", question);
    char *text = bora_model_render_chat(model, messages, NULL, true, BORA_THINKING_UNSAID, err);
    bool ok = text && bora_model_encode(model, text, strlen(text), true, tokens, n, err);
    free(text);
    return ok;
}

int main(int argc, char *argv[])
{
    if (argc != 3) {
        fprintf(stderr, "usage: ask MODEL QUESTION\n");
        return 2;
    }
    bora_error err = { .code = BORA_OK };
    bora_settings *settings = bora_settings_new();
    bora_runtime *runtime = bora_runtime_new(NULL, &err);
    bora_model *model = NULL;
    bora_session *session = NULL;
    int32_t *tokens = NULL;
    size_t n = 0;
    if (settings && runtime && bora_settings_set(settings, "model-id", argv[1], NULL, &err))
        model = bora_model_load(runtime, settings, &err);
    if (model)
        session = bora_session_new(model, &err);
    bora_request request = { .sampling = bora_sampling_defaults(), .on_text = print };
    bora_answer answer;
    bool ok = session && make_prompt(model, argv[2], &tokens, &n, &err) &&
              bora_sampling_from_settings(settings, model, &request.sampling, &err);
    request.prompt = tokens;
    request.n_prompt = (int32_t)n;
    ok = ok && bora_generate(session, &request, &answer, &err);
    if (ok)
        putchar('\n');
    else
        fprintf(stderr, "ask: %s\n", err.message);
    free(tokens);
    bora_session_free(session);
    bora_model_free(model);
    bora_runtime_free(runtime);
    bora_settings_free(settings);
    return ok ? 0 : 1;
}
