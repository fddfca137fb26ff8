/* Any bytes as a tokenizer.json: refused, or it encodes and decodes without harm. */
#include <stdlib.h>
#include <string.h>

#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] =
        " Hello,  wörld!\r\n 123 你好 e\xcc\x81 \xf0\x9f\x98\x80 <s>a</s> don't \xff ▁x[MASK] aaaaaaaaab";
    bora_error err = { .code = BORA_OK };
    bora_tokenizer *t = tokenizer_from_json((const char *)data, size, "fuzz", &err);
    if (!t != (err.code != BORA_OK))
        abort();
    if (!t)
        return 0;
    for (unsigned flags = 0; flags < 4; flags++) {
        int32_t *ids;
        size_t n, total = 0;
        bora_error_clear(&err);
        if (bora_tokenizer_encode(t, text, sizeof text - 1, flags, &ids, &n, &err) != (err.code == BORA_OK))
            abort();
        bora_detokenizer *d = bora_detokenizer_new(t, flags & 1, NULL);
        for (size_t i = 0; d && i <= n; i++) {
            const char *part;
            size_t len;
            if (i < n && (ids[i] < 0 || ids[i] >= bora_tokenizer_n_tokens(t)))
                abort();
            if (!(i < n ? bora_detokenizer_push(d, ids[i], &part, &len, NULL)
                        : bora_detokenizer_finish(d, &part, &len, NULL)))
                break;
            if (!utf8_valid(part, len))
                abort();
            total += len;
        }
        if (total > (size_t)1 << 30)
            abort();
        bora_detokenizer_free(d);
        free(ids);
    }
    bora_tokenizer_free(t);
    return 0;
}
