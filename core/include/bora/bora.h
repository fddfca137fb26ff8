/* All of bora, for programs that embed it:
 *
 *     bora_error err = { .code = BORA_OK };
 *     bora_runtime *rt = bora_runtime_new(NULL, &err);
 *     bora_settings *settings = bora_settings_new();
 *     bora_settings_set(settings, "model-id", "models/demo", NULL, &err);
 *     bora_model *model = bora_model_load(rt, settings, &err);
 *     bora_session *session = bora_session_new(model, &err);
 *     … bora_model_encode(), bora_generate() …
 */
#ifndef BORA_BORA_H
#define BORA_BORA_H

#include <bora/engine.h>
#include <bora/threads.h>

#endif
