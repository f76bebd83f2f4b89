/* notify: see notify.h. unix(7). */
#include "system/notify.h"

#include "base/num.h"
#include "base/str.h"
#include "base/variables.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_S = 1 };

/* Parses the value of variable NAME. 0: not set, or not a number. */
static uint64_t number_of(char *const *variables, const char *name)
{
    const char *text = variables_find(variables, name);
    uint64_t number;
    return text && num_parse_u64(str_of(text), &number) ? number : 0;
}

void notify_init(struct notify *ret, char *const *variables)
{
    const char *socket = variables_find(variables, "NOTIFY_SOCKET");
    const char *watched = variables_find(variables, "WATCHDOG_PID");
    *ret = (struct notify){.socket = socket && *socket ? socket : NULL};
    if (!watched || number_of(variables, "WATCHDOG_PID") == (uint64_t)getpid())
        ret->watchdog_usec = number_of(variables, "WATCHDOG_USEC");
}

/* Makes the address of a socket that is called NAME. Returns 0 or a negative errno. */
static int make_address(const char *name, struct sockaddr_un *ret, socklen_t *ret_length)
{
    const size_t length = strlen(name), room = sizeof ret->sun_path;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (name[0] != '/' && name[0] != '@')
        return -EAFNOSUPPORT;
    if (length >= room)
        return -ENAMETOOLONG;
    memcpy(address.sun_path, name, length);
    *ret_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    else
        *ret_length += 1; /* the NUL */
    *ret = address;
    return 0;
}

static int send_by(int fd, const struct sockaddr_un *address, socklen_t length, const char *text)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    ssize_t sent;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience); /* else it may wait */
    if (connect(fd, (const struct sockaddr *)address, length) < 0)
        return -errno;
    do {
        sent = send(fd, text, strlen(text), MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

int notify_send(const struct notify *notify, const char *text)
{
    struct sockaddr_un address;
    socklen_t length;
    int error = notify->socket ? make_address(notify->socket, &address, &length) : 0;
    if (error || !notify->socket)
        return error;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    error = send_by(fd, &address, length, text);
    close(fd);
    return error;
}
