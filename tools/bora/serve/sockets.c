/* The socket to listen on: see sockets.h. */
#include "serve/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024, FIRST_INHERITED = 3 };

static bool is_loopback(const struct sockaddr_storage *a)
{
    if (a->ss_family == AF_INET)
        return (ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24) == 127;
    return a->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}

/* What the socket is bound to: port, text, whether others reach it. */
static bool describe(listener *l, bora_error *err)
{
    struct sockaddr_storage a = { .ss_family = AF_UNSPEC };
    socklen_t len = sizeof a;
    char host[INET6_ADDRSTRLEN] = "";
    if (getsockname(l->fd, (struct sockaddr *)&a, &len) != 0)
        return bora_fail(err, BORA_IO, "the socket to listen on: %s", strerror(errno));
    if (a.ss_family == AF_UNIX) {
        const struct sockaddr_un *un = (const void *)&a;
        l->is_unix = true;
        snprintf(l->text, sizeof l->text, "unix:%.*s", (int)sizeof un->sun_path, un->sun_path);
    } else if (a.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)&a;
        l->port = ntohs(in->sin_port);
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(l->text, sizeof l->text, "%s:%d", host, l->port);
    } else if (a.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const void *)&a;
        l->port = ntohs(in->sin6_port);
        inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
        snprintf(l->text, sizeof l->text, "[%s]:%d", host, l->port);
    } else {
        return bora_fail(err, BORA_USAGE, "the socket to listen on is neither of the network nor of the file system");
    }
    l->reachable = !l->is_unix && !is_loopback(&a);
    return true;
}

/* ---- inherited */

static long number_in(const char *name)
{
    const char *text = getenv(name);
    char *end;
    long n = text && *text ? strtol(text, &end, 10) : -1;
    return text && *text && *end == '\0' ? n : -1;
}

/* sd_listen_fds(3): LISTEN_FDS sockets from descriptor 3 on, if LISTEN_PID is this process. */
static bool inherit(listener *l, bora_error *err)
{
    if (number_in("LISTEN_PID") != (long)getpid() || number_in("LISTEN_FDS") < 1)
        return false;
    long n = number_in("LISTEN_FDS");
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    int listening = 0;
    socklen_t len = sizeof listening;
    if (n > 1) {
        bora_fail(err, BORA_USAGE, "there are %ld inherited sockets (LISTEN_FDS), expected one", n);
    } else if (getsockopt(FIRST_INHERITED, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 || !listening) {
        bora_fail(err, BORA_USAGE, "the inherited descriptor %d (LISTEN_FDS) is not a socket that listens",
                  FIRST_INHERITED);
    } else {
        l->fd = FIRST_INHERITED;
        l->inherited = true;
        fcntl(l->fd, F_SETFD, FD_CLOEXEC);
        fcntl(l->fd, F_SETFL, fcntl(l->fd, F_GETFL) | O_NONBLOCK);
    }
    return true;
}

/* ---- in the file system */

/* Whether somebody listens there. */
static bool answers(const struct sockaddr_un *un)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool yes = fd >= 0 && (connect(fd, (const struct sockaddr *)un, sizeof *un) == 0 || errno == EAGAIN);
    if (fd >= 0)
        close(fd);
    return yes;
}

static bool open_unix(listener *l, const char *path, bora_error *err)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    struct stat st;
    if (*path == '\0' || strlen(path) >= sizeof un.sun_path)
        return bora_fail(err, BORA_USAGE, "unix:%s: the path of a socket has 1 to %zu bytes", path,
                         sizeof un.sun_path - 1);
    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && !answers(&un))
        unlink(path); /* left by one that was killed */
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0 || bind(l->fd, (const struct sockaddr *)&un, sizeof un) != 0)
        return bora_fail(err, BORA_IO, "unix:%s: %s", path, strerror(errno));
    snprintf(l->path, sizeof l->path, "%s", path);
    return listen(l->fd, BACKLOG) == 0 || bora_fail(err, BORA_IO, "unix:%s: %s", path, strerror(errno));
}

/* ---- of the network */

static bool try_address(listener *l, const struct addrinfo *a)
{
    int yes = 1, no = 0;
    l->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0)
        return false;
    setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (a->ai_family == AF_INET6) /* [::] takes IPv4 as well */
        setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
    if (bind(l->fd, a->ai_addr, a->ai_addrlen) == 0 && listen(l->fd, BACKLOG) == 0)
        return true;
    int why = errno;
    close(l->fd);
    l->fd = -1;
    errno = why;
    return false;
}

static bool open_network(listener *l, const char *host, int port, bora_error *err)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE },
                    *found = NULL;
    char service[16], bare[256];
    size_t len = strlen(host);
    bool brackets = len > 2 && host[0] == '[' && host[len - 1] == ']';
    snprintf(bare, sizeof bare, "%.*s", (int)(brackets ? len - 2 : len), host + brackets);
    snprintf(service, sizeof service, "%d", port);
    int code = len == 0 || len >= sizeof bare ? EAI_NONAME : getaddrinfo(bare, service, &hints, &found);
    if (code != 0)
        return bora_fail(err, BORA_USAGE, "--host %s: %s", host, gai_strerror(code));
    int why = 0;
    for (const struct addrinfo *a = found; a && l->fd < 0; a = a->ai_next)
        if (!try_address(l, a))
            why = errno;
    freeaddrinfo(found);
    return l->fd >= 0 || bora_fail(err, BORA_IO, "%s, port %d: %s", host, port, strerror(why));
}

bool listener_open(listener *l, const char *host, int port, bora_error *err)
{
    static const char unix_prefix[] = "unix:";
    *l = (listener){ .fd = -1 };
    bool ok;
    if (inherit(l, err))
        ok = l->fd >= 0;
    else if (strncmp(host, unix_prefix, sizeof unix_prefix - 1) == 0)
        ok = open_unix(l, host + sizeof unix_prefix - 1, err);
    else
        ok = open_network(l, host, port, err);
    if (ok && describe(l, err))
        return true;
    listener_close(l);
    return false;
}

void listener_close(listener *l)
{
    if (l->fd >= 0)
        close(l->fd);
    if (*l->path)
        unlink(l->path);
    l->fd = -1;
    l->path[0] = '\0';
}
