/* A client that does what a test wants: bytes over a socket, and what came back. */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* Whatever a server may say here. */
typedef struct client_reply {
    int status; /* 0: nothing came */
    char *all;  /* head and body as they came, NUL-terminated */
    size_t len;
    const char *body; /* behind the head; "" */
    size_t body_len;
} client_reply;

static int client_connect(int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    struct timeval patience = { .tv_sec = 20 };
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static bool client_send_bytes(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static bool client_send(int fd, const char *text)
{
    return client_send_bytes(fd, text, strlen(text));
}

/* Reads until `wanted` came or the server closed. */
static client_reply client_read(int fd, const char *wanted)
{
    client_reply r = { .status = 0 };
    size_t capacity = 1 << 16;
    r.all = malloc(capacity);
    assert_non_null(r.all);
    r.all[0] = '\0';
    while (!wanted || !strstr(r.all, wanted)) {
        if (capacity - r.len < 4096) {
            r.all = realloc(r.all, capacity *= 2);
            assert_non_null(r.all);
        }
        ssize_t n = recv(fd, r.all + r.len, capacity - r.len - 1, 0);
        if (n <= 0)
            break;
        r.len += (size_t)n;
        r.all[r.len] = '\0';
    }
    sscanf(r.all, "HTTP/1.%*d %d", &r.status);
    const char *end = strstr(r.all, "\r\n\r\n");
    r.body = end ? end + 4 : "";
    r.body_len = end ? r.len - (size_t)(r.body - r.all) : 0;
    return r;
}

/* Sends a request (with Connection: close among its headers) and reads all that comes back. */
static client_reply client_ask(int port, const char *request)
{
    int fd = client_connect(port);
    client_send(fd, request);
    client_reply r = client_read(fd, NULL);
    close(fd);
    return r;
}

/* "GET /path HTTP/1.1" with Host, Connection: close and `headers` ("" or lines with their ends). */
static client_reply client_get(int port, const char *method_path, const char *headers)
{
    char request[2048];
    snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", method_path,
             headers);
    return client_ask(port, request);
}

static bool client_has(const client_reply *r, const char *text)
{
    return strstr(r->all, text) != NULL;
}

static void client_free(client_reply *r)
{
    free(r->all);
    r->all = NULL;
}

#endif
