/* A request, copied out of libmicrohttpd. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "serve/http_internal.h"

typedef struct copying {
    size_t bytes; /* that all texts need */
    char *at;     /* where the next one goes; NULL while they are counted */
    pair *pairs;
    size_t n;
    bool overflow;
} copying;

static const char *put(copying *c, const char *text)
{
    size_t len = strlen(text) + 1;
    char *at = c->at;
    c->bytes += len;
    if (!at)
        return NULL;
    memcpy(at, text, len);
    c->at += len;
    return at;
}

static enum MHD_Result on_pair(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
    copying *c = ctx;
    (void)kind;
    if (c->n >= HTTP_HEADERS_MAX) {
        c->overflow = true;
        return MHD_NO;
    }
    const char *n = put(c, name), *v = put(c, value ? value : "");
    if (c->pairs)
        c->pairs[c->n] = (pair){ n, v };
    c->n++;
    return MHD_YES;
}

static bool copy(request *r, struct MHD_Connection *mhd, const char *method, const char *url, copying *c)
{
    r->method = put(c, method);
    r->path = put(c, url);
    c->pairs = c->at ? r->headers : NULL;
    c->n = 0;
    MHD_get_connection_values(mhd, MHD_HEADER_KIND, on_pair, c);
    r->n_headers = c->n;
    c->pairs = c->at ? r->query : NULL;
    c->n = 0;
    MHD_get_connection_values(mhd, MHD_GET_ARGUMENT_KIND, on_pair, c);
    r->n_query = c->n;
    return !c->overflow;
}

bool request_copy(request *r, struct MHD_Connection *mhd, const char *method, const char *url)
{
    copying c = { .bytes = 0 };
    copy(r, mhd, method, url, &c);
    c.at = r->block = malloc(c.bytes);
    if (!r->block) {
        *r = (request){ .block = NULL };
        return false;
    }
    return copy(r, mhd, method, url, &c);
}

void request_free(request *r)
{
    free(r->block);
    free(r->parts_block);
    free(r->body);
}

const char *request_header(const request *r, const char *name)
{
    for (size_t i = 0; i < r->n_headers; i++)
        if (strcasecmp(r->headers[i].name, name) == 0)
            return r->headers[i].value;
    return NULL;
}

bool request_keep_parts(request *r)
{
    size_t bytes = 1;
    for (size_t i = 0; i < r->n_parts; i++)
        bytes += r->value_len[i] + 1;
    char *at = r->parts_block = calloc(1, bytes);
    for (size_t i = 0; at && i < r->n_parts; i++) {
        memcpy(at, r->parts[i].value, r->value_len[i]);
        r->parts[i].value = at;
        at += r->value_len[i] + 1;
    }
    return at;
}

static size_t count_headers(const request *r, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_headers; i++)
        n += strcasecmp(r->headers[i].name, name) == 0;
    return n;
}

uint64_t request_content_length(const request *r)
{
    const char *text = request_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
    uint64_t n = 0;
    if (!text || !*text)
        return UINT64_MAX;
    for (; *text; text++) {
        if (!isdigit((unsigned char)*text) || n > (UINT64_MAX - 9) / 10)
            return UINT64_MAX;
        n = 10 * n + (uint64_t)(*text - '0');
    }
    return n;
}

const char *request_framing_error(const request *r)
{
    const char *coding = request_header(r, MHD_HTTP_HEADER_TRANSFER_ENCODING);
    size_t n_lengths = count_headers(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (n_lengths > 1 || count_headers(r, MHD_HTTP_HEADER_TRANSFER_ENCODING) > 1)
        return "The length of the body is given twice.";
    if (n_lengths && coding)
        return "Content-Length and Transfer-Encoding exclude each other.";
    if (n_lengths && request_content_length(r) == UINT64_MAX)
        return "Content-Length is not a number.";
    if (coding && strcasecmp(coding, "chunked") != 0)
        return "Of transfer codings, only \"chunked\" is understood.";
    return NULL;
}

bool request_append(request *r, const char *data, size_t len)
{
    if (r->body_capacity - r->body_len <= len)
        return false;
    memcpy(r->body + r->body_len, data, len);
    r->body_len += len;
    r->body[r->body_len] = '\0';
    return true;
}
