/* The socket on which the server listens: an address, a path in the file system, or one that whoever started the
 * process has opened (LISTEN_FDS, as systemd does). */
#ifndef SERVE_SOCKETS_H
#define SERVE_SOCKETS_H

#include <stdbool.h>

#include <bora/error.h>

typedef struct listener {
    int fd; /* -1: none */
    int port;
    bool is_unix, inherited;
    bool reachable; /* from other machines */
    char text[160]; /* "127.0.0.1:1234", "[::1]:1234", "unix:/run/bora.sock" */
    char path[112]; /* of a socket that was made, to be removed; else "" */
} listener;

/* `host`: an address, a name or "unix:PATH". BORA_USAGE for a host that is none, BORA_IO for what cannot be had. */
bool listener_open(listener *l, const char *host, int port, bora_error *err);
/* Closes it (unless its fd is -1 by now) and removes its path. */
void listener_close(listener *l);

#endif
