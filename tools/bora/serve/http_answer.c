/* Answers on their way to libmicrohttpd: headers, and the pieces of a stream as it asks for them. */
#include <stdlib.h>
#include <string.h>

#include "serve/http_internal.h"

enum { STREAM_BLOCK_BYTES = 4096, SEND_BYTES_PER_S = 16 << 10 };

/* Called when the socket takes more. With nothing to say the connection is suspended: http_write() resumes it. */
static ssize_t next_piece(void *ctx, uint64_t position, char *out, size_t max)
{
    http_exchange *x = ctx;
    answer *a = &x->answer;
    ssize_t n = 0;
    (void)position;
    pthread_mutex_lock(&x->server->lock);
    size_t unsent = a->len - a->begin;
    if (!x->conn || x->conn->cut || x->server->closing) {
        n = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (unsent > 0) {
        size_t take = unsent < max ? unsent : max;
        memcpy(out, a->body + a->begin, take);
        a->begin += take;
        a->sent += take;
        a->moved_s = http_clock();
        n = (ssize_t)take;
    } else if (a->ended) {
        n = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        x->suspended = true;
        MHD_suspend_connection(x->conn->mhd);
    }
    pthread_mutex_unlock(&x->server->lock);
    return n;
}

static void stream_done(void *ctx)
{
    exchange_unref(ctx);
}

static void add_headers(http_exchange *x, struct MHD_Response *response)
{
    const answer *a = &x->answer;
    const char *origin = request_header(&x->request, "Origin");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (a->content_type)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, a->content_type);
    if (x->server->options.request_id_header)
        MHD_add_response_header(response, "x-request-id", x->id);
    if (x->allow_origin && origin) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, "Origin");
        MHD_add_response_header(response, "Access-Control-Expose-Headers",
                                "x-request-id, retry-after, x-ratelimit-limit-requests, "
                                "x-ratelimit-remaining-requests, x-ratelimit-reset-requests");
    }
    if (x->limits_known) {
        MHD_add_response_header(response, "x-ratelimit-limit-requests", x->limit_headers[0]);
        MHD_add_response_header(response, "x-ratelimit-remaining-requests", x->limit_headers[1]);
        MHD_add_response_header(response, "x-ratelimit-reset-requests", x->limit_headers[2]);
    }
    if (a->streams) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
        MHD_add_response_header(response, "X-Accel-Buffering", "no"); /* for proxies that would hold it back */
    }
    for (size_t i = 0; i < a->n_headers; i++) /* what cannot be a header (a line break in it) is left out */
        MHD_add_response_header(response, a->headers[i].name, a->headers[i].value);
    if (x->last)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

enum MHD_Result answer_queue(http_exchange *x, struct MHD_Connection *mhd)
{
    http_server *s = x->server;
    answer *a = &x->answer;
    struct MHD_Response *response;
    pthread_mutex_lock(&s->lock);
    bool streams = a->streams && !x->is_head; /* libmicrohttpd would send a last chunk after a head */
    x->last = x->last || s->draining;
    char *body = NULL;
    size_t len = 0;
    if (streams) {
        exchange_ref(x);
    } else { /* it is the response's from now on; whoever still writes to a HEAD is not in the way */
        body = a->body;
        len = a->len;
        a->sent = x->is_head ? 0 : len;
        a->body = NULL;
        a->len = a->begin = a->capacity = 0;
        if (x->conn)
            x->conn->deadline = http_clock() + s->options.send_s + (double)len / SEND_BYTES_PER_S;
    }
    pthread_mutex_unlock(&s->lock);
    if (streams) {
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, next_piece, x, stream_done);
        if (!response)
            exchange_unref(x);
    } else {
        response = MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE);
        if (!response)
            free(body);
    }
    if (!response)
        return MHD_NO;
    add_headers(x, response);
    enum MHD_Result ok = MHD_queue_response(mhd, (unsigned)a->status, response);
    x->queued = ok == MHD_YES;
    MHD_destroy_response(response);
    return ok;
}
