/* What the HTTP server reads by hand: files of keys, Authorization, lengths of bodies, paths. The first byte chooses.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "serve/http_internal.h"

static void read_keys(const char *text, size_t len)
{
    bora_error err = { .code = BORA_OK };
    key_set *keys = keys_new();
    if (keys && keys_parse(keys, text, len, "keys", &err))
        for (size_t i = 0; i < keys_count(keys); i++)
            if (strlen(keys_name(keys, i)) == 0 || strlen(keys_name(keys, i)) >= KEY_NAME_BYTES)
                abort();
    if (keys)
        keys_find(keys, text, len);
    keys_free(keys);
}

static void read_bearer(const char *text)
{
    size_t len;
    const char *key = keys_bearer(text, &len);
    if (key && (len == 0 || key < text || key + len > text + strlen(text) || memchr(key, ' ', len)))
        abort();
}

/* Lines "name value" are headers. */
static void read_headers(char *text)
{
    request *r = calloc(1, sizeof *r);
    char *line, *rest = text;
    while (r && (line = strsep(&rest, "\n")) && r->n_headers < HTTP_HEADERS_MAX) {
        char *value = strchr(line, ' ');
        if (value)
            *value++ = '\0';
        r->headers[r->n_headers++] = (pair){ line, value ? value : "" };
    }
    if (r) {
        uint64_t length = request_content_length(r);
        bool has_length = request_header(r, "content-length"), has_coding = request_header(r, "transfer-encoding");
        if (!request_framing_error(r) && has_length && (has_coding || length == UINT64_MAX))
            abort();
    }
    free(r);
}

static void find_route(const char *path)
{
    static const http_route routes[] = {
        { .method = "GET", .path = "/a/{x}/b" },
        { .method = "POST", .path = "/a/{x}/{y}" },
        { .method = "GET", .path = "/a/{x}{rest...}" },
        { .method = "GET", .path = "/{rest...}" },
        { .method = NULL },
    };
    char allow[64];
    request *r = calloc(1, sizeof *r);
    if (!r)
        return;
    r->path = path;
    const http_route *route = route_find(routes, "GET", r, allow, sizeof allow);
    if (route && request_keep_parts(r))
        for (size_t i = 0; i < r->n_parts; i++)
            if (strlen(r->parts[i].value) == 0 || strlen(r->parts[i].value) > strlen(path))
                abort();
    free(r->parts_block);
    free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *text = malloc(size);
    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    switch (data[0] % 4) {
    case 0:
        read_keys(text, size - 1);
        break;
    case 1:
        read_bearer(text);
        break;
    case 2:
        read_headers(text);
        break;
    default:
        find_route(text);
    }
    free(text);
    return 0;
}
