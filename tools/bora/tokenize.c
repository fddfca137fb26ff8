/* bora tokenize: text to token ids. Ids stand on one line with spaces between them; with --pieces each stands on a line
 * of its own, a tab and the token as the vocabulary spells it behind it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bora/model.h>

#include "commands.h"
#include "json.h"
#include "text.h"

static const char *piece_of(const bora_tokenizer *tokenizer, int32_t id)
{
    const char *piece = bora_tokenizer_piece(tokenizer, id);
    return piece ? piece : "";
}

static void print_ids(const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        printf("%s%d", i ? " " : "", ids[i]);
    putchar('\n');
}

static void print_pieces(const bora_tokenizer *tokenizer, const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *piece = piece_of(tokenizer, ids[i]);
        printf("%d\t", ids[i]);
        text_show(stdout, piece, strlen(piece), 0);
        putchar('\n');
    }
}

static void print_json(const bora_tokenizer *tokenizer, const int32_t *ids, size_t n, bool pieces)
{
    json j = { .out = stdout };
    json_open(&j, NULL, '{');
    json_open_flat(&j, "ids", '[');
    for (size_t i = 0; i < n; i++)
        json_int(&j, NULL, ids[i]);
    json_close(&j, ']');
    if (pieces) {
        json_open_flat(&j, "pieces", '[');
        for (size_t i = 0; i < n; i++)
            json_string(&j, NULL, piece_of(tokenizer, ids[i]));
        json_close(&j, ']');
    }
    json_close(&j, '}');
}

static bool tokenize(const cli *c, const bora_tokenizer *tokenizer, const char *text, size_t len, bora_error *err)
{
    int32_t *ids = NULL;
    size_t n = 0;
    unsigned flags = BORA_ENCODE_PARSE_SPECIAL;
    if (!bora_settings_flag(c->settings, "no-special"))
        flags |= BORA_ENCODE_ADD_SPECIAL;
    if (!bora_tokenizer_encode(tokenizer, text, len, flags, &ids, &n, err))
        return false;
    bool pieces = bora_settings_flag(c->settings, "pieces");
    if (bora_settings_flag(c->settings, "json"))
        print_json(tokenizer, ids, n, pieces);
    else if (pieces)
        print_pieces(tokenizer, ids, n);
    else
        print_ids(ids, n);
    free(ids);
    return true;
}

bool command_tokenize(cli *c, bora_error *err)
{
    const char *text = bora_settings_string(c->settings, "text");
    bora_runtime *runtime = cli_runtime(c, NULL, err);
    bora_tokenizer *tokenizer = runtime ? bora_model_load_tokenizer(runtime, c->settings, err) : NULL;
    char *read = NULL;
    size_t len = 0;
    if (tokenizer && text)
        len = strlen(text);
    else if (tokenizer)
        text = read = cli_read_stdin(&len, err);
    bool ok = tokenizer && text && tokenize(c, tokenizer, text, len, err);
    free(read);
    bora_tokenizer_free(tokenizer);
    bora_runtime_free(runtime);
    return ok;
}
