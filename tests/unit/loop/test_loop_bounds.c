/* loop: each step of a turn is bounded, so that events, accepting and timers have their turn beside
 * any crowd. An engine and a transport of the test's own count. */
#include "conn/transport_plain.h"
#include "loop/loop.h"
#include "support/conn_rig.h"
#include "support/wire.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 600, TURNS = 200 };

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static struct rig rig;
static struct conn_table conns;
static struct loop *loop;
static int pair[2];

/* The counts of the engine and its transport. */
static struct {
    unsigned turns;
    unsigned accepts;
    unsigned sleeps;     /* waits that were allowed to take time */
    unsigned moves;      /* in this turn */
    unsigned moves_max;  /* in any turn */
    unsigned closes;     /* in this turn */
    unsigned closes_max; /* in any turn */
    size_t bytes_per_move;
    unsigned moves_of[CONNECTIONS];
    unsigned turns_wanted;
    bool no_storage; /* receiving finds none */
    void (*in_turn_5)(void);
} seen;

/* --- The engine ------------------------------------------------------------------------------- */

static int init(struct loop *unused)
{
    (void)unused;
    return 0;
}

static void do_nothing(struct loop *unused)
{
    (void)unused;
}

static int count_turn(struct loop *unused, int ms)
{
    (void)unused;
    seen.sleeps += ms != 0;
    if (seen.turns == 5 && seen.in_turn_5)
        seen.in_turn_5();
    seen.moves_max = seen.moves > seen.moves_max ? seen.moves : seen.moves_max;
    seen.closes_max = seen.closes > seen.closes_max ? seen.closes : seen.closes_max;
    seen.moves = seen.closes = 0;
    return seen.turns++ == seen.turns_wanted ? -ECANCELED : 0;
}

static void count_accept(struct loop *unused)
{
    (void)unused;
    seen.accepts++;
}

static bool keep(struct loop *unused, struct conn *conn)
{
    (void)unused;
    (void)conn;
    return true;
}

static bool is_silent(struct loop *unused, struct conn *conn)
{
    (void)unused;
    (void)conn;
    return false;
}

static void close_conn(struct loop *unused, struct conn *conn)
{
    (void)unused;
    seen.closes++;
    conn_table_close(&conns, conn);
}

/* There is always more. */
static enum transport_result receive(struct conn_context *context, struct conn *conn,
                                     size_t *budget)
{
    (void)context;
    seen.moves++;
    seen.moves_of[conn->slot]++;
    if (seen.no_storage)
        return TRANSPORT_FULL;
    *budget -= size_min(*budget, seen.bytes_per_move);
    conn->socket.readable = *budget == 0;
    return *budget == 0 ? TRANSPORT_PROGRESS : TRANSPORT_NOTHING;
}

static enum transport_result discard(struct conn_context *context, struct conn *conn,
                                     size_t *budget)
{
    return receive(context, conn, budget);
}

static const struct transport endless = {.receive = receive, .discard = discard};

static const struct loop_engine counting_engine = {
    .bytes = sizeof(struct loop),
    .transport = &endless,
    .init = init,
    .fini = do_nothing,
    .wait = count_turn,
    .take = do_nothing,
    .accept = count_accept,
    .finish_accepting = do_nothing,
    .keep = keep,
    .is_silent = is_silent,
    .close = close_conn,
};

/* --- The tests -------------------------------------------------------------------------------- */

static void set_up(void)
{
    rig_init(&rig, 1 << 20);
    rig_use_real_time(&rig, 1 << 20);
    cr_assert_eq(conn_table_init(&conns, &rig.context, CONNECTIONS), 0);
    const struct loop_config config = {.context = &rig.context, .conns = &conns};
    cr_assert_eq(loop_create(&loop, &counting_engine, &config), 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
}

static void tear_down(void)
{
    loop_destroy(loop);
    conn_table_fini(&conns);
    close(pair[0]);
    close(pair[1]);
    rig_fini(&rig);
}

TestSuite(loop_bounds, .init = set_up, .fini = tear_down, .timeout = 120);

/* Opens all connections. RUNNABLE: each has input without end. */
static void open_all(bool runnable)
{
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        struct conn *conn = conn_table_open(&conns, fcntl(pair[0], F_DUPFD_CLOEXEC, 0));
        cr_assert_not_null(conn);
        conn->socket.readable = runnable;
        if (runnable)
            loop_make_runnable(loop, conn);
        else
            conn_settle(&rig.context, conn);
    }
}

static void run_turns(unsigned count)
{
    seen.turns_wanted = count;
    cr_assert_eq(loop_run(loop), -ECANCELED);
}

/* Whether no connection had more than one turn more than another. */
static bool all_had_equal_turns(void)
{
    unsigned least = UINT32_MAX, most = 0;
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        least = seen.moves_of[i] < least ? seen.moves_of[i] : least;
        most = seen.moves_of[i] > most ? seen.moves_of[i] : most;
    }
    return least > 0 && most - least <= 1;
}

Test(loop_bounds, lets_events_and_accepting_have_their_turn_beside_a_crowd_that_moves_much)
{
    seen.bytes_per_move = SIZE_MAX;
    open_all(true);
    run_turns(TURNS);
    cr_expect_eq(seen.accepts, TURNS);
    cr_expect_leq(seen.moves_max, 8, "%u connections with 2 MiB each", seen.moves_max);
    cr_expect_geq(seen.moves_max, 4);
    cr_expect_eq(seen.sleeps, 0);
    cr_expect(all_had_equal_turns());
}

Test(loop_bounds, lets_events_and_accepting_have_their_turn_beside_a_crowd_that_moves_little)
{
    seen.bytes_per_move = 1;
    open_all(true);
    run_turns(1);
    cr_expect_leq(seen.moves_max, 256);
    cr_expect_geq(seen.moves_max, 128);
    cr_expect_eq(seen.accepts, 1);
}

Test(loop_bounds, expires_a_crowd_a_part_in_each_turn)
{
    rig.context.header_ms = 0; /* the time of the first byte is over at once */
    open_all(false);
    run_turns(TURNS);
    cr_expect_eq(counters_read(&rig.counters, COUNTER_CONNECTIONS_EXPIRED_HEAD), CONNECTIONS);
    cr_expect_leq(seen.closes_max, 256);
    cr_expect_eq(seen.accepts, TURNS);
}

/* Whatever it waits for the storage for: none may come back by itself. */
Test(loop_bounds, sheds_an_incomplete_head_for_a_connection_that_waits_for_storage)
{
    char bytes[3000] = "GET / HTTP/1.1\r\nX: ";
    memset(bytes + strlen(bytes), 'x', sizeof bytes - strlen(bytes));
    struct str head = {bytes, sizeof bytes};
    struct conn *partial = conn_table_open(&conns, fcntl(pair[0], F_DUPFD_CLOEXEC, 0));
    struct conn *waiting = conn_table_open(&conns, fcntl(pair[0], F_DUPFD_CLOEXEC, 0));
    cr_assert(partial && waiting);
    cr_assert(rig_give(&rig, partial, &head));
    conn_settle(&rig.context, partial);
    cr_assert(list_linked(&partial->holding));
    seen.bytes_per_move = 1;
    waiting->socket.readable = true;
    conn_await_storage(&rig.context, waiting);
    run_turns(2);
    cr_expect_eq(counters_read(&rig.counters, COUNTER_CONNECTIONS_SHED), 1);
    cr_expect_eq(seen.moves_of[waiting->slot], 1, "it has its turn");
}

static void storage_comes_back(void)
{
    struct conn *conn = conn_table_find(&conns, 0, conns.generation);
    cr_assert_not_null(conn);
    cr_expect_eq(seen.moves_of[0], 1, "it waits");
    cr_expect_eq(conn->phase, CONN_PHASE_STORAGE);
    seen.no_storage = false;
    seen.bytes_per_move = 1;
    rig.context.returned = true;
}

Test(loop_bounds, waits_for_storage_and_goes_on_when_some_has_come_back)
{
    struct conn *conn = conn_table_open(&conns, fcntl(pair[0], F_DUPFD_CLOEXEC, 0));
    cr_assert(conn && conn->slot == 0);
    seen.no_storage = true;
    seen.in_turn_5 = storage_comes_back;
    conn->socket.readable = true;
    loop_make_runnable(loop, conn);
    run_turns(10);
    cr_expect_eq(seen.moves_of[0], 2, "it goes on");
}

/* Its first byte came in the same wait as the end of its time. */
Test(loop_bounds, gives_a_turn_to_a_connection_whose_request_came_in_time)
{
    struct conn *conn = conn_table_open(&conns, fcntl(pair[0], F_DUPFD_CLOEXEC, 0));
    cr_assert_not_null(conn);
    rig.context.header_ms = 0;
    seen.bytes_per_move = 1;
    conn_settle(&rig.context, conn);
    cr_assert_eq(conn->phase, CONN_PHASE_FIRST);
    conn->socket.readable = true;
    loop_make_runnable(loop, conn);
    run_turns(1);
    cr_expect_eq(seen.moves_of[conn->slot], 1);
    cr_expect_eq(counters_read(&rig.counters, COUNTER_CONNECTIONS_EXPIRED_HEAD), 0);
}

Test(loop_bounds, lets_a_lingering_connection_discard_more_than_one_budget)
{
    struct conn *conn = conn_table_open(&conns, fcntl(pair[0], F_DUPFD_CLOEXEC, 0));
    seen.bytes_per_move = SIZE_MAX;
    cr_assert_not_null(conn);
    conn_linger(&rig.context, conn);
    conn->socket.readable = true;
    loop_make_runnable(loop, conn);
    run_turns(5);
    cr_expect_eq(seen.moves_of[conn->slot], 5, "it has input left after each turn");
    cr_expect_eq(seen.moves_max, 1);
}

/* What a transport moves counts against the budget of its connection's turn. */
Test(loop_bounds, each_move_of_the_plain_transport_counts)
{
    int server, client;
    char bytes[5000] = GET("/large.bin");
    wire_pair(&server, &client);
    struct conn *conn = conn_table_open(&conns, server);
    cr_assert_not_null(conn);
    cr_assert(wire_send(client, (struct str){bytes, strlen(bytes)}));
    size_t budget = 4 << 20, before = budget;
    cr_expect_eq(transport_plain_receive(&rig.context, conn, &budget), TRANSPORT_PROGRESS);
    cr_expect_eq(before - budget, strlen(bytes));
    conn_work(&rig.context, conn);
    rig_await(&rig, conn);
    conn_work(&rig.context, conn);
    for (unsigned i = 0; i < 2; i++) { /* the head, then the file */
        uint64_t unsent = outq_unsent(&conn->output);
        before = budget;
        cr_assert_eq(transport_plain_send(&rig.context, conn, &budget), TRANSPORT_PROGRESS);
        cr_expect_gt(unsent, outq_unsent(&conn->output));
        cr_expect_eq(before - budget, unsent - outq_unsent(&conn->output), "move %u", i);
    }
    cr_assert(wire_send(client, (struct str){bytes, sizeof bytes}));
    conn_linger(&rig.context, conn);
    before = budget;
    cr_expect_eq(transport_plain_discard(&rig.context, conn, &budget), TRANSPORT_PROGRESS);
    cr_expect_gt(before, budget);
    conn_table_close(&conns, conn);
    conn_table_bury(&conns);
    close(client);
}

/* The kernel has accepted a connection, and the table has no slot or no memory for it. */
Test(loop_bounds, closes_an_accepted_connection_that_the_table_does_not_take)
{
    const struct listener listener = {.fd = -1};
    for (unsigned full = 0; full < 2; full++) {
        int fd = fcntl(pair[0], F_DUPFD_CLOEXEC, 0);
        if (full)
            open_all(false);
        else
            faults_fail(FAULT_MEMORY, 0, FAULT_ALWAYS, ENOMEM);
        bool taken = listeners_take(&loop->listeners, &listener, fd);
        faults_clear();
        cr_expect_not(taken);
        cr_expect_eq(fcntl(fd, F_GETFD), -1, "its descriptor is closed");
        cr_expect(listeners_paused(&loop->listeners));
        listeners_resume(&loop->listeners);
        conn_table_unreserve(&conns);
    }
    cr_expect_eq(counters_read(&rig.counters, COUNTER_CONNECTIONS_ACCEPTED), 0);
    run_turns(0);
}
