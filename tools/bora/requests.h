/* bora run --requests: a file of conversations, answered one after the other.
 *
 * The file holds JSON lines, each an object as a chat completion request has it: "messages", and as it likes "id",
 * "tools", "max_tokens", "temperature", "top_p", "top_k", "seed", "stop", "enable_thinking" (also inside
 * "chat_template_kwargs"), "model" (not looked at) and "stream" (not true). What a line does not say the settings do.
 * Every line gets one line of JSON on standard output, in the same order:
 *
 *     {"id": …, "content": "…", "finish_reason": "stop" or "length", "usage": {"prompt_tokens": …, "completion_tokens":
 * …}}
 *     {"id": …, "error": "FILE:LINE: what is wrong"} */
#ifndef REQUESTS_H
#define REQUESTS_H

#include <stdio.h>

#include "answer.h"

/* Opens the file, "-" for standard input. NULL with an error. */
FILE *requests_open(const char *path, bora_error *err);

/* Answers them all. False when one failed, which its line says, and when the file or standard output did. */
bool requests_run(speaker *s, const bora_settings *settings, FILE *file, bora_error *err);

#endif
