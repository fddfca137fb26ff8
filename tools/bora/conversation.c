/* What was said so far: see conversation.h. */
#include "conversation.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "text.h"

bool conversation_set_system(conversation *c, const char *text, bora_error *err)
{
    char *copy = *text ? text_valid(text, strlen(text)) : NULL;
    if (*text && !copy)
        return bora_fail_memory(err, "a message");
    free(c->system);
    c->system = copy;
    return true;
}

bool conversation_add(conversation *c, const char *role, const char *text, size_t len, bora_error *err)
{
    if (c->n == c->cap) {
        size_t cap = c->cap ? 2 * c->cap : 16;
        turn *turns = cap <= SIZE_MAX / sizeof *turns ? realloc(c->turns, cap * sizeof *turns) : NULL;
        if (!turns)
            return bora_fail_memory(err, "a conversation");
        c->turns = turns;
        c->cap = cap;
    }
    char *content = text_valid(text, len);
    if (!content)
        return bora_fail_memory(err, "a message");
    c->turns[c->n++] = (turn){ .role = role, .content = content };
    return true;
}

void conversation_drop_last(conversation *c)
{
    if (c->n > 0)
        free(c->turns[--c->n].content);
}

void conversation_clear(conversation *c)
{
    while (c->n > 0)
        conversation_drop_last(c);
}

void conversation_free(conversation *c)
{
    conversation_clear(c);
    free(c->turns);
    free(c->system);
    *c = (conversation){ 0 };
}

static void put_message(json *j, const char *role, const char *content)
{
    json_open_flat(j, NULL, '{');
    json_string(j, "role", role);
    json_string(j, "content", content);
    json_close(j, '}');
}

char *conversation_render(const conversation *c, const bora_model *model, bora_thinking thinking, bora_error *err)
{
    char *messages = NULL;
    size_t len;
    json j = { .out = open_memstream(&messages, &len) };
    if (j.out) {
        json_open(&j, NULL, '[');
        if (c->system)
            put_message(&j, "system", c->system);
        for (size_t i = 0; i < c->n; i++)
            put_message(&j, c->turns[i].role, c->turns[i].content);
        json_close(&j, ']');
    }
    bool failed = !j.out || ferror(j.out);
    if (j.out && fclose(j.out) != 0)
        failed = true;
    char *prompt = NULL;
    if (failed)
        bora_fail_memory(err, "a conversation");
    else
        prompt = bora_model_render_chat(model, messages, NULL, true, thinking, err);
    free(messages);
    return prompt;
}
