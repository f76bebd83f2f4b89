/* inherited: see inherited.h. socket(7), unix(7). */
#include "system/inherited.h"

#include "base/num.h"
#include "base/str.h"
#include "base/variables.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define UNIX_PREFIX "unix:"

static const struct inherited none;

/* --- Addresses ---------------------------------------------------------------------------------- */

static int option_of(int fd, int level, int name)
{
    int value = 0;
    socklen_t length = sizeof value;
    return getsockopt(fd, level, name, &value, &length) < 0 ? -errno : value;
}

union place {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
};

/* Returns the length of the address, or a negative errno. */
static int find_place(const struct inherited_socket *socket, union place *ret)
{
    socklen_t length = sizeof *ret;
    memset(ret, 0, sizeof *ret);
    return getsockname(socket->fd, &ret->any, &length) < 0 ? -errno : (int)length;
}

/* Sets the address of SOCKET, which listens, if it is one of IP. */
static void set_address(struct inherited_socket *socket)
{
    union place place;
    struct net_address *address = &socket->address;
    if (find_place(socket, &place) < 0)
        return;
    if (place.any.sa_family == AF_INET) {
        address->at.v4 = place.v4;
        socket->port = ntohs(place.v4.sin_port);
    } else if (place.any.sa_family == AF_INET6) {
        address->at.v6 = place.v6;
        address->dual_stack = net_address_is_wildcard(address) &&
                              option_of(socket->fd, IPPROTO_IPV6, IPV6_V6ONLY) == 0;
        socket->port = ntohs(place.v6.sin6_port);
    } else {
        return;
    }
    socket->has_address = true;
}

bool inherited_address(const struct inherited_socket *socket, struct net_address *ret,
                       uint16_t *ret_port)
{
    if (!socket->has_address)
        return false;
    *ret = socket->address;
    *ret_port = socket->port;
    return true;
}

const char *inherited_path(const struct inherited_socket *socket)
{
    return strncmp(socket->text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0
               ? socket->text + strlen(UNIX_PREFIX)
               : NULL;
}

bool inherited_overlap(const struct inherited *inherited, const struct net_set *set)
{
    for (unsigned i = 0; inherited && i < inherited->count; i++) {
        const struct inherited_socket *socket = &inherited->items[i];
        if (socket->has_address && net_overlaps(set, &socket->address, socket->port))
            return true;
    }
    return false;
}

/* Writes the path of a Unix socket, an abstract one with '@', from an address of LENGTH bytes. */
static void write_path(const struct sockaddr_un *local, int length,
                       char to[static INHERITED_TEXT_BYTES])
{
    const int first = (int)offsetof(struct sockaddr_un, sun_path);
    const bool is_abstract = length > first && local->sun_path[0] == '\0';
    const int bytes = length > first ? length - first - is_abstract : 0;
    snprintf(to, INHERITED_TEXT_BYTES, UNIX_PREFIX "%s%.*s", is_abstract ? "@" : "", bytes,
             local->sun_path + is_abstract);
}

/* Writes where SOCKET listens. */
static void write_text(const struct inherited_socket *socket, char to[static INHERITED_TEXT_BYTES])
{
    struct net_address address;
    char text[NET_ADDRESS_BYTES];
    union place place;
    uint16_t port;
    if (inherited_address(socket, &address, &port)) {
        net_address_text(&address, text);
        if (address.dual_stack)
            snprintf(to, INHERITED_TEXT_BYTES, "%u", port);
        else if (net_address_is_v6(&address))
            snprintf(to, INHERITED_TEXT_BYTES, "[%s]:%u", text, port);
        else
            snprintf(to, INHERITED_TEXT_BYTES, "%s:%u", text, port);
        return;
    }
    const int length = socket->listens ? find_place(socket, &place) : -ENOTSOCK;
    if (length > 0 && place.any.sa_family == AF_UNIX)
        write_path(&place.local, length, to);
    else
        snprintf(to, INHERITED_TEXT_BYTES, "descriptor %d", socket->fd);
}

/* --- The variables ------------------------------------------------------------------------------ */

/* Whether the variables are for this process. */
static bool is_addressed(char *const *variables)
{
    const char *text = variables_find(variables, "LISTEN_PID");
    uint64_t number;
    return text && num_parse_u64(str_of(text), &number) && number == (uint64_t)getpid();
}

static int find_count(char *const *variables, unsigned *ret, struct problem *ret_problem)
{
    const char *text = variables_find(variables, "LISTEN_FDS");
    uint64_t number;
    if (text && num_parse_u64(str_of(text), &number) && number <= INHERITED_MAX) {
        *ret = (unsigned)number;
        return 0;
    }
    problem_set(ret_problem, "LISTEN_FDS is '%s', not a number of sockets", text ? text : "");
    problem_remedy(ret_problem, "give it a number of at most %d, or unset LISTEN_PID",
                   INHERITED_MAX);
    return -EINVAL;
}

/* Gives the sockets their names, which are separated by colons. */
static int set_names(struct inherited *inherited, const char *text)
{
    inherited->names = text ? strdup(text) : NULL;
    if (text && !inherited->names)
        return -ENOMEM;
    char *rest = inherited->names;
    for (unsigned i = 0; i < inherited->count; i++) {
        const char *name = rest ? strsep(&rest, ":") : NULL;
        inherited->items[i].name = name ? name : "";
    }
    return 0;
}

void inherited_examine(struct inherited_socket *socket, int fd)
{
    socket->fd = -1;
    if (strcmp(socket->name, INHERITED_KEPT) == 0)
        return;
    socket->fd = fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -1 : fd;
    socket->listens = socket->fd >= 0 && option_of(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM &&
                      option_of(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1;
    if (socket->listens)
        set_address(socket);
    write_text(socket, socket->text);
}

int inherited_read(struct inherited *ret, char *const *variables, struct problem *ret_problem)
{
    struct inherited inherited = none;
    if (!is_addressed(variables))
        return 0;
    int error = find_count(variables, &inherited.count, ret_problem);
    if (error || inherited.count == 0)
        return error;
    inherited.items = calloc(inherited.count, sizeof *inherited.items);
    if (!inherited.items || set_names(&inherited, variables_find(variables, "LISTEN_FDNAMES"))) {
        free(inherited.items);
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    for (unsigned i = 0; i < inherited.count; i++)
        inherited_examine(&inherited.items[i], INHERITED_FIRST + (int)i);
    *ret = inherited;
    return 0;
}

void inherited_close(struct inherited *inherited)
{
    for (unsigned i = 0; i < inherited->count; i++) {
        if (inherited->items[i].fd >= 0)
            close(inherited->items[i].fd);
        inherited->items[i].fd = -1;
    }
}

void inherited_fini(struct inherited *inherited)
{
    inherited_close(inherited);
    free(inherited->items);
    free(inherited->names);
    *inherited = none;
}

int inherited_take(struct inherited_socket *socket)
{
    const int fd = socket->fd;
    socket->fd = -1;
    return fd;
}
