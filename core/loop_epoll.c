/* loop_epoll: see loop_epoll.h. epoll(7), accept4(2), sendmsg(2), sendfile(2).
 *
 * A turn: wait for events, store what they say, accept, expire timers, then give each connection in
 * the run list its turn, and bury the closed. */
#include "loop_epoll.h"

#include "transfer.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 256,         /* taken from the kernel at once */
    BYTES_PER_TURN = 1 << 20, /* a connection, in and out: one large sendfile, see transfer */
};

/* An event carries opcode 8 | slot 24 | generation 32. */
enum opcode { OP_LISTENER = 1, OP_WAKE, OP_FILES, OP_CONN };

static uint64_t identity_of(enum opcode opcode, uint32_t slot, uint32_t generation)
{
    return (uint64_t)opcode << 56 | (uint64_t)slot << 32 | generation;
}

static void read_clocks(struct loop_epoll *loop)
{
    struct timespec monotonic, wall;
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    clock_gettime(CLOCK_REALTIME_COARSE, &wall);
    uint64_t ms = (uint64_t)monotonic.tv_sec * 1000 + (uint64_t)monotonic.tv_nsec / 1000000;
    date_now_set(&loop->context->now, ms, wall.tv_sec);
}

/* --- The run list ------------------------------------------------------------------------------- */

/* CONN may be able to get on: it gets a turn. */
static void make_runnable(struct loop_epoll *loop, struct conn *conn)
{
    if (conn->state == CONN_CLOSED)
        return;
    list_remove(&conn->queue); /* it may stand in the list of the starved */
    list_append(&loop->run, &conn->queue);
}

static void close_conn(struct loop_epoll *loop, struct conn *conn)
{
    conns_close(loop->conns, conn);
    listeners_resume(&loop->listeners);
}

/* After an error of the socket: the peer is gone, or as good as. */
static void reset_conn(struct loop_epoll *loop, struct conn *conn)
{
    counters_add(loop->context->counters, COUNTER_CONNECTIONS_RESET, 1);
    close_conn(loop, conn);
}

/* Closes a connection that holds storage and doesn't get on. False if there is none, or it is SPARED. */
static bool shed_one(struct loop_epoll *loop, const struct conn *spared)
{
    struct conn *victim = conn_to_shed(loop->context);
    if (!victim || victim == spared)
        return false;
    counters_add(loop->context->counters, COUNTER_CONNECTIONS_SHED, 1);
    close_conn(loop, victim);
    return true;
}

/* When storage has come back, or can be had by shedding, who waits for some tries again. */
static void feed_starved(struct loop_epoll *loop)
{
    struct conn_context *context = loop->context;
    bool waiting = !list_is_empty(&context->starved);
    if (waiting && (context->returned || shed_one(loop, NULL))) {
        struct list *node;
        while ((node = list_take_first(&context->starved)))
            make_runnable(loop, CONTAINER_OF(node, struct conn, queue));
    }
    context->returned = false;
}

/* --- A connection's turn ------------------------------------------------------------------------ */

/* All is sent: our side is shut, what still comes in is thrown away. */
static void begin_linger(struct loop_epoll *loop, struct conn *conn)
{
    if (shutdown(conn->fd, SHUT_WR) < 0) {
        reset_conn(loop, conn);
        return;
    }
    conn_linger(loop->context, conn);
    make_runnable(loop, conn);
}

/* A turn of a connection in CONN_LINGERING. */
static void run_lingering(struct loop_epoll *loop, struct conn *conn)
{
    size_t budget = BYTES_PER_TURN;
    while (conn->readable && budget > 0) {
        if (transfer_discard(conn, &budget) == TRANSFER_FAILED || conn->input_ended) {
            close_conn(loop, conn);
            return;
        }
    }
    if (conn->readable)
        make_runnable(loop, conn);
    conn_settle(loop->context, conn);
}

/* Receives; room for it is made at the cost of somebody who doesn't get on if there is no other way. FULL
 * if there is none: CONN then waits. */
static enum transfer receive(struct loop_epoll *loop, struct conn *conn, size_t *budget)
{
    enum transfer result;
    do
        result = transfer_receive(loop->context, conn, budget);
    while (result == TRANSFER_FULL && shed_one(loop, conn));
    if (result == TRANSFER_FULL)
        conn_starve(loop->context, conn);
    return result;
}

/* Moves bytes in both directions until CONN can't get on or its budget is used up. False if the
 * connection failed. Output goes first: it frees what input would have to wait for. */
static bool pump(struct loop_epoll *loop, struct conn *conn)
{
    size_t budget = BYTES_PER_TURN;
    conn_work(loop->context, conn);
    for (;;) {
        bool sends = conn->writable && outq_unsent(&conn->output) > 0;
        bool receives = !sends && conn->readable && conn_wants_input(conn);
        if (!sends && !receives)
            return true;
        if (budget == 0)
            break;
        enum transfer result = sends ? transfer_send(loop->context, conn, &budget)
                                     : receive(loop, conn, &budget);
        if (result == TRANSFER_FAILED)
            return false;
        if (result == TRANSFER_FULL)
            return true;
        /* While output is left, what was sent may not have changed what the session can do. */
        if (receives || outq_unsent(&conn->output) == 0)
            conn_work(loop->context, conn);
    }
    make_runnable(loop, conn); /* at the back */
    return true;
}

static bool register_conn(struct loop_epoll *loop, struct conn *conn)
{
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
        .data.u64 = identity_of(OP_CONN, conn->slot, conn->generation),
    };
    conn->registered = epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, conn->fd, &event) == 0;
    return conn->registered;
}

static void run_conn(struct loop_epoll *loop, struct conn *conn)
{
    if (conn->state == CONN_LINGERING) {
        run_lingering(loop, conn);
        return;
    }
    if (!pump(loop, conn)) {
        reset_conn(loop, conn);
        return;
    }
    enum conn_verdict verdict = conn_verdict(loop->context, conn);
    if (verdict == CONN_ENDS)
        verdict = transfer_delivered(conn) ? CONN_CLOSES : CONN_LINGERS;
    if (verdict == CONN_CLOSES) {
        close_conn(loop, conn);
        return;
    }
    /* Only who is still here after its first turn is registered: one request and an end costs no
     * epoll_ctl. What happened before is reported at once. */
    if (!conn->registered && !register_conn(loop, conn)) {
        reset_conn(loop, conn);
        return;
    }
    if (verdict == CONN_LINGERS)
        begin_linger(loop, conn);
    if (conn->state != CONN_CLOSED)
        conn_settle(loop->context, conn);
}

/* Gives a turn to each that stands in the run list now; who comes in meanwhile is next time. */
static void run_all(struct loop_epoll *loop)
{
    struct list turn;
    list_init(&turn);
    struct list *node;
    while ((node = list_take_first(&loop->run)))
        list_append(&turn, node);
    while ((node = list_take_first(&turn)))
        run_conn(loop, CONTAINER_OF(node, struct conn, queue));
}

/* --- Draining ----------------------------------------------------------------------------------- */

static void visit_to_drain(void *argument, struct conn *conn)
{
    conn->readable = true; /* perhaps: an event may be on its way */
    make_runnable(argument, conn);
}

static void visit_to_close(void *argument, struct conn *conn)
{
    close_conn(argument, conn);
}

/* Accepts what is queued, closes the listeners, and gives everybody a turn to see that this is the
 * end. */
static void begin_drain(struct loop_epoll *loop)
{
    struct conn_context *context = loop->context;
    if (context->draining)
        return;
    context->draining = true;
    listeners_finish(&loop->listeners);
    conns_each(loop->conns, visit_to_drain, loop);
    wheel_arm(&context->wheel, &loop->drain_timer, context->now.ms + loop->drain_ms);
}

void loop_epoll_drain(struct loop_epoll *loop)
{
    atomic_store(&loop->drain_wanted, true);
    uint64_t one = 1;
    while (write(loop->wake_fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

/* --- Timers ------------------------------------------------------------------------------------- */

static void expire_conn(struct loop_epoll *loop, struct conn *conn)
{
    if (conn->phase == CONN_PHASE_SEND && transfer_drains(conn)) {
        conn->phase_renewed = true;
        conn_settle(loop->context, conn);
        return;
    }
    if (conn_expired(loop->context, conn) == CONN_GOES_ON) {
        make_runnable(loop, conn);
        return;
    }
    counters_add(loop->context->counters, COUNTER_CONNECTIONS_EXPIRED, 1);
    close_conn(loop, conn);
}

static void expire_timers(struct loop_epoll *loop)
{
    struct wheel_timer *timer;
    while ((timer = wheel_expire(&loop->context->wheel, loop->context->now.ms))) {
        if (timer == &loop->drain_timer)
            loop->drain_over = true;
        else if (timer !=
                 &loop->listeners.pause) /* that one has done its work by not being armed */
            expire_conn(loop, CONTAINER_OF(timer, struct conn, timer));
    }
}

/* --- Events ------------------------------------------------------------------------------------- */

static void wake_waiter(void *context, struct files_waiter *waiter)
{
    make_runnable(context, CONTAINER_OF(waiter, struct conn, waiter));
}

static void take_conn_event(struct loop_epoll *loop, uint64_t identity, uint32_t events)
{
    struct conn *conn =
        conns_find(loop->conns, (uint32_t)(identity >> 32) & 0xffffff, (uint32_t)identity);
    if (!conn)
        return;
    /* A hang-up means that both directions are over: a reset, unless we shut ours ourselves. In that
     * case what is unread has to be read all the same, see conn_verdict. */
    if (events & EPOLLERR || (events & EPOLLHUP && conn->state != CONN_LINGERING)) {
        reset_conn(loop, conn);
        return;
    }
    if (events & (EPOLLRDHUP | EPOLLHUP))
        conn->hangup = true;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP))
        conn->readable = true;
    if (events & EPOLLOUT)
        conn->writable = true;
    make_runnable(loop, conn);
}

static void take_event(struct loop_epoll *loop, const struct epoll_event *event)
{
    uint64_t identity = event->data.u64;
    switch ((enum opcode)(identity >> 56)) {
    case OP_LISTENER:
        loop->listeners.items[(uint32_t)(identity >> 32) & 0xffffff].readable = true;
        break;
    case OP_WAKE: /* stays readable, but is edge-triggered; the flag says what is wanted */
        break;
    case OP_FILES:
        files_collect(loop->context->files, &loop->context->now, wake_waiter, loop);
        break;
    case OP_CONN:
        take_conn_event(loop, identity, event->events);
        break;
    }
}

/* Milliseconds to wait for events at most; -1: as long as it takes. */
static int wait_ms(const struct loop_epoll *loop)
{
    if (!list_is_empty(&loop->run) || listeners_ready(&loop->listeners))
        return 0;
    return wheel_wait_ms(&loop->context->wheel, loop->context->now.ms);
}

static bool is_drained(const struct loop_epoll *loop)
{
    return loop->context->draining && (loop->conns->open_count == 0 || loop->drain_over);
}

int loop_epoll_run(struct loop_epoll *loop)
{
    struct epoll_event events[EVENTS_MAX];
    int error = 0;
    while (!is_drained(loop)) {
        int count = epoll_wait(loop->epoll_fd, events, EVENTS_MAX, wait_ms(loop));
        if (count < 0 && errno != EINTR) {
            error = -errno;
            break;
        }
        read_clocks(loop);
        for (int i = 0; i < count; i++)
            take_event(loop, &events[i]);
        if (atomic_load_explicit(&loop->drain_wanted, memory_order_relaxed))
            begin_drain(loop);
        listeners_accept(&loop->listeners);
        expire_timers(loop);
        run_all(loop);
        feed_starved(loop);
        conns_bury(loop->conns);
    }
    conns_each(loop->conns, visit_to_close, loop);
    conns_bury(loop->conns);
    return error;
}

/* --- Creation ----------------------------------------------------------------------------------- */

/* Watches FD for input, edge-triggered. Returns 0 or a negative errno. */
static int watch(struct loop_epoll *loop, int fd, enum opcode opcode, uint32_t index)
{
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLET,
        .data.u64 = identity_of(opcode, index, 0),
    };
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int watch_all(struct loop_epoll *loop)
{
    int error = watch(loop, loop->wake_fd, OP_WAKE, 0);
    if (!error)
        error = watch(loop, files_fd(loop->context->files), OP_FILES, 0);
    for (unsigned i = 0; i < loop->listeners.count && !error; i++)
        error = watch(loop, loop->listeners.items[i].fd, OP_LISTENER, i);
    return error;
}

int loop_epoll_init(struct loop_epoll *loop, struct conn_context *context, struct conns *conns,
                    const int *listeners, unsigned listener_count, uint64_t drain_ms)
{
    if (listener_count > LISTENERS_MAX)
        return -E2BIG;
    *loop = (struct loop_epoll){
        .context = context,
        .conns = conns,
        .drain_ms = drain_ms,
        .epoll_fd = epoll_create1(EPOLL_CLOEXEC),
        .wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
    };
    list_init(&loop->run);
    wheel_timer_init(&loop->drain_timer);
    listeners_init(&loop->listeners, context, conns, &loop->run, listeners, listener_count);
    int error = loop->epoll_fd < 0 || loop->wake_fd < 0 ? -errno : watch_all(loop);
    if (error) {
        loop->listeners.count = 0; /* they stay the caller's */
        loop_epoll_fini(loop);
    }
    return error;
}

void loop_epoll_fini(struct loop_epoll *loop)
{
    listeners_fini(&loop->listeners);
    wheel_cancel(&loop->context->wheel, &loop->drain_timer);
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
}
