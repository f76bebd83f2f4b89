/* listening: see listening.h. */
#include "server/listening.h"

#include "conn/transport.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
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
    const struct arena_list *proxies = &settings->process.trusted_proxies;
    for (unsigned i = 0; i < proxies->count; i++)
        networks_add(&listening->trusted, str_of(proxies->items[i])); /* checked when it was set */
    listening->count = settings->listener_count;
    listening->socket_count = 0;
    for (unsigned i = 0; i < listening->count; i++) {
        choose(&listening->sets[i], settings->listeners[i]);
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

/* The value of Strict-Transport-Security of listener INDEX; absent: none. */
static struct str hsts_of(struct listening *listening, const struct settings *settings,
                          unsigned index)
{
    const struct listener_settings *listener = settings->listeners[index];
    char *hsts = listening->hsts[index];
    if (listener->redirects_to)
        listener = listener->redirects_to;
    if (listener->hsts_seconds == LISTENER_NONE)
        return STR_ABSENT;
    int length =
        snprintf(hsts, sizeof listening->hsts[index], "max-age=%" PRIu32, listener->hsts_seconds);
    return (struct str){hsts, (size_t)length};
}

/* Makes the origin of listener INDEX. */
static void make_origin(struct listening *listening, const struct settings *settings,
                        unsigned index)
{
    const struct listener_settings *listener = settings->listeners[index];
    struct origin *origin = &listening->origins[index];
    origin->proxied = listener->proxied;
    if (listener->secure) {
        origin->transport_index = TRANSPORT_TLS;
        origin->hsts = hsts_of(listening, settings, index);
    }
    if (listener->redirects_to) {
        origin->redirects = true;
        origin->has_challenges = true;
        origin->https_port = port_of(listening, settings, listener->redirects_to);
    }
}

/* Makes the origins of those connections of listener INDEX of whose clients something is known,
 * from *NEXT on, as far as that can be. The origin number INDEX has been made. */
static void make_twins(struct listening *listening, const struct settings *settings, unsigned index,
                       unsigned *next)
{
    struct origin *origin = &listening->origins[index];
    const bool plain = origin->transport_index == TRANSPORT_PLAIN;
    const unsigned possible = (networks_are_empty(&listening->trusted) ? 0U : ORIGIN_TRUSTED) |
                              (origin->proxied && plain ? ORIGIN_SECURED : 0U);
    origin->twins[0] = (uint8_t)index;
    for (unsigned twin = 1; twin < ORIGIN_TWINS; twin++) {
        origin->twins[twin] = origin->twins[twin & possible];
        if (twin & ~possible)
            continue;
        struct origin *made = &listening->origins[*next];
        *made = *origin;
        made->trusted = (twin & ORIGIN_TRUSTED) != 0;
        made->secured = (twin & ORIGIN_SECURED) != 0;
        made->hsts = hsts_of(listening, settings, index);
        origin->twins[twin] = (uint8_t)(*next)++;
    }
}

static void make_origins(struct listening *listening, const struct settings *settings)
{
    static_assert((ORIGIN_TWINS + 1) * (unsigned)LISTENING_MAX <= ORIGINS_MAX,
                  "those of each listener");
    unsigned sockets = 0, next = listening->count;
    for (unsigned i = 0; i < listening->count; i++) {
        const struct net_set *set = &listening->sets[i];
        make_origin(listening, settings, i);
        if (settings->listeners[i]->secure) {
            listening->origins[i].plain_index = (uint8_t)next;
            listening->origins[next++] =
                (struct origin){.redirects = true, .https_port = set->port};
        }
        make_twins(listening, settings, i, &next);
        for (unsigned j = 0; j < set->count; j++)
            listening->socket_origins[sockets++] = (uint8_t)i;
    }
}

/* --- Sockets ---------------------------------------------------------------------------------- */

/* Moves the descriptors of each listener, FDS[i] for WORKER_COUNT workers, to ALL, where those of a
 * worker are side by side. */
static void arrange(const struct listening *listening, int *const *fds, unsigned worker_count,
                    int *all)
{
    for (unsigned worker = 0; worker < worker_count; worker++) {
        for (unsigned i = 0; i < listening->count; i++) {
            const unsigned count = listening->sets[i].count;
            memcpy(all, fds[i] + (size_t)worker * count, count * sizeof *all);
            all += count;
        }
    }
}

static void close_all(struct listening *listening, int *const *fds, unsigned worker_count)
{
    for (unsigned i = 0; i < listening->count && fds[i]; i++) {
        for (unsigned j = 0; j < worker_count * listening->sets[i].count; j++)
            close(fds[i][j]);
        unix_socket_remove(&listening->sets[i].unix_socket);
    }
}

int listening_open(struct listening *listening, const struct settings *settings,
                   unsigned worker_count, int **ret_fds, struct problem *ret_problem)
{
    int *fds[LISTENING_MAX] = {NULL}, error = 0;
    assert(listening->count > 0 && listening->sets[0].count > 0);
    listening->socket_count = 0;
    for (unsigned i = 0; !error && i < listening->count; i++) {
        error = net_listen(&listening->sets[i], worker_count, &fds[i], ret_problem);
        listening->socket_count += listening->sets[i].count;
    }
    int *all = error ? NULL : calloc((size_t)worker_count * listening->socket_count, sizeof *all);
    if (all) {
        arrange(listening, fds, worker_count, all);
        make_origins(listening, settings);
        *ret_fds = all;
    } else {
        close_all(listening, fds, worker_count);
    }
    if (!all && !error) {
        problem_set_no_memory(ret_problem);
        error = -ENOMEM;
    }
    for (unsigned i = 0; i < listening->count; i++)
        free(fds[i]);
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
