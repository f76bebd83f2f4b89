/* admin_sockets: see admin_sockets.h. */
#include "admin/admin_sockets.h"

#include "config/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BACKLOG = 64 };

/* Sets SET from WHERE. 0 or a negative errno. */
static int choose(struct net_set *set, const char *where, struct problem *ret_problem)
{
    struct listen listen;
    int error = listen_parse(str_of(where), &listen, ret_problem);
    if (error)
        return error;
    if (listen.unix_socket.path[0])
        net_set_unix(set, &listen.unix_socket);
    else
        net_add(set, listen.address[0] ? listen.address : "127.0.0.1");
    set->port = listen.port;
    set->backlog = BACKLOG;
    return 0;
}

static int check_port(const struct net_set *set, const struct admin_surroundings *around,
                      struct problem *ret_problem)
{
    for (unsigned i = 0; i < around->content_port_count; i++) {
        if (net_is_unix(set) || set->port == 0 || around->content_ports[i] != set->port)
            continue;
        problem_set(ret_problem, "port %u is one that files are served on", set->port);
        problem_remedy(ret_problem, "choose another one");
        return -EADDRINUSE;
    }
    return 0;
}

/* --- Sockets that the process was started with ------------------------------------------------ */

/* Whether SOCKET is free, and is called NAME. */
static bool is_called(const struct inherited_socket *socket, const char *name)
{
    return socket->fd >= 0 && socket->listens && strcmp(socket->name, name) == 0;
}

static void take(struct admin_sockets *sockets, struct inherited_socket *socket)
{
    const int fd = inherited_take(socket);
    net_adopt(fd);
    sockets->fds[sockets->count++] = fd;
}

/* Adds where SOCKET listens to SET. */
static void add_place(struct net_set *set, const struct inherited_socket *socket)
{
    uint16_t port;
    const char *path = inherited_path(socket);
    if (inherited_address(socket, &set->addresses[set->count], &port)) {
        set->port = port;
        set->count++;
    } else if (path && set->count == 0 && strlen(path) < sizeof set->unix_socket.path) {
        memcpy(set->unix_socket.path, path, strlen(path) + 1);
    }
}

/* Takes those of a service manager. */
static void take_given(struct admin_sockets *sockets, struct inherited *inherited)
{
    struct net_set set = {.backlog = BACKLOG};
    for (unsigned i = 0; i < inherited->count && sockets->count < ADMIN_SOCKETS_MAX; i++) {
        struct inherited_socket *socket = &inherited->items[i];
        if (!is_called(socket, ADMIN_SOCKET_GIVEN))
            continue;
        add_place(&set, socket);
        take(sockets, socket);
    }
    if (sockets->count == 0)
        return;
    sockets->set = set;
    sockets->are_given = true;
}

/* The address of SET that SOCKET listens on. ADMIN_SOCKETS_MAX: none, so it is for another. */
static unsigned place_of(const struct inherited_socket *socket, const struct net_set *set)
{
    struct net_address address;
    const char *path = inherited_path(socket);
    uint16_t port;
    if (net_is_unix(set))
        return path && strcmp(path, set->unix_socket.path) == 0 ? 0 : ADMIN_SOCKETS_MAX;
    if (!inherited_address(socket, &address, &port) || (set->port != 0 && port != set->port))
        return ADMIN_SOCKETS_MAX;
    for (unsigned i = 0; i < set->count; i++) {
        if (net_address_equal(&set->addresses[i], &address))
            return i;
    }
    return ADMIN_SOCKETS_MAX;
}

/* Takes those of the process before this one that listen where this one is to. Sets HAVE for each
 * address that has one. */
static void take_handed(struct admin_sockets *sockets, struct inherited *inherited,
                        bool have[static ADMIN_SOCKETS_MAX])
{
    struct net_set *set = &sockets->set;
    for (unsigned i = 0; i < inherited->count; i++) {
        struct inherited_socket *socket = &inherited->items[i];
        if (!is_called(socket, ADMIN_SOCKET_NAME))
            continue;
        const unsigned place = place_of(socket, set);
        if (place == ADMIN_SOCKETS_MAX || have[place])
            continue;
        if (net_is_unix(set)) {
            set->unix_socket.is_handed_over = true;
        } else {
            struct net_address address;
            inherited_address(socket, &address, &set->port);
        }
        have[place] = true;
        take(sockets, socket);
    }
}

/* Descriptors of FORMER's sockets, as if they were handed over. False: no descriptor is left. */
static bool list_former(const struct admin_sockets *former,
                        struct inherited_socket ret[static ADMIN_SOCKETS_MAX])
{
    bool good = true;
    for (unsigned i = 0; i < former->count; i++) {
        ret[i] = (struct inherited_socket){.name = ADMIN_SOCKET_NAME};
        inherited_examine(&ret[i], fcntl(former->fds[i], F_DUPFD_CLOEXEC, 0));
        good = good && ret[i].fd >= 0;
    }
    return good;
}

/* Takes those of FORMER that listen where these are to, by descriptors of their own. */
static int take_former(struct admin_sockets *sockets, const struct admin_sockets *former,
                       bool have[static ADMIN_SOCKETS_MAX], struct problem *ret_problem)
{
    struct inherited_socket items[ADMIN_SOCKETS_MAX];
    struct inherited list = {.items = items, .count = former->count};
    const bool good = list_former(former, items);
    sockets->set.joins = sockets->set.joins || inherited_overlap(&list, &sockets->set);
    if (good)
        take_handed(sockets, &list, have);
    inherited_close(&list);
    if (good)
        return 0;
    problem_set(ret_problem, "no descriptor is left for the sockets of the admin listener");
    problem_remedy(ret_problem, "raise the limit of descriptors (ulimit -n)");
    return -EMFILE;
}

/* --- All of them ------------------------------------------------------------------------------ */

/* Opens a socket for each address that HAVE does not have. 0 or a negative errno. */
static int open_missing(struct admin_sockets *sockets, const bool have[static ADMIN_SOCKETS_MAX],
                        struct problem *ret_problem)
{
    struct net_set missing = sockets->set;
    int *fds = NULL;
    missing.count = 0;
    for (unsigned i = 0; i < sockets->set.count; i++) {
        if (!have[i])
            missing.addresses[missing.count++] = sockets->set.addresses[i];
    }
    if (missing.count == 0)
        return 0;
    int error = net_listen(&missing, 1, &fds, ret_problem);
    if (error)
        return error;
    if (sockets->count == 0)
        sockets->set = missing;
    for (unsigned i = 0; i < missing.count; i++)
        sockets->fds[sockets->count++] = fds[i];
    free(fds);
    return 0;
}

int admin_sockets_open(struct admin_sockets *ret, const char *where,
                       const struct admin_surroundings *around, struct problem *ret_problem)
{
    struct admin_sockets sockets = {.count = 0};
    bool have[ADMIN_SOCKETS_MAX] = {false};
    int error = choose(&sockets.set, where, ret_problem);
    if (error)
        return error;
    if (around->inherited)
        take_given(&sockets, around->inherited);
    if (!sockets.are_given) {
        error = check_port(&sockets.set, around, ret_problem);
        sockets.set.joins = inherited_overlap(around->inherited, &sockets.set);
        if (!error && around->inherited)
            take_handed(&sockets, around->inherited, have);
        if (!error && around->former)
            error = take_former(&sockets, around->former, have, ret_problem);
        if (!error)
            error = open_missing(&sockets, have, ret_problem);
    }
    if (error) {
        admin_sockets_close(&sockets);
    } else {
        *ret = sockets;
    }
    return error;
}

int admin_sockets_check(const struct admin_sockets *sockets,
                        const struct admin_surroundings *around, struct problem *ret_problem)
{
    return sockets->are_given ? 0 : check_port(&sockets->set, around, ret_problem);
}

void admin_sockets_close(struct admin_sockets *sockets)
{
    for (unsigned i = 0; i < sockets->count; i++)
        close(sockets->fds[i]);
    sockets->count = 0;
}

static bool is_loopback(const struct net_address *address)
{
    if (net_address_is_v6(address))
        return IN6_IS_ADDR_LOOPBACK(&address->at.v6.sin6_addr);
    return ntohl(address->at.v4.sin_addr.s_addr) >> 24 == 127;
}

bool admin_sockets_are_local(const struct admin_sockets *sockets)
{
    const struct net_set *set = &sockets->set;
    bool local = !net_is_unix(set);
    for (unsigned i = 0; i < set->count; i++)
        local &= is_loopback(&set->addresses[i]);
    return local;
}

void admin_sockets_where(const struct admin_sockets *sockets, char to[static ADMIN_WHERE_BYTES])
{
    char urls[NET_URLS_MAX][NET_URL_BYTES];
    if (net_is_unix(&sockets->set))
        snprintf(to, ADMIN_WHERE_BYTES, "unix:%s", sockets->set.unix_socket.path);
    else
        snprintf(to, ADMIN_WHERE_BYTES, "%sstatus",
                 net_urls(&sockets->set, urls) > 0 ? urls[0] : "");
}
