/* relisten: see relisten.h. */
#include "server/relisten.h"

#include "base/clock.h"
#include "observe/log.h"
#include "server/listening_adopt.h"
#include "system/listener_end.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    URLS_BYTES = 512,
    LEFT_MS = LISTENER_END_MS + LISTENER_END_REFUSES_MS + 1000, /* and the workers' next turns */
};

struct relisten {
    struct listening next;
    struct listening_sockets all; /* of NEXT; those that are kept belong to what runs */
    int *sockets;
    bool opened[LISTENING_MAX];  /* of NEXT: not kept as a whole */
    bool changed[LISTENING_MAX]; /* of NEXT: kept, and something else is spoken there */
    bool kept[LISTENING_MAX];    /* of those that run: as a whole */
    bool claimed[LISTENERS_MAX]; /* their sockets, of a worker */
};

/* --- What is kept ------------------------------------------------------------------------------- */

static bool are_addresses_equal(const struct net_address *a, const struct net_address *b)
{
    return net_address_equal(a, b) && a->dual_stack == b->dual_stack;
}

/* Whether A and B, of settings, are the same place to listen on. */
static bool are_places_equal(const struct net_set *a, const struct net_set *b)
{
    if (net_is_unix(a) || net_is_unix(b))
        return strcmp(a->unix_socket.path, b->unix_socket.path) == 0;
    if (a->port != b->port || a->count != b->count)
        return false;
    for (unsigned i = 0; i < a->count; i++) {
        if (!are_addresses_equal(&a->addresses[i], &b->addresses[i]))
            return false;
    }
    return true;
}

/* Gives socket NUMBER of each worker to address I of listener INDEX. 0 or -ENOMEM. */
static int claim(struct relisten *relisten, const struct relisten_now *now, unsigned number,
                 unsigned index, unsigned i)
{
    const unsigned count = now->listening->socket_count;
    struct sockets *list = &relisten->all.lists[index][i];
    int error = 0;
    relisten->claimed[number] = true;
    for (unsigned worker = 0; !error && worker < now->worker_count; worker++)
        error = sockets_keep(list, (*now->sockets)[worker * count + number]);
    return error;
}

/* Whether the mode or the owner that is wanted for a file has changed. */
static bool has_other_rights(const struct unix_socket *a, const struct unix_socket *b)
{
    return a->mode != b->mode || a->user != b->user || a->group != b->group;
}

/* Has listener INDEX go on as listener FORMER. */
static int keep(struct relisten *relisten, const struct relisten_now *now, unsigned index,
                unsigned former)
{
    const struct listening *running = now->listening;
    struct listening *next = &relisten->next;
    struct net_set *set = &next->sets[index];
    const struct net_set wanted = *set;
    *set = running->sets[former];
    set->secure = wanted.secure;
    set->backlog = wanted.backlog;
    relisten->kept[former] = true;
    relisten->opened[index] = false;
    relisten->changed[index] = set->secure != running->sets[former].secure;
    if (listening_is_given(running, former))
        memcpy(next->names[index], running->names[former], sizeof next->names[index]);
    int error = 0;
    for (unsigned i = 0; !error && i < running->socket_count; i++) {
        if (running->socket_listeners[i] == former)
            error = claim(relisten, now, i, index, running->socket_addresses[i]);
    }
    return error;
}

/* Keeps the running listener on the place of listener INDEX, if one is there. 0 or -ENOMEM. */
static int keep_whole(struct relisten *relisten, const struct relisten_now *now, unsigned index)
{
    const struct listening *running = now->listening;
    for (unsigned i = 0; i < running->count; i++) {
        if (!relisten->kept[i] &&
            are_places_equal(&relisten->next.wanted[index], &running->wanted[i]))
            return keep(relisten, now, index, i);
    }
    return 0;
}

/* Whether the socket NUMBER that runs is on ADDRESS, of SET. */
static bool is_on(const struct listening *running, unsigned number, const struct net_set *set,
                  const struct net_address *address)
{
    const struct net_set *now = &running->sets[running->socket_listeners[number]];
    return !net_is_unix(now) && !net_is_unix(set) && now->port == set->port &&
           are_addresses_equal(&now->addresses[running->socket_addresses[number]], address);
}

/* Finds sockets for the addresses of listener INDEX, among those of listeners that go. */
static int keep_addresses(struct relisten *relisten, const struct relisten_now *now, unsigned index)
{
    const struct net_set *set = &relisten->next.sets[index];
    const struct listening *running = now->listening;
    int error = 0;
    for (unsigned i = 0; i < set->count && set->port != 0; i++) {
        for (unsigned k = 0; !error && k < running->socket_count; k++) {
            if (!relisten->claimed[k] && is_on(running, k, set, &set->addresses[i]))
                error = claim(relisten, now, k, index, i);
        }
    }
    return error;
}

/* Whether a socket that was given up a moment ago is in the way of one on an address of SET. */
static bool was_left(const struct listening *running, const struct net_set *set)
{
    const uint64_t now_ms = clock_monotonic_ms();
    for (unsigned k = 0; k < LISTENERS_ENDING_MAX; k++) {
        const struct listening_left *left = &running->left[k];
        for (unsigned i = 0; now_ms < left->until_ms && i < set->count; i++) {
            if (left->port == set->port &&
                (net_address_covers(&left->address, &set->addresses[i]) ||
                 net_address_covers(&set->addresses[i], &left->address)))
                return true;
        }
    }
    return false;
}

/* Takes note of the sockets that are given up. */
static void note_left(const struct relisten *relisten, struct listening *running)
{
    for (unsigned k = 0; k < running->socket_count; k++) {
        const struct net_set *set = &running->sets[running->socket_listeners[k]];
        if (relisten->claimed[k] || net_is_unix(set))
            continue;
        running->left[running->left_next] = (struct listening_left){
            .address = set->addresses[running->socket_addresses[k]],
            .port = set->port,
            .until_ms = clock_monotonic_ms() + LEFT_MS,
        };
        running->left_next = (running->left_next + 1) % LISTENERS_ENDING_MAX;
    }
}

/* Whether a socket that runs is in the way of one on an address of SET: at the same port. */
static bool overlaps(const struct listening *running, const struct net_set *set)
{
    for (unsigned k = 0; k < running->socket_count; k++) {
        const struct net_set *now = &running->sets[running->socket_listeners[k]];
        if (!net_is_unix(now) &&
            net_overlaps(set, &now->addresses[running->socket_addresses[k]], now->port))
            return true;
    }
    return was_left(running, set);
}

/* Finds all that is kept: first the listeners that are as before, because another one may have one
 * of their addresses. 0 or -ENOMEM. */
static int find_kept(struct relisten *relisten, const struct relisten_now *now)
{
    struct listening *next = &relisten->next;
    int error = 0;
    for (unsigned i = 0; !error && i < next->count; i++) {
        listening_name(next, i);
        relisten->opened[i] = true;
        error = keep_whole(relisten, now, i);
    }
    for (unsigned i = 0; !error && i < next->count; i++) {
        struct net_set *set = &next->sets[i];
        if (!relisten->opened[i] || net_is_unix(set) || set->port == 0)
            continue;
        set->joins = overlaps(now->listening, set);
        error = keep_addresses(relisten, now, i);
    }
    return error;
}

/* --- Preparing ---------------------------------------------------------------------------------- */

/* The bits of the origins that must not be replaced. */
static uint64_t origins_in_use(const struct relisten_now *now)
{
    uint64_t bits = now->origins;
    for (unsigned i = 0; i < now->listening->count; i++)
        bits |= origins_bits(now->listening->listener_origins[i]);
    return bits;
}

static int find_origins(struct relisten *relisten, const struct relisten_now *now,
                        const struct settings *settings, struct problem *ret_problem)
{
    int error = listening_find_origins(&relisten->next, settings, &now->listening->origins,
                                       origins_in_use(now));
    if (!error)
        return 0;
    problem_set(ret_problem, "connections of too many kinds of former listeners are open");
    problem_remedy(ret_problem, "send SIGHUP again when some have ended, or upgrade (SIGUSR2)");
    return error;
}

int relisten_prepare(struct relisten **ret, const struct relisten_now *now,
                     const struct settings *settings, struct problem *ret_problem)
{
    struct relisten *relisten = calloc(1, sizeof *relisten);
    if (!relisten) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    int error = listening_choose(&relisten->next, settings, ret_problem);
    if (!error) {
        error = find_kept(relisten, now);
        if (error)
            problem_set_no_memory(ret_problem);
    }
    if (!error)
        error = listening_complete(&relisten->next, now->worker_count, &relisten->all,
                                   &relisten->sockets, ret_problem);
    if (error == -EADDRINUSE)
        listening_explain_user(&relisten->next, (*now->sockets)[0], ret_problem);
    if (!error)
        error = find_origins(relisten, now, settings, ret_problem);
    if (error)
        relisten_drop(relisten, now);
    else
        *ret = relisten;
    return error;
}

const struct listening *relisten_listening(const struct relisten *relisten)
{
    return &relisten->next;
}

const int *relisten_sockets(const struct relisten *relisten)
{
    return relisten->sockets;
}

/* --- Reports ------------------------------------------------------------------------------------ */

/* Writes the URLs of SET to TO, as many as fit. */
static void write_urls(const struct net_set *set, char to[static URLS_BYTES])
{
    char urls[NET_URLS_MAX][NET_URL_BYTES];
    const unsigned count = net_urls(set, urls);
    size_t length = 0;
    to[0] = '\0';
    for (unsigned i = 0; i < count && length < URLS_BYTES - NET_URL_BYTES - 2; i++)
        length +=
            (size_t)snprintf(to + length, URLS_BYTES - length, "%s%s", i > 0 ? ", " : "", urls[i]);
}

static void report(const struct relisten *relisten, const struct listening *running)
{
    char urls[URLS_BYTES];
    for (unsigned i = 0; i < running->count; i++) {
        if (relisten->kept[i])
            continue;
        write_urls(&running->sets[i], urls);
        log_say("listens no longer on %s", urls);
    }
    for (unsigned i = 0; i < relisten->next.count; i++) {
        if (!relisten->opened[i] && !relisten->changed[i])
            continue;
        write_urls(&relisten->next.sets[i], urls);
        log_say("listens on %s", urls);
    }
}

/* --- Ends --------------------------------------------------------------------------------------- */

static void destroy(struct relisten *relisten)
{
    for (unsigned i = 0; i < LISTENING_MAX; i++) {
        for (unsigned j = 0; j < NET_ADDRESSES_MAX; j++)
            sockets_free(&relisten->all.lists[i][j]);
    }
    free(relisten->sockets);
    free(relisten);
}

/* Sets the length of the queues of kept sockets, which listen(2) does again. */
static void set_backlogs(const struct relisten *relisten, unsigned worker_count)
{
    const struct listening *next = &relisten->next;
    for (unsigned i = 0; i < worker_count * next->socket_count; i++) {
        const unsigned index = next->socket_listeners[i % next->socket_count];
        listen(relisten->sockets[i], next->sets[index].backlog);
    }
}

/* Gives the files of kept sockets the mode and the owner that are wanted now. */
static void change_rights(struct listening *running)
{
    for (unsigned i = 0; i < running->count; i++) {
        struct unix_socket *now = &running->sets[i].unix_socket;
        const struct unix_socket *wanted = &running->wanted[i].unix_socket;
        if (!net_is_unix(&running->sets[i]) || unix_socket_is_abstract(now) ||
            !has_other_rights(now, wanted))
            continue;
        const int error = unix_socket_change(now, wanted);
        if (error)
            log_write(LOG_LEVEL_WARNING,
                      "mode and owner of unix:%s take effect after a restart: %s", now->path,
                      strerror(-error));
    }
}

void relisten_commit(struct relisten *relisten, const struct relisten_now *now)
{
    struct listening *running = now->listening;
    const struct listening *next = &relisten->next;
    report(relisten, running);
    for (unsigned i = 0; i < running->count; i++) {
        if (!relisten->kept[i])
            unix_socket_remove(&running->sets[i].unix_socket);
    }
    note_left(relisten, running);
    set_backlogs(relisten, now->worker_count);
    memcpy(running->sets, next->sets, sizeof running->sets);
    memcpy(running->wanted, next->wanted, sizeof running->wanted);
    memcpy(running->names, next->names, sizeof running->names);
    memcpy(running->socket_listeners, next->socket_listeners, sizeof running->socket_listeners);
    memcpy(running->socket_addresses, next->socket_addresses, sizeof running->socket_addresses);
    memcpy(running->socket_origins, next->socket_origins, sizeof running->socket_origins);
    memcpy(running->socket_shared, next->socket_shared, sizeof running->socket_shared);
    memcpy(running->listener_origins, next->listener_origins, sizeof running->listener_origins);
    running->count = next->count;
    change_rights(running);
    running->socket_count = next->socket_count;
    free(*now->sockets);
    *now->sockets = relisten->sockets;
    relisten->sockets = NULL;
    destroy(relisten);
}

/* Whether FD is a socket of NOW. */
static bool is_running(const struct relisten_now *now, int fd)
{
    for (unsigned i = 0; i < now->worker_count * now->listening->socket_count; i++) {
        if ((*now->sockets)[i] == fd)
            return true;
    }
    return false;
}

void relisten_drop(struct relisten *relisten, const struct relisten_now *now)
{
    if (!relisten)
        return;
    for (unsigned i = 0; i < LISTENING_MAX; i++) {
        for (unsigned j = 0; j < NET_ADDRESSES_MAX; j++) {
            const struct sockets *list = &relisten->all.lists[i][j];
            for (unsigned k = 0; k < list->count; k++) {
                if (!is_running(now, list->fds[k]))
                    close(list->fds[k]);
            }
        }
        if (relisten->opened[i])
            unix_socket_remove(&relisten->next.sets[i].unix_socket);
    }
    destroy(relisten);
}
