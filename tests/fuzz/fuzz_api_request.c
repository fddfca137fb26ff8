/* Requests to the server: whatever the body holds, it is refused with a name, or what comes out is sound. The first
 * byte chooses the kind of request. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "messages.h"
#include "serve/api_request.h"

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void check(const api_request *r)
{
    bora_sampling s = api_request_sampling(r, bora_sampling_defaults());
    expect(bora_sampling_check(&s, NULL));
    expect(r->n >= 1 && r->n <= API_CHOICES_MAX && r->n_top >= 0 && r->n_top <= BORA_TOP_LOGPROBS_MAX);
    expect(isfinite(s.temperature) && s.n_logit_bias >= 0 && s.n_logit_bias <= API_BIASES_MAX);
    for (size_t i = 0; r->stop && r->stop[i]; i++)
        expect(i < API_STOPS_MAX && *r->stop[i] && strlen(r->stop[i]) <= API_STOP_BYTES_MAX);
}

static void check_inputs(const cJSON *value)
{
    size_t n = value ? api_n_inputs(value) : 0;
    for (size_t i = 0; i < n && i < 16; i++) {
        api_input in = api_input_at(value, i);
        expect((in.text != NULL) != (in.ids != NULL));
        api_error e = { 0 };
        size_t n_ids;
        free(in.ids ? api_ids(in.ids, 1000, "prompt", &n_ids, &e) : NULL);
    }
}

static void check_messages(const cJSON *messages, unsigned flags)
{
    message_style style = { .arguments_as_text = flags & 1, .content_as_parts = flags & 2, .no_null = flags & 4 };
    char place[MESSAGES_PLACE_BYTES] = "";
    bora_error err = { .code = BORA_OK };
    char *made = messages_normalize(messages, style, place, &err);
    expect(made || (err.code != BORA_OK && *place));
    cJSON *again = made ? cJSON_Parse(made) : NULL;
    expect(!made || again);
    cJSON_Delete(again);
    cJSON_free(made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t len = size - 1;
    char *body = malloc(len + 1);
    expect(body != NULL);
    memcpy(body, data + 1, len);
    body[len] = '\0';
    api_request r;
    api_error e = { 0 };
    if (api_request_read(&r, (api_kind)(data[0] % API_N_KINDS), body, len, &e)) {
        check(&r);
        check_inputs(r.prompt);
        check_inputs(r.input);
        if (r.messages)
            check_messages(r.messages, data[0] / API_N_KINDS);
    } else {
        expect(e.status >= 400 && *e.message);
    }
    api_request_free(&r);
    free(body);
    return 0;
}
