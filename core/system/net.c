/* net: see net.h. ip(7), ipv6(7), socket(7). */
#include "system/net.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    FREE_PORT_TRIES = 16,
    /* A port that is in use is tried for half a second: the kernel frees the sockets of a
     * process that was killed while its io_uring was in use some milliseconds after the process
     * has ended. */
    BUSY_PORT_TRIES = 26,
    BUSY_PORT_PAUSE_MS = 20,
    /* A connection is accepted when it has sent something, or after this time (tcp(7),
     * TCP_DEFER_ACCEPT; 1 is the minimum). That saves an event and a failed recv: a connection with
     * one request takes 0.66 times the CPU time that it takes without this (bench/bench wrk --only
     * close-64). */
    DEFER_SECONDS = 1,
};

/* --- The set ---------------------------------------------------------------------------------- */

/* Adds ADDRESS to SET, unless it is covered; removes the addresses that it covers. */
static enum net_added add(struct net_set *set, struct net_address address)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < set->count; i++) {
        if (!net_address_covers(&set->addresses[i], &address))
            continue;
        /* An address that is given by itself is not optional. */
        if (net_address_equal(&set->addresses[i], &address))
            set->addresses[i].optional &= address.optional;
        return NET_ADDED;
    }
    for (unsigned i = 0; i < set->count; i++)
        if (!net_address_covers(&address, &set->addresses[i]))
            set->addresses[kept++] = set->addresses[i];
    set->count = kept;
    if (set->count == NET_ADDRESSES_MAX)
        return NET_ADDED_TOO_MANY;
    set->addresses[set->count++] = address;
    return NET_ADDED;
}

/* Explains why TEXT is not an address. */
static enum net_added diagnose(const char *text)
{
    struct str all = str_of(text);
    size_t colon = str_find_last(all, ':');
    bool bracketed = str_starts_with(all, STR("["));
    if (colon < all.length && colon + 1 < all.length && char_is_digit(text[all.length - 1]) &&
        (bracketed ? text[colon - 1] == ']' : str_find(all, ':') == colon))
        return NET_ADDED_HAS_PORT;
    if (colon == all.length && !bracketed && strspn(text, "0123456789./*") < all.length)
        return NET_ADDED_NOT_NUMERIC;
    return NET_ADDED_MALFORMED;
}

enum net_added net_add(struct net_set *set, const char *text)
{
    struct net_address address;
    if (str_equal_nocase(str_of(text), STR("localhost"))) {
        enum net_added added = add(set, net_address_v4(INADDR_LOOPBACK));
        address = net_address_v6(in6addr_loopback);
        address.optional = true;
        return added == NET_ADDED ? add(set, address) : added;
    }
    return net_address_parse(text, &address) ? add(set, address) : diagnose(text);
}

void net_add_any(struct net_set *set)
{
    struct net_address any = net_address_v6(in6addr_any);
    any.dual_stack = true;
    add(set, any);
}

void net_set_unix(struct net_set *set, const struct unix_socket *unix_socket)
{
    set->unix_socket = *unix_socket;
    set->count = 1;
}

bool net_overlaps(const struct net_set *set, const struct net_address *address, uint16_t port)
{
    if (net_is_unix(set) || set->port == 0 || set->port != port)
        return false;
    for (unsigned i = 0; i < set->count; i++) {
        if (net_address_covers(address, &set->addresses[i]) ||
            net_address_covers(&set->addresses[i], address))
            return true;
    }
    return false;
}

/* --- Listening -------------------------------------------------------------------------------- */

static int set_flag(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) < 0 ? -errno : 0;
}

void net_bound_unsent(int fd, uint32_t bytes)
{
    set_flag(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, (int)bytes);
}

static int bind_to(int fd, struct net_address address, uint16_t port)
{
    if (net_address_is_v6(&address))
        address.at.v6.sin6_port = htons(port);
    else
        address.at.v4.sin_port = htons(port);
    return bind(fd, &address.at.any, net_address_bytes(&address)) < 0 ? -errno : 0;
}

/* Finds the port that FD is bound to. Returns 0 or a negative errno. */
static int find_port(int fd, uint16_t *ret)
{
    struct net_address address = {0};
    socklen_t length = sizeof address.at;
    if (getsockname(fd, &address.at.any, &length) < 0)
        return -errno;
    *ret = ntohs(net_address_is_v6(&address) ? address.at.v6.sin6_port : address.at.v4.sin_port);
    return 0;
}

/* The position of a listener among those on one address and port. */
enum order {
    FIRST, /* must be alone on the port: binds and listens without SO_REUSEPORT */
    JOINING,
};

/* Sets the options of FD that accepted sockets inherit. Returns 0 or a negative errno. */
static int tune(int fd)
{
    int error = set_flag(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (!error)
        set_flag(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, DEFER_SECONDS); /* if the kernel offers it */
    return error ? error : set_flag(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, NET_UNSENT_BYTES_MAX);
}

/* Sets the options of FD that must be set before it is bound. Returns 0 or a negative errno. */
static int prepare(int fd, const struct net_address *address, enum order order)
{
    int error = set_flag(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (!error && net_address_is_v6(address))
        error = set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, !address->dual_stack);
    if (!error)
        error = tune(fd);
    if (!error && order == JOINING)
        error = set_flag(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    return error;
}

/* Opens a listener on ADDRESS, one of SET's. Returns the descriptor, or a negative errno with
 * *RET_FAILURE set. */
static int open_listener(const struct net_set *set, const struct net_address *address,
                         enum order order, struct net_failure *ret_failure)
{
    enum net_step step = NET_STEP_SOCKET;
    int fd = socket(address->at.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = fd < 0 ? -errno : prepare(fd, address, order);
    if (!error) {
        step = NET_STEP_BIND;
        error = bind_to(fd, *address, set->port);
    }
    if (!error) {
        step = NET_STEP_LISTEN;
        error = listen(fd, set->backlog) < 0 ? -errno : 0;
    }
    /* From here on the other workers may join. The kernel forms the group when the second one
     * joins. */
    if (!error && order == FIRST)
        error = set_flag(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (!error)
        return fd;
    if (fd >= 0)
        close(fd);
    *ret_failure = (struct net_failure){step, *address, set->port};
    return error;
}

static bool has_flag(int fd, int level, int name)
{
    int value = 0;
    socklen_t length = sizeof value;
    return getsockopt(fd, level, name, &value, &length) == 0 && value != 0;
}

int net_open_sibling(int fd, int backlog)
{
    struct net_address address = {.optional = false};
    struct net_set set = {.backlog = backlog};
    struct net_failure failure;
    socklen_t length = sizeof address.at;
    if (!has_flag(fd, SOL_SOCKET, SO_REUSEPORT))
        return -EOPNOTSUPP;
    if (getsockname(fd, &address.at.any, &length) < 0)
        return -errno;
    address.dual_stack = net_address_is_v6(&address) && !has_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    int error = find_port(fd, &set.port);
    return error ? error : open_listener(&set, &address, JOINING, &failure);
}

void net_adopt(int fd)
{
    const int flags = fcntl(fd, F_GETFL);
    if (flags >= 0)
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    tune(fd); /* fails on a socket of the Unix domain */
}

static bool means_missing(int error)
{
    return error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL || error == -EPROTONOSUPPORT;
}

static void close_all(int *fds, unsigned count)
{
    while (count > 0)
        close(fds[--count]);
}

/* Opens the first worker's listeners and updates SET to the addresses and the port really used. */
static int open_first(struct net_set *set, int *fds, struct net_failure *ret_failure)
{
    for (unsigned i = 0; i < set->count;) {
        struct net_address *address = &set->addresses[i];
        int fd = open_listener(set, address, set->joins ? JOINING : FIRST, ret_failure);
        if (fd < 0 && means_missing(fd) && address->dual_stack) {
            *address = net_address_v4(INADDR_ANY);
            continue;
        }
        if (fd < 0 && means_missing(fd) && address->optional) {
            set->count--;
            memmove(address, address + 1, (set->count - i) * sizeof *address);
            continue;
        }
        if (fd < 0) {
            close_all(fds, i);
            return fd;
        }
        fds[i++] = fd;
        int error = set->port == 0 ? find_port(fd, &set->port) : 0;
        if (error) {
            close_all(fds, i);
            return error;
        }
    }
    return 0;
}

static int open_others(const struct net_set *set, unsigned worker_count, int *fds,
                       struct net_failure *ret_failure)
{
    for (unsigned i = set->count; i < worker_count * set->count; i++) {
        fds[i] = open_listener(set, &set->addresses[i % set->count], JOINING, ret_failure);
        if (fds[i] < 0) {
            close_all(fds, i);
            return fds[i];
        }
    }
    return 0;
}

/* Opens the listeners of all workers once. Updates SET as open_first does. */
static int open_all(struct net_set *set, unsigned worker_count, int *fds,
                    struct net_failure *ret_failure)
{
    int error = open_first(set, fds, ret_failure);
    return error ? error : open_others(set, worker_count, fds, ret_failure);
}

static void pause_ms(unsigned ms)
{
    const struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&pause, NULL);
}

/* Opens all listeners, in several tries. A port of our choice that is free on the first address may
 * be busy on the next: takes another. A given port that is in use may be free in a moment. */
static int open_patiently(struct net_set *set, unsigned worker_count, int *fds,
                          struct net_failure *ret_failure)
{
    const struct net_set wanted = *set;
    const unsigned tries_max = wanted.port ? BUSY_PORT_TRIES : FREE_PORT_TRIES;
    int error = open_all(set, worker_count, fds, ret_failure);
    for (unsigned tries = 1; error == -EADDRINUSE && tries < tries_max; tries++) {
        if (wanted.port)
            pause_ms(BUSY_PORT_PAUSE_MS);
        *set = wanted;
        error = open_all(set, worker_count, fds, ret_failure);
    }
    return error;
}

/* Opens one socket for all workers. A socket whose process was killed may be alive for a moment, as
 * a port may be busy. */
static int open_unix(struct net_set *set, unsigned worker_count, int *fds,
                     struct problem *ret_problem)
{
    int fd = unix_socket_listen(&set->unix_socket, set->backlog, ret_problem);
    for (unsigned tries = 1; fd == -EADDRINUSE && tries < BUSY_PORT_TRIES; tries++) {
        pause_ms(BUSY_PORT_PAUSE_MS);
        fd = unix_socket_listen(&set->unix_socket, set->backlog, ret_problem);
    }
    if (fd < 0)
        return fd;
    fds[0] = fd;
    for (unsigned i = 1; i < worker_count; i++) {
        fds[i] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (fds[i] >= 0)
            continue;
        int error = -errno;
        close_all(fds, i);
        unix_socket_remove(&set->unix_socket);
        problem_set(ret_problem, "cannot share a socket: %s", strerror(-error));
        problem_remedy(ret_problem, "raise the limit of descriptors (ulimit -n)");
        return error;
    }
    return 0;
}

int net_listen(struct net_set *set, unsigned worker_count, int **ret_fds,
               struct problem *ret_problem)
{
    const struct net_set wanted = *set;
    struct net_failure failure = {NET_STEP_SOCKET, set->addresses[0], set->port};
    int *fds = calloc((size_t)worker_count * set->count, sizeof *fds);
    int error = -ENOMEM;
    if (fds && net_is_unix(set))
        error = open_unix(set, worker_count, fds, ret_problem);
    else if (fds)
        error = open_patiently(set, worker_count, fds, &failure);
    if (error) {
        if (!fds || !net_is_unix(set))
            net_explain(&failure, error, ret_problem);
        *set = wanted;
        free(fds);
        return error;
    }
    *ret_fds = fds;
    return 0;
}

void net_explain(const struct net_failure *failure, int error, struct problem *ret_problem)
{
    static const char *const steps[] = {
        [NET_STEP_SOCKET] = "open a socket for",
        [NET_STEP_BIND] = "bind",
        [NET_STEP_LISTEN] = "listen on",
    };
    const struct net_address *address = &failure->address;
    char where[NET_ADDRESS_BYTES];
    const bool everywhere = net_address_is_wildcard(address);
    static_assert(COUNT_OF(steps) == NET_STEP_LISTEN + 1, "one text a step");
    net_address_text(address, where);
    if (error == -EADDRINUSE) {
        problem_set(ret_problem, "port %u%s%s is in use", failure->port, everywhere ? "" : " on ",
                    everywhere ? "" : where);
        problem_remedy(ret_problem, "stop the other program or choose another port");
    } else if (error == -EACCES && failure->step == NET_STEP_BIND) {
        problem_set(ret_problem, "no right to listen on port %u", failure->port);
        problem_remedy(ret_problem, "choose a port from 1024, or grant CAP_NET_BIND_SERVICE");
    } else if (error == -EADDRNOTAVAIL) {
        problem_set(ret_problem, "%s is not an address of this machine", where);
        problem_remedy(ret_problem, "choose one that 'ip address' lists");
    } else if (error == -EINVAL && net_address_is_v6(address)) {
        problem_set(ret_problem, "%s is a link-local address without its link", where);
        problem_remedy(ret_problem, "add the interface, as in %s%%eth0", where);
    } else {
        problem_set(ret_problem, "cannot %s %s port %u: %s", steps[failure->step], where,
                    failure->port, strerror(-error));
        problem_remedy(ret_problem, "try another --bind address");
    }
}
