/* Signals and the service manager: see signals.h. */
#include "serve/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A handler may do little more than write a byte: the pipe carries the signal to where it is waited for. Handlers are
 * the process's: so is this. */
static const int caught[] = { SIGTERM, SIGINT, SIGHUP };
enum { N_CAUGHT = sizeof caught / sizeof *caught };
static struct sigaction before[N_CAUGHT];
static int pipe_ends[2] = { -1, -1 };

static void on_signal(int number)
{
    int saved = errno;
    unsigned char byte = (unsigned char)number;
    ssize_t n = write(pipe_ends[1], &byte, 1);
    (void)n; /* a full pipe has signals enough */
    errno = saved;
}

bool signals_open(void)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    if (pipe_ends[0] >= 0)
        return true;
    if (pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return false;
    sigfillset(&action.sa_mask);
    for (int i = 0; i < N_CAUGHT; i++)
        sigaction(caught[i], &action, &before[i]);
    return true;
}

void signals_close(void)
{
    if (pipe_ends[0] < 0)
        return;
    for (int i = 0; i < N_CAUGHT; i++)
        sigaction(caught[i], &before[i], NULL);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    pipe_ends[0] = pipe_ends[1] = -1;
}

int signals_wait(double timeout_s)
{
    struct pollfd p = { .fd = pipe_ends[0], .events = POLLIN };
    unsigned char byte;
    int n = poll(&p, 1, timeout_s < 0 ? -1 : (int)(timeout_s * 1000));
    return n > 0 && read(pipe_ends[0], &byte, 1) == 1 ? byte : 0;
}

void notify_manager(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    size_t len = path ? strlen(path) : 0;
    if (len < 2 || len >= sizeof un.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(un.sun_path, path, len);
    if (path[0] == '@') /* a name outside the file system */
        un.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&un,
           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    close(fd);
}
