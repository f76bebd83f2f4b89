/* listening_adopt: see listening_adopt.h. */
#include "server/listening_adopt.h"

#include "admin/admin_sockets.h"
#include "observe/log.h"

#include <stdio.h>

#define UNNAMED "unknown" /* as systemd has it */

/* --- By address --------------------------------------------------------------------------------- */

/* Whether a socket on FOUND is for listeners on WANTED: a manager may open both wildcard addresses
 * in place of a dual-stack socket. */
static bool is_for(const struct net_address *wanted, const struct net_address *found)
{
    return net_address_equal(wanted, found) ||
           (wanted->dual_stack && net_address_is_wildcard(found));
}

static bool is_free(const struct inherited_socket *socket)
{
    return socket->fd >= 0 && socket->listens;
}

/* Whether a process of this program has named SOCKET. */
static bool is_own(const struct inherited_socket *socket)
{
    return strncmp(socket->name, LISTENING_NAME, strlen(LISTENING_NAME)) == 0 ||
           strcmp(socket->name, ADMIN_SOCKET_NAME) == 0;
}

/* Gives SOCKET to LIST, of listener INDEX, which passes on a manager's name. */
static int give(struct listening *listening, unsigned index, struct inherited_socket *socket,
                struct sockets *list)
{
    const int fd = inherited_take(socket);
    net_adopt(fd);
    if (!is_own(socket))
        snprintf(listening->names[index], sizeof listening->names[index], "%s",
                 socket->name[0] ? socket->name : UNNAMED);
    return sockets_add(list, fd);
}

static int offer_local(struct listening *listening, unsigned index, struct inherited_socket *socket,
                       struct sockets *lists)
{
    struct unix_socket *wanted = &listening->sets[index].unix_socket;
    const char *path = inherited_path(socket);
    if (!path || strcmp(path, wanted->path) != 0)
        return 0;
    if (is_own(socket)) /* the manager removes its own */
        wanted->is_handed_over = true;
    return give(listening, index, socket, lists);
}

/* Gives SOCKET to listener INDEX if it is for that. */
static int offer(struct listening *listening, unsigned index, struct inherited_socket *socket,
                 struct sockets *lists)
{
    struct net_set *set = &listening->sets[index];
    struct net_address found;
    uint16_t port;
    if (net_is_unix(set))
        return offer_local(listening, index, socket, lists);
    if (!inherited_address(socket, &found, &port))
        return 0;
    if (set->port ? port != set->port : strcmp(socket->name, listening->names[index]) != 0)
        return 0;
    for (unsigned i = 0; i < set->count; i++) {
        if (!is_for(&set->addresses[i], &found))
            continue;
        set->port = port;
        return give(listening, index, socket, &lists[i]);
    }
    return 0;
}

/* --- By name ------------------------------------------------------------------------------------ */

static bool is_open(const struct listening *listening, const struct listening_sockets *all,
                    unsigned index)
{
    for (unsigned i = 0; i < listening->sets[index].count; i++) {
        if (all->lists[index][i].count > 0)
            return true;
    }
    return false;
}

/* The only listener without a socket that is SECURE, or is not. LISTENING_MAX: not just one is. */
static unsigned find_only(const struct listening *listening, const struct listening_sockets *all,
                          bool secure)
{
    unsigned found = LISTENING_MAX;
    for (unsigned i = 0; i < listening->count; i++) {
        if (listening->sets[i].secure != secure || is_open(listening, all, i))
            continue;
        if (found != LISTENING_MAX)
            return LISTENING_MAX;
        found = i;
    }
    return found;
}

/* The index of ADDRESS in SET, which gets it unless it has it. NET_ADDRESSES_MAX: no room. */
static unsigned find_address(struct net_set *set, const struct net_address *address)
{
    unsigned i = 0;
    while (i < set->count && !net_address_equal(&set->addresses[i], address))
        i++;
    if (i == set->count && i < NET_ADDRESSES_MAX)
        set->addresses[set->count++] = *address;
    return i;
}

/* Gives the sockets called NAME to the only listener of that kind: the first of them, and those on
 * the same port. Several may have one address (SO_REUSEPORT). */
static int adopt_named(struct listening *listening, struct listening_sockets *all, const char *name,
                       bool secure)
{
    const unsigned index = find_only(listening, all, secure);
    struct net_set *set = index < LISTENING_MAX ? &listening->sets[index] : NULL;
    bool any = false;
    int error = 0;
    for (unsigned i = 0; set && !error && i < listening->inherited->count; i++) {
        struct inherited_socket *socket = &listening->inherited->items[i];
        struct net_address address;
        uint16_t port;
        if (!is_free(socket) || strcmp(socket->name, name) != 0 ||
            !inherited_address(socket, &address, &port) || (any && port != set->port))
            continue;
        if (!any)
            set->count = 0;
        any = true;
        set->unix_socket.path[0] = '\0';
        set->port = port;
        const unsigned at = find_address(set, &address);
        if (at < NET_ADDRESSES_MAX)
            error = give(listening, index, socket, &all->lists[index][at]);
    }
    return error;
}

int listening_adopt(struct listening *listening, struct listening_sockets *ret)
{
    struct inherited *inherited = listening->inherited;
    int error = 0;
    if (!inherited)
        return 0;
    for (unsigned i = 0; i < inherited->count; i++) {
        struct inherited_socket *socket = &inherited->items[i];
        for (unsigned j = 0; !error && is_free(socket) && j < listening->count; j++)
            error = offer(listening, j, socket, ret->lists[j]);
    }
    if (!error)
        error = adopt_named(listening, ret, "http", false);
    return error ? error : adopt_named(listening, ret, "https", true);
}

void listening_close_unused(struct inherited *inherited)
{
    char names[512] = "";
    size_t length = 0;
    for (unsigned i = 0; i < inherited->count; i++) {
        struct inherited_socket *socket = &inherited->items[i];
        if (socket->fd < 0)
            continue;
        socket->is_unused = true;
        if (length < sizeof names)
            length += (size_t)snprintf(names + length, sizeof names - length, "%s%s (%s)",
                                       length ? ", " : "", socket->text, socket->name);
    }
    if (length > 0)
        log_write(LOG_LEVEL_WARNING,
                  "closed, as no listener is for what the process was started with: %s", names);
    inherited_close(inherited);
}

void listening_remove_unused(const struct inherited *inherited)
{
    for (unsigned i = 0; inherited && i < inherited->count; i++) {
        const struct inherited_socket *socket = &inherited->items[i];
        struct unix_socket former = {.is_handed_over = true, .mode = UNIX_SOCKET_AS_MADE};
        const char *path = inherited_path(socket);
        if (!socket->is_unused || !is_own(socket) || !path || strlen(path) >= sizeof former.path)
            continue;
        memcpy(former.path, path, strlen(path) + 1);
        unix_socket_keep(&former);
        unix_socket_remove(&former);
    }
}
