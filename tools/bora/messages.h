/* Messages of a conversation, as clients write them, made into what a model's chat template reads. Clients all write
 * the same; templates were written for a library, where arguments of calls are objects, or text, or either. */
#ifndef MESSAGES_H
#define MESSAGES_H

#include <cjson/cJSON.h>

#include <bora/model.h>

/* What a chat template wants. */
typedef struct message_style {
    bool arguments_as_text; /* of calls: the JSON as text and not as an object */
    bool content_as_parts;  /* [{"type": "text", "text": …}] and never a text */
    bool no_null;           /* "" where a message has no content */
} message_style;

/* Finds it out by rendering small conversations. All false for a model without a template. */
message_style messages_style(const bora_model *model);

enum { MESSAGES_PLACE_BYTES = 96 };

/* Checks an array of messages and writes them for the template: malloc'd JSON, to be freed with cJSON_free(). What a
 * message holds besides role, content and tool_calls is kept. The role "developer" becomes "system".
 *
 * BORA_FORMAT, and BORA_UNSUPPORTED for what is not text, with a line that begins with the place; `place` gets that
 * ("messages[2].content"). */
char *messages_normalize(const cJSON *messages, message_style style, char place[MESSAGES_PLACE_BYTES], bora_error *err);

#endif
