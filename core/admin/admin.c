/* admin: see admin.h. */
#include "admin/admin.h"

#include "admin/admin_clients.h"
#include "base/clock.h"
#include "system/event_fd.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    ACCEPTS_MAX = 64, /* before other connections have their turn */
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
    struct admin_sockets sockets;
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

static int create(struct admin **ret, struct problem *ret_problem)
{
    struct admin *admin = calloc(1, sizeof *admin);
    if (!admin) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    admin_clients_init(&admin->clients);
    admin->wake_fd = event_fd_open();
    const int error = admin->wake_fd < 0 ? admin->wake_fd : 0;
    if (error) {
        problem_set(ret_problem, "cannot listen: %s", strerror(-error));
        admin_destroy(admin);
        return error;
    }
    *ret = admin;
    return 0;
}

int admin_listen(struct admin **ret, const char *where, const struct admin_surroundings *around,
                 struct problem *ret_problem)
{
    struct admin *admin;
    int error = create(&admin, ret_problem);
    if (!error) {
        error = admin_sockets_open(&admin->sockets, where, around, ret_problem);
        if (error)
            admin_destroy(admin);
        else
            *ret = admin;
    }
    if (error)
        problem_of_option(ret_problem, "admin");
    return error;
}

const struct admin_sockets *admin_sockets_of(const struct admin *admin)
{
    return admin ? &admin->sockets : NULL;
}

int admin_keep(struct admin *admin)
{
    return admin ? unix_socket_keep(&admin->sockets.set.unix_socket) : 0;
}

bool admin_is_given(const struct admin *admin)
{
    return admin->sockets.are_given;
}

int admin_check(const struct admin *admin, const struct admin_surroundings *around,
                struct problem *ret_problem)
{
    const int error = admin_sockets_check(&admin->sockets, around, ret_problem);
    if (error)
        problem_of_option(ret_problem, "admin");
    return error;
}

int admin_succeed(struct admin *next, struct admin *former)
{
    if (next && former && next->sockets.set.unix_socket.is_handed_over)
        unix_socket_leave(&former->sockets.set.unix_socket);
    admin_destroy(former);
    return admin_keep(next);
}

void admin_where(const struct admin *admin, char to[static ADMIN_WHERE_BYTES])
{
    admin_sockets_where(&admin->sockets, to);
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
        .guarded = admin_sockets_are_local(&admin->sockets),
        .draining = atomic_load(&admin->draining),
    };
    find_stuck(admin, clock_monotonic_ms(), &state);
    return admin_answer_make(&state, head, keeps);
}

/* --- The thread ------------------------------------------------------------------------------- */

/* Accepts what waits, ACCEPTS_MAX at most. False: no descriptor is left for one. */
static bool accept_all(struct admin *admin, int listener, uint64_t now_ms)
{
    for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            admin_clients_add(&admin->clients, fd, now_ms);
        else if (errno != EINTR && errno != ECONNABORTED)
            return errno == EAGAIN;
    }
    return true;
}

/* Whether the thread goes on. Asked to end, it answers those that have connected by then, for a
 * moment, and accepts no others: they may be probes, for which another process accepts now. */
static bool goes_on(struct admin *admin, uint64_t now_ms, uint64_t *end_ms)
{
    if (!atomic_load(&admin->ending))
        return true;
    if (*end_ms == UINT64_MAX) {
        *end_ms = now_ms + LAST_ANSWERS_MS;
        for (unsigned i = 0; i < admin->sockets.count; i++)
            accept_all(admin, admin->sockets.fds[i], now_ms);
    }
    return now_ms < *end_ms && admin_clients_busy(&admin->clients);
}

/* As poll(2). Where the kernel has no memory for that, it waits a moment, without events. */
static void wait_for_events(struct pollfd *watched, unsigned count, int wait_ms)
{
    const struct timespec moment = {.tv_nsec = PAUSE_MS * 1000000L};
    if (poll(watched, count, wait_ms) < 0 && errno != EINTR)
        nanosleep(&moment, NULL);
}

static void *run(void *argument)
{
    struct admin *admin = argument;
    const struct admin_sockets *sockets = &admin->sockets;
    struct pollfd watched[1 + ADMIN_SOCKETS_MAX + ADMIN_CLIENTS_MAX];
    uint64_t paused_until_ms = 0, end_ms = UINT64_MAX, now_ms;
    while (now_ms = clock_monotonic_ms(), goes_on(admin, now_ms, &end_ms)) {
        const bool paused = now_ms < paused_until_ms || end_ms != UINT64_MAX;
        unsigned count = 0;
        watched[count++] = (struct pollfd){admin->wake_fd, POLLIN, 0};
        for (unsigned i = 0; i < sockets->count; i++)
            watched[count++] = (struct pollfd){paused ? -1 : sockets->fds[i], POLLIN, 0};
        int wait_ms = admin_clients_watch(&admin->clients, &watched[count], now_ms);
        if (paused && (wait_ms < 0 || wait_ms > PAUSE_MS))
            wait_ms = PAUSE_MS;
        wait_for_events(watched, count + ADMIN_CLIENTS_MAX, wait_ms);
        now_ms = clock_monotonic_ms();
        event_fd_take(admin->wake_fd);
        admin_clients_serve(&admin->clients, &watched[count], now_ms);
        for (unsigned i = 0; i < sockets->count; i++) {
            if ((watched[1 + i].revents & POLLIN) && !accept_all(admin, sockets->fds[i], now_ms))
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
    admin_sockets_close(&admin->sockets);
}

void admin_release(struct admin *admin)
{
    if (!admin)
        return;
    unix_socket_leave(&admin->sockets.set.unix_socket);
    end(admin);
}

void admin_destroy(struct admin *admin)
{
    if (!admin)
        return;
    end(admin);
    unix_socket_remove(&admin->sockets.set.unix_socket);
    if (admin->wake_fd >= 0)
        close(admin->wake_fd);
    free(admin->watches);
    free(admin);
}
