/* uring_rig: a loop over io_uring with one client, whose kernel is a script (uring_script.h), and
 * steps that most scripts have. The sockets are real. */
#ifndef SLUICE_TESTS_URING_RIG_H
#define SLUICE_TESTS_URING_RIG_H

#include "loop/loop_uring.h"
#include "support/conn_rig.h"
#include "support/loop_rig.h"
#include "support/uring_script.h"
#include "support/worker_rig.h"
#include "support/xor_transport.h"

#include <errno.h>
#include <poll.h>

#ifdef SLUICE_HAVE_LIBURING

enum { SLOTS = 6000, STORAGE_BYTES = 1 << 20, TRANSPORT_XOR = 1 };

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static struct rig rig;
static struct conn_table conns;
static struct loop *loop;
static uint16_t port;
static int server, client; /* the first connection's two ends */

static inline void set_up(void)
{
    rig_init(&rig, STORAGE_BYTES);
    rig_use_real_time(&rig, STORAGE_BYTES);
    cr_assert_eq(conn_table_init(&conns, &rig.context, SLOTS), 0);
    wire_pair(&server, &client);
    uring_script_begin(NULL, 0);
    loop = loop_rig_create(&loop_uring_engine, &conns, 2000, &port);
}

/* Every buffer has come back. */
static inline void tear_down(void)
{
    cr_expect_eq(conns.open_count, 0);
    loop_destroy(loop);
    conn_table_fini(&conns);
    close(client);
    rig.context.draining = false;
    rig_fini(&rig);
}

/* --- Steps ------------------------------------------------------------------------------------ */

/* Runs the loop through STEPS. Returns loop_run's result: -ECANCELED after the last step, or 0. */
static inline int run(uring_step *const *steps, unsigned count)
{
    uring_script_begin(steps, count);
    return loop_run(loop);
}

#define RUN(...)                            \
    run((uring_step *const[]){__VA_ARGS__}, \
        sizeof((uring_step *const[]){__VA_ARGS__}) / sizeof(uring_step *))

/* The connection, open or closing. */
static inline struct conn *the_conn(void)
{
    struct conn *conn = conn_table_find(&conns, 0, conns.generation);
    cr_assert_not_null(conn);
    return conn;
}

static inline uint64_t identity(enum uring_opcode opcode)
{
    return uring_peer_identity(opcode, the_conn());
}

static inline uint64_t count_of(enum counter which)
{
    return counters_read(&rig.counters, which);
}

static inline void nothing_happens(void)
{
}

static inline void client_is_accepted(void)
{
    uring_script_complete(OP_ACCEPT, server, true);
}

static inline void request_arrives(void)
{
    uring_script_receive(STR(GET("/tiny.txt")), true);
}

static inline void send_completes(void)
{
    const struct uring_request *send = uring_script_find(OP_SEND);
    cr_assert_not_null(send);
    uring_script_complete(OP_SEND, (int)send->length, false);
}

static inline void send_takes_nothing(void)
{
    uring_script_complete(OP_SEND, -EAGAIN, false);
}

static inline void socket_polls_writable(void)
{
    uring_script_complete(OP_WRITABLE, POLLOUT, false);
}

/* A poll reports an error, as after a reset; whether or not one is with the kernel. */
static inline void peer_resets(void)
{
    uring_script_report(identity(OP_WRITABLE), POLLERR, 0);
}

static inline void peer_ends(void)
{
    uring_script_complete(OP_RECEIVE, 0, false);
}

static inline void expect_closed(void)
{
    cr_expect_eq(conns.open_count, 0);
    cr_expect_eq(uring_script_lent(), 0);
}

static inline void expect_closing(void)
{
    cr_expect_eq(conns.open_count, 1);
    cr_expect_eq(the_conn()->state, CONN_CLOSING);
    cr_expect_geq(fcntl(server, F_GETFD), 0, "the socket is still open");
}

static inline void hold_cancels(void)
{
    uring_script_hold_cancels(true);
}

#endif
#endif
