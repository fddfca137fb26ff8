/* Text on its way from tokens to whoever asked: held back while it may be the beginning of a stop string; what is given
 * out goes to the caller as it is, and told apart by reasoning.h. */
#ifndef BORA_ENGINE_OUTLET_H
#define BORA_ENGINE_OUTLET_H

#include <bora/engine.h>

#include "engine/reasoning.h"

typedef struct outlet {
    const bora_request *request;
    const bora_tokenizer *tokenizer; /* NULL: nobody wants text */
    bora_detokenizer *detokenizer;
    reasoning reasoning;
    const bora_tool_syntax *tool_syntax; /* of the model, or NULL */
    buf held;                            /* not given out yet */
    bool stopped;                        /* a stop string came */
    bool cancelled;                      /* the caller wants no more */
} outlet;

/* `request` outlives the outlet. After an error there is still outlet_close() to call. */
bool outlet_open(outlet *o, const bora_model *model, const bora_request *request, bora_error *err);
/* One more token; look at `stopped` and `cancelled` afterwards. */
bool outlet_token(outlet *o, int32_t token, bora_error *err);
/* The answer has ended: gives what was held back. */
bool outlet_finish(outlet *o, bora_error *err);
void outlet_close(outlet *o);

#endif
