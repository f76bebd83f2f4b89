/* sockets: see sockets.h. */
#include "server/sockets.h"

#include "system/inherited.h"
#include "system/net.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROOM_FIRST = 8 };

int sockets_keep(struct sockets *sockets, int fd)
{
    if (sockets->count == sockets->room) {
        const unsigned room = sockets->room ? 2 * sockets->room : ROOM_FIRST;
        int *fds = realloc(sockets->fds, room * sizeof *fds);
        if (!fds)
            return -ENOMEM;
        sockets->fds = fds;
        sockets->room = room;
    }
    sockets->fds[sockets->count++] = fd;
    return 0;
}

int sockets_add(struct sockets *sockets, int fd)
{
    const int error = sockets_keep(sockets, fd);
    if (error)
        close(fd);
    return error;
}

/* Another socket for the connections to FD: a sibling, or FD itself once more. */
static int another(int fd, int backlog)
{
    int sibling = net_open_sibling(fd, backlog);
    if (sibling < 0)
        sibling = fcntl(fd, F_DUPFD_CLOEXEC, INHERITED_FIRST);
    return sibling < 0 ? -errno : sibling;
}

int sockets_fill(struct sockets *sockets, unsigned worker_count, int backlog)
{
    for (unsigned next = 0; sockets->count % worker_count != 0; next++) {
        const int fd = another(sockets->fds[next], backlog);
        const int error = fd < 0 ? fd : sockets_add(sockets, fd);
        if (error)
            return error;
    }
    return 0;
}

void sockets_close(struct sockets *sockets)
{
    for (unsigned i = 0; i < sockets->count; i++)
        close(sockets->fds[i]);
    sockets_free(sockets);
}

void sockets_free(struct sockets *sockets)
{
    free(sockets->fds);
    *sockets = (struct sockets){0};
}
