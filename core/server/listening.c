/* listening: see listening.h. */
#include "server/listening.h"

#include "observe/log.h"
#include "server/listening_adopt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HTTPS_PORT = 443 };

/* --- Addresses -------------------------------------------------------------------------------- */

static void choose(struct net_set *set, const struct listener_settings *listener)
{
    const bool local = listener->unix_socket.path[0] != '\0';
    for (unsigned i = 0; i < listener->addresses.count; i++)
        net_add(set, listener->addresses.items[i]); /* checked when it was set */
    if (local)
        net_set_unix(set, &listener->unix_socket);
    else if (listener->addresses.count == 0)
        net_add_any(set);
    set->port = local ? HTTPS_PORT : listener->port; /* that of the proxy in front, presumably */
    set->backlog = (int)listener->backlog;
    set->secure = listener->secure;
}

int listening_choose(struct listening *listening, const struct settings *settings,
                     struct problem *ret_problem)
{
    if (settings->listener_count > LISTENING_MAX) {
        problem_set(ret_problem, "%u listeners are too many", settings->listener_count);
        problem_remedy(ret_problem, "have at most %d", LISTENING_MAX);
        return -E2BIG;
    }
    listening->count = settings->listener_count;
    listening->socket_count = 0;
    for (unsigned i = 0; i < listening->count; i++) {
        choose(&listening->sets[i], settings->listeners[i]);
        listening->wanted[i] = listening->sets[i];
        listening->socket_count += listening->sets[i].count;
    }
    if (listening->socket_count <= LISTENERS_MAX)
        return 0;
    problem_set(ret_problem, "%u addresses and ports are too many", listening->socket_count);
    problem_remedy(ret_problem, "have at most %d", LISTENERS_MAX);
    return -E2BIG;
}

/* --- Origins ---------------------------------------------------------------------------------- */

/* The port that the listener LISTENER of SETTINGS has. */
static uint16_t port_of(const struct listening *listening, const struct settings *settings,
                        const struct listener_settings *listener)
{
    unsigned i = 0;
    while (settings->listeners[i] != listener)
        i++;
    return listening->sets[i].port;
}

static struct origins_kind kind_of(const struct listening *listening,
                                   const struct settings *settings, unsigned index)
{
    const struct listener_settings *listener = settings->listeners[index];
    const struct listener_settings *https =
        listener->redirects_to ? listener->redirects_to : listener;
    struct origins_kind kind = {
        .secure = listener->secure,
        .proxied = listener->proxied,
        .redirects = listener->redirects_to != NULL,
        .trusts = settings->process.trusted_proxies.count > 0,
    };
    if (kind.secure || kind.redirects)
        kind.https_port = port_of(listening, settings, https);
    if (https->hsts_seconds != LISTENER_NONE) {
        kind.has_hsts = true;
        kind.hsts_seconds = https->hsts_seconds;
    }
    return kind;
}

int listening_find_origins(struct listening *listening, const struct settings *settings,
                           struct origins *origins, uint64_t used)
{
    static_assert((unsigned)LISTENING_MAX <= ORIGINS_KINDS_MAX, "a kind for each");
    for (unsigned i = 0; i < listening->count; i++) {
        const struct origins_kind kind = kind_of(listening, settings, i);
        const int index = origins_get(origins, &kind, used);
        if (index < 0)
            return index;
        listening->listener_origins[i] = (uint8_t)index;
        used |= origins_bits((unsigned)index);
    }
    for (unsigned i = 0; i < listening->socket_count; i++) {
        const unsigned listener = listening->socket_listeners[i];
        listening->socket_origins[i] = listening->listener_origins[listener];
        listening->socket_shared[i] = listening_is_given(listening, listener);
    }
    return 0;
}

bool listening_is_given(const struct listening *listening, unsigned index)
{
    return strncmp(listening->names[index], LISTENING_NAME, strlen(LISTENING_NAME)) != 0;
}

/* --- Sockets ---------------------------------------------------------------------------------- */

/* Opens all sockets of listener INDEX, for WORKER_COUNT workers. 0 or a negative errno. */
static int open_all(struct listening *listening, unsigned index, unsigned worker_count,
                    struct listening_sockets *all, struct problem *ret_problem)
{
    struct net_set *set = &listening->sets[index];
    int *fds = NULL;
    int error = net_listen(set, worker_count, &fds, ret_problem);
    for (unsigned i = 0; !error && i < worker_count * set->count; i++)
        error = sockets_add(&all->lists[index][i % set->count], fds[i]);
    free(fds);
    return error;
}

/* Opens the sockets of address I of listener INDEX alone: none if it is optional, and this machine
 * does not have it. */
static int open_one(const struct listening *listening, unsigned index, unsigned i,
                    struct sockets *list, struct problem *ret_problem)
{
    struct net_set one = listening->sets[index];
    int *fds = NULL;
    one.addresses[0] = one.addresses[i];
    one.count = 1;
    int error = net_listen(&one, 1, &fds, ret_problem);
    if (!error && one.count == 1)
        error = sockets_add(list, fds[0]);
    free(fds);
    return error;
}

/* Removes the addresses of listener INDEX that have no sockets: those that are optional. */
static void remove_missing(struct listening *listening, unsigned index,
                           struct listening_sockets *all)
{
    struct net_set *set = &listening->sets[index];
    unsigned kept = 0;
    for (unsigned i = 0; i < set->count; i++) {
        if (all->lists[index][i].count == 0)
            continue;
        set->addresses[kept] = set->addresses[i];
        all->lists[index][kept++] = all->lists[index][i];
    }
    for (unsigned i = kept; i < set->count; i++)
        all->lists[index][i] = (struct sockets){.count = 0};
    set->count = kept;
}

/* Opens the sockets of listener INDEX that ALL does not have. */
static int complete(struct listening *listening, unsigned index, unsigned worker_count,
                    struct listening_sockets *all, struct problem *ret_problem)
{
    const struct net_set *set = &listening->sets[index];
    unsigned adopted = 0;
    int error = 0;
    for (unsigned i = 0; i < set->count; i++)
        adopted += all->lists[index][i].count;
    if (adopted == 0)
        return open_all(listening, index, worker_count, all, ret_problem);
    for (unsigned i = 0; !error && i < set->count; i++) {
        if (all->lists[index][i].count == 0)
            error = open_one(listening, index, i, &all->lists[index][i], ret_problem);
    }
    if (!error)
        remove_missing(listening, index, all);
    for (unsigned i = 0; !error && i < set->count; i++)
        error = sockets_fill(&all->lists[index][i], worker_count, set->backlog);
    return error;
}

/* Counts the sockets of a worker, and notes the listener and address of each. Returns 0 or
 * -E2BIG. */
static int count_sockets(struct listening *listening, unsigned worker_count,
                         const struct listening_sockets *all)
{
    unsigned count = 0;
    for (unsigned i = 0; i < listening->count; i++) {
        for (unsigned j = 0; j < listening->sets[i].count; j++) {
            for (unsigned k = 0; k < all->lists[i][j].count / worker_count; k++) {
                if (count == LISTENERS_MAX)
                    return -E2BIG;
                listening->socket_listeners[count] = (uint8_t)i;
                listening->socket_addresses[count++] = (uint8_t)j;
            }
        }
    }
    listening->socket_count = count;
    return 0;
}

/* Returns the descriptors, those of a worker side by side. *Given*. NULL: out of memory. */
static int *arrange(const struct listening *listening, unsigned worker_count,
                    const struct listening_sockets *all)
{
    assert(listening->socket_count > 0);
    int *fds = calloc((size_t)worker_count * listening->socket_count, sizeof *fds), *at = fds;
    for (unsigned worker = 0; fds && worker < worker_count; worker++) {
        for (unsigned i = 0; i < listening->count; i++) {
            for (unsigned j = 0; j < listening->sets[i].count; j++) {
                const struct sockets *list = &all->lists[i][j];
                for (unsigned k = worker; k < list->count; k += worker_count)
                    *at++ = list->fds[k];
            }
        }
    }
    return fds;
}

/* Describes ERROR, unless it has been described. */
static void explain(int error, bool described, struct problem *ret_problem)
{
    if (described)
        return;
    problem_set(ret_problem, "cannot open all listeners: %s", strerror(-error));
    problem_remedy(ret_problem, "use more --threads, or raise the limits of this process");
}

int listening_complete(struct listening *listening, unsigned worker_count,
                       struct listening_sockets *all, int **ret_fds, struct problem *ret_problem)
{
    int error = 0;
    problem_set(ret_problem, "%s", "");
    for (unsigned i = 0; !error && i < listening->count; i++)
        error = complete(listening, i, worker_count, all, ret_problem);
    if (!error)
        error = count_sockets(listening, worker_count, all);
    int *fds = error ? NULL : arrange(listening, worker_count, all);
    if (!error && !fds)
        error = -ENOMEM;
    if (error)
        explain(error, ret_problem->what[0] != '\0', ret_problem);
    else
        *ret_fds = fds;
    return error;
}

void listening_name(struct listening *listening, unsigned index)
{
    snprintf(listening->names[index], sizeof listening->names[index], LISTENING_NAME "%u", index);
}

void listening_explain_user(const struct listening *listening, int fd, struct problem *ret_problem)
{
    struct stat status;
    for (unsigned i = 0; i < listening->count; i++) {
        if (listening->sets[i].joins && fstat(fd, &status) == 0 && status.st_uid != geteuid())
            problem_remedy(ret_problem, "restart the server: its listener on this port was opened "
                                        "by another user than it runs as now");
    }
}

static int open_sockets(struct listening *listening, unsigned worker_count,
                        struct listening_sockets *all, int **ret_fds, struct problem *ret_problem)
{
    int error = listening_adopt(listening, all);
    if (!error)
        return listening_complete(listening, worker_count, all, ret_fds, ret_problem);
    explain(error, false, ret_problem);
    return error;
}

/* Explains why a port is in use, where a socket that was handed over is in the way. */
static void explain_inherited(const struct listening *listening, struct problem *ret_problem)
{
    const struct inherited *inherited = listening->inherited;
    for (unsigned i = 0; inherited && i < inherited->count; i++) {
        const struct inherited_socket *socket = &inherited->items[i];
        if (socket->fd >= 0 && socket->has_address)
            listening_explain_user(listening, socket->fd, ret_problem);
    }
}

int listening_open(struct listening *listening, const struct settings *settings,
                   unsigned worker_count, int **ret_fds, struct problem *ret_problem)
{
    struct listening_sockets *all = calloc(1, sizeof *all);
    assert(listening->count > 0 && listening->sets[0].count > 0);
    if (!all) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    for (unsigned i = 0; i < listening->count; i++) {
        listening_name(listening, i);
        listening->sets[i].joins = inherited_overlap(listening->inherited, &listening->sets[i]);
    }
    int error = open_sockets(listening, worker_count, all, ret_fds, ret_problem);
    if (error == -EADDRINUSE)
        explain_inherited(listening, ret_problem);
    if (!error)
        listening_find_origins(listening, settings, &listening->origins, 0); /* it is empty */
    for (unsigned i = 0; i < LISTENING_MAX; i++) {
        for (unsigned j = 0; j < NET_ADDRESSES_MAX; j++) {
            if (error)
                sockets_close(&all->lists[i][j]);
            else
                sockets_free(&all->lists[i][j]);
        }
    }
    if (error)
        listening_end(listening);
    free(all);
    return error;
}

void listening_end(struct listening *listening)
{
    for (unsigned i = 0; i < listening->count; i++)
        unix_socket_remove(&listening->sets[i].unix_socket);
}

void listening_leave(struct listening *listening)
{
    for (unsigned i = 0; i < listening->count; i++)
        unix_socket_leave(&listening->sets[i].unix_socket);
}

void listening_keep(struct listening *listening)
{
    for (unsigned i = 0; i < listening->count; i++) {
        struct unix_socket *socket = &listening->sets[i].unix_socket;
        const int error = unix_socket_keep(socket);
        if (error)
            log_write(LOG_LEVEL_WARNING, "unix:%s keeps its former mode and owner: %s",
                      socket->path, strerror(-error));
    }
    listening_remove_unused(listening->inherited);
}
