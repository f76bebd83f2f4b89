/* admin: see admin.h. */
#include "admin/admin.h"

#include "admin/admin_clients.h"
#include "base/clock.h"
#include "config/listen.h"
#include "system/event_fd.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LISTENERS_MAX = 4, /* localhost has two addresses */
    BACKLOG = 64,
    STUCK_MS = 10 * 1000,
    PAUSE_MS = 100, /* without a descriptor for a connection */
    LAST_ANSWERS_MS = 500,
};

/* Whether a worker turns. */
struct watch {
    uint64_t turns;    /* when it was last asked */
    uint64_t woken_ms; /* since when it owes a turn; 0: it owes none */
};

struct admin {
    struct net_set set;
    struct unix_socket unix_socket; /* without a path: SET */
    int listeners[LISTENERS_MAX];
    unsigned listener_count;
    bool guarded;
    struct admin_source source;
    struct watch *watches; /* one for each worker */
    int wake_fd;
    bool started;
    pthread_t thread;
    atomic_bool draining;
    atomic_bool ending;
    struct admin_clients clients;
};

/* --- Listening -------------------------------------------------------------------------------- */

static bool is_loopback(const struct net_address *address)
{
    if (net_address_is_v6(address))
        return IN6_IS_ADDR_LOOPBACK(&address->at.v6.sin6_addr);
    return ntohl(address->at.v4.sin_addr.s_addr) >> 24 == 127;
}

/* Sets what ADMIN is to listen on, from WHERE. */
static int choose(struct admin *admin, const char *where, struct problem *ret_problem)
{
    struct listen listen;
    int error = listen_parse(str_of(where), &listen, ret_problem);
    if (error)
        return error;
    admin->unix_socket = listen.unix_socket;
    if (admin->unix_socket.path[0])
        return 0;
    net_add(&admin->set, listen.address[0] ? listen.address : "127.0.0.1");
    admin->set.port = listen.port;
    admin->set.backlog = BACKLOG;
    admin->guarded = true;
    for (unsigned i = 0; i < admin->set.count; i++)
        admin->guarded &= is_loopback(&admin->set.addresses[i]);
    return 0;
}

static int create(struct admin **ret, const char *where, struct problem *ret_problem)
{
    struct admin *admin = calloc(1, sizeof *admin);
    if (!admin) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    admin_clients_init(&admin->clients);
    admin->wake_fd = event_fd_open();
    int error = admin->wake_fd < 0 ? admin->wake_fd : 0;
    if (error)
        problem_set(ret_problem, "cannot listen: %s", strerror(-error));
    else
        error = choose(admin, where, ret_problem);
    if (error)
        admin_destroy(admin);
    else
        *ret = admin;
    return error;
}

static int open_sockets(struct admin *admin, struct problem *ret_problem)
{
    int *fds = NULL;
    if (admin->unix_socket.path[0]) {
        int fd = unix_socket_listen(&admin->unix_socket, BACKLOG, ret_problem);
        if (fd < 0)
            return fd;
        admin->listeners[admin->listener_count++] = fd;
        return 0;
    }
    int error = net_listen(&admin->set, 1, &fds, ret_problem);
    for (unsigned i = 0; !error && i < admin->set.count && i < LISTENERS_MAX; i++)
        admin->listeners[admin->listener_count++] = fds[i];
    free(fds);
    return error;
}

static int check_port(const struct admin *admin, const uint16_t *content_ports, unsigned count,
                      struct problem *ret_problem)
{
    for (unsigned i = 0; i < count; i++) {
        if (admin->unix_socket.path[0] || admin->set.port == 0 ||
            content_ports[i] != admin->set.port)
            continue;
        problem_set(ret_problem, "port %u is one that files are served on", admin->set.port);
        problem_remedy(ret_problem, "choose another one");
        return -EADDRINUSE;
    }
    return 0;
}

int admin_listen(struct admin **ret, const char *where, const uint16_t *content_ports,
                 unsigned count, struct problem *ret_problem)
{
    struct admin *admin;
    int error = create(&admin, where, ret_problem);
    if (!error) {
        error = check_port(admin, content_ports, count, ret_problem);
        if (!error)
            error = open_sockets(admin, ret_problem);
        if (error)
            admin_destroy(admin);
        else
            *ret = admin;
    }
    if (error)
        problem_of_option(ret_problem, "admin");
    return error;
}

int admin_take_fd(struct admin **ret, const char *where, int fd, struct problem *ret_problem)
{
    struct admin *admin;
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t bytes = sizeof address;
    int error = create(&admin, where, ret_problem);
    if (error)
        return error;
    if (getsockname(fd, (struct sockaddr *)&address, &bytes) == 0) {
        if (address.ss_family == AF_INET)
            admin->set.port = ntohs(((const struct sockaddr_in *)(const void *)&address)->sin_port);
        else if (address.ss_family == AF_INET6)
            admin->set.port =
                ntohs(((const struct sockaddr_in6 *)(const void *)&address)->sin6_port);
    }
    admin->listeners[admin->listener_count++] = fd;
    *ret = admin;
    return 0;
}

void admin_add_fd(struct admin *admin, int fd)
{
    if (admin->listener_count < COUNT_OF(admin->listeners))
        admin->listeners[admin->listener_count++] = fd;
    else
        close(fd);
}

void admin_keep_file(struct admin *admin)
{
    if (admin->unix_socket.path[0])
        unix_socket_keep(&admin->unix_socket);
}

unsigned admin_fds(const struct admin *admin, const int **ret)
{
    if (!admin)
        return 0;
    *ret = admin->listeners;
    return admin->listener_count;
}

void admin_where(const struct admin *admin, char to[static ADMIN_WHERE_BYTES])
{
    char urls[NET_URLS_MAX][NET_URL_BYTES];
    if (admin->unix_socket.path[0])
        snprintf(to, ADMIN_WHERE_BYTES, "unix:%s", admin->unix_socket.path);
    else
        snprintf(to, ADMIN_WHERE_BYTES, "%sstatus", net_urls(&admin->set, urls) > 0 ? urls[0] : "");
}

/* --- The state of the server ------------------------------------------------------------------ */

/* Has workers that have made no turn since the last call take one, and finds one that was woken
 * stuck_ms ago and has not. In a drain workers end. */
static void find_stuck(struct admin *admin, uint64_t now_ms, struct admin_state *state)
{
    const struct admin_source *source = &admin->source;
    state->stuck_worker = ADMIN_NONE_STUCK;
    for (unsigned i = 0; !state->draining && i < source->worker_count; i++) {
        struct watch *watch = &admin->watches[i];
        const uint64_t turns = counters_read(source->counters(source->owner, i), COUNTER_TURNS);
        if (turns != watch->turns || watch->woken_ms == 0) {
            watch->turns = turns;
            watch->woken_ms = now_ms;
            source->wake(source->owner, i);
        } else if (now_ms - watch->woken_ms >= source->stuck_ms) {
            state->stuck_worker = (int)i;
            state->stuck_ms = now_ms - watch->woken_ms;
        }
    }
}

/* Answers HEAD. */
static struct admin_answer answer(void *owner, const struct h1_head *head, bool keeps)
{
    struct admin *admin = owner;
    struct admin_state state = {
        .source = &admin->source,
        .now = (double)clock_wall_us() / 1e6,
        .guarded = admin->guarded,
        .draining = atomic_load(&admin->draining),
    };
    find_stuck(admin, clock_monotonic_ms(), &state);
    return admin_answer_make(&state, head, keeps);
}

/* --- The thread ------------------------------------------------------------------------------- */

/* Accepts what waits, BACKLOG at most. False: no descriptor is left for one. */
static bool accept_all(struct admin *admin, int listener, uint64_t now_ms)
{
    for (unsigned i = 0; i < BACKLOG; i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            admin_clients_add(&admin->clients, fd, now_ms);
        else if (errno != EINTR && errno != ECONNABORTED)
            return errno == EAGAIN;
    }
    return true;
}

/* Whether the thread goes on. Asked to end, it answers those that have connected, for a moment, and
 * accepts no others: they may be probes, for which another process accepts now. */
static bool goes_on(struct admin *admin, uint64_t now_ms, uint64_t *end_ms)
{
    if (!atomic_load(&admin->ending))
        return true;
    *end_ms = u64_min(*end_ms, now_ms + LAST_ANSWERS_MS);
    return now_ms < *end_ms && admin_clients_busy(&admin->clients);
}

static void *run(void *argument)
{
    struct admin *admin = argument;
    struct pollfd watched[1 + LISTENERS_MAX + ADMIN_CLIENTS_MAX];
    uint64_t paused_until_ms = 0, end_ms = UINT64_MAX, now_ms;
    while (now_ms = clock_monotonic_ms(), goes_on(admin, now_ms, &end_ms)) {
        const bool paused = now_ms < paused_until_ms || end_ms != UINT64_MAX;
        unsigned count = 0;
        watched[count++] = (struct pollfd){admin->wake_fd, POLLIN, 0};
        for (unsigned i = 0; i < admin->listener_count; i++)
            watched[count++] = (struct pollfd){paused ? -1 : admin->listeners[i], POLLIN, 0};
        int wait_ms = admin_clients_watch(&admin->clients, &watched[count], now_ms);
        if (paused && (wait_ms < 0 || wait_ms > PAUSE_MS))
            wait_ms = PAUSE_MS;
        if (poll(watched, count + ADMIN_CLIENTS_MAX, wait_ms) < 0 && errno != EINTR)
            break;
        now_ms = clock_monotonic_ms();
        event_fd_take(admin->wake_fd);
        admin_clients_serve(&admin->clients, &watched[count], now_ms);
        for (unsigned i = 0; i < admin->listener_count; i++) {
            if ((watched[1 + i].revents & POLLIN) &&
                !accept_all(admin, admin->listeners[i], now_ms))
                paused_until_ms = now_ms + PAUSE_MS;
        }
    }
    return NULL;
}

int admin_start(struct admin *admin, const struct admin_source *source)
{
    if (!admin)
        return 0;
    admin->source = *source;
    if (source->stuck_ms == 0)
        admin->source.stuck_ms = STUCK_MS;
    admin->watches = calloc(source->worker_count, sizeof *admin->watches);
    if (!admin->watches)
        return -ENOMEM;
    admin->clients.answer = answer;
    admin->clients.owner = admin;
    const int error = -pthread_create(&admin->thread, NULL, run, admin);
    admin->started = error == 0;
    return error;
}

void admin_set_draining(struct admin *admin)
{
    if (admin)
        atomic_store(&admin->draining, true);
}

static void end(struct admin *admin)
{
    atomic_store(&admin->ending, true);
    event_fd_signal(admin->wake_fd);
    if (admin->started)
        pthread_join(admin->thread, NULL);
    admin->started = false;
    admin_clients_fini(&admin->clients);
    for (unsigned i = 0; i < admin->listener_count; i++)
        close(admin->listeners[i]);
    admin->listener_count = 0;
}

void admin_release(struct admin *admin)
{
    if (!admin)
        return;
    unix_socket_leave(&admin->unix_socket);
    end(admin);
}

void admin_destroy(struct admin *admin)
{
    if (!admin)
        return;
    end(admin);
    unix_socket_remove(&admin->unix_socket);
    if (admin->wake_fd >= 0)
        close(admin->wake_fd);
    free(admin->watches);
    free(admin);
}
