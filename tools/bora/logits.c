/* bora logits: feeds tokens to a model and writes the logits after each of them as a NumPy file. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bora/engine.h>

#include "commands.h"
#include "npy.h"

/* A whole number, white space around it allowed. */
static bool parse_id(const char *text, int64_t *id)
{
    char *end;
    errno = 0;
    *id = strtoll(text, &end, 10);
    return end != text && errno == 0 && end[strspn(end, " \t\n")] == '\0';
}

/* --tokens: the ids, not yet held against a vocabulary. */
static bool read_ids(const bora_settings *settings, int32_t **ids, size_t *n, bora_error *err)
{
    *n = bora_settings_count(settings, "tokens");
    *ids = calloc(*n ? *n : 1, sizeof **ids);
    if (!*ids)
        return bora_fail_memory(err, "token ids");
    for (size_t i = 0; i < *n; i++) {
        const char *text = bora_settings_item(settings, "tokens", i);
        int64_t id;
        if (!parse_id(text, &id))
            return bora_fail(err, BORA_USAGE, "--tokens: \"%.40s\" is not a token id", text);
        if (id < 0 || id > INT32_MAX)
            return bora_fail(err, BORA_USAGE, "--tokens: there is no token %" PRId64, id);
        (*ids)[i] = (int32_t)id;
    }
    return true;
}

static bool encode(const bora_model *model, const bora_settings *settings, int32_t **ids, size_t *n, bora_error *err)
{
    const char *text = bora_settings_string(settings, "text");
    const bora_tokenizer *tokenizer = bora_model_tokenizer(model, err);
    unsigned flags = BORA_ENCODE_PARSE_SPECIAL;
    if (!bora_settings_flag(settings, "no-special"))
        flags |= BORA_ENCODE_ADD_SPECIAL;
    return tokenizer && bora_tokenizer_encode(tokenizer, text, strlen(text), flags, ids, n, err);
}

static bool check_ids(const bora_model *model, const int32_t *ids, size_t n, bora_error *err)
{
    int32_t n_vocab = bora_model_n_vocab(model), context = bora_model_context_length(model);
    if (n == 0)
        return bora_fail(err, BORA_USAGE, "there are no tokens to feed to the model: the text is empty");
    if (n > (size_t)context)
        return bora_fail(err, BORA_LIMIT, "%zu tokens do not fit the context of %d", n, context);
    for (size_t i = 0; i < n; i++)
        if (ids[i] >= n_vocab)
            return bora_fail(err, BORA_USAGE, "there is no token %d: the vocabulary has %d tokens, 0 to %d", ids[i],
                             n_vocab, n_vocab - 1);
    return true;
}

/* Reads the tokens and writes [n, n_vocab]. */
static bool write_logits(const cli *c, bora_model *model, const int32_t *ids, size_t n, bora_error *err)
{
    size_t n_vocab = (size_t)bora_model_n_vocab(model);
    float *logits = n_vocab <= SIZE_MAX / sizeof *logits / n ? malloc(n * n_vocab * sizeof *logits) : NULL;
    bora_session *session = logits ? bora_session_new(model, err) : NULL;
    int32_t chunk = (int32_t)bora_settings_int(c->settings, "chunk");
    if (!logits)
        bora_fail_memory(err, "the logits");
    bool ok = session && bora_session_eval(session, ids, (int32_t)n, chunk, true, logits, err) &&
              npy_write(bora_settings_string(c->settings, "output"), logits, (int64_t)n, (int64_t)n_vocab, err);
    bora_session_free(session);
    free(logits);
    return ok;
}

bool command_logits(cli *c, bora_error *err)
{
    int32_t *ids = NULL;
    size_t n = 0;
    bool from_text = bora_settings_is_set(c->settings, "text");
    if (strcmp(bora_settings_string(c->settings, "output"), "-") == 0 && c->stdout_terminal)
        return bora_fail(err, BORA_USAGE, "-o -: standard output is a terminal, and a .npy file is not text");
    bora_runtime *runtime = from_text || read_ids(c->settings, &ids, &n, err) ? cli_runtime(c, NULL, err) : NULL;
    bora_model *model = runtime ? bora_model_load(runtime, c->settings, err) : NULL;
    bool ok = model && (!from_text || encode(model, c->settings, &ids, &n, err)) && check_ids(model, ids, n, err) &&
              write_logits(c, model, ids, n, err);
    bora_model_free(model);
    bora_runtime_free(runtime);
    free(ids);
    return ok;
}
