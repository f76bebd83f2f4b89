/* seams_rig: a loop on either engine over real sockets, for the seams that TLS and HTTP/2 use: with
 * another session, of streams (mux_session), and another transport, of records (xor_transport). */
#ifndef SLUICE_TESTS_SEAMS_RIG_H
#define SLUICE_TESTS_SEAMS_RIG_H

#include "loop/loop_epoll.h"
#include "loop/loop_uring.h"
#include "support/loop_rig.h"
#include "support/mux_session.h"
#include "support/uring_or_skip.h"
#include "support/worker_rig.h"
#include "support/xor_transport.h"

#include <pthread.h>
#include <sys/stat.h>

enum { STORAGE_BYTES = 1 << 20, REPLY_BYTES_MAX = 32 << 20, SESSION_MUX = 1, TRANSPORT_XOR = 1 };

static struct rig rig;
static struct conn_table conns;
static struct loop *loop;
static uint16_t port;
static pthread_t thread;
static bool started;

/* Files that were just written have weak entity tags for a while. */
static inline void make_old(const char *name)
{
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    cr_assert_eq(utimensat(rig.tree.fd, name, times, 0), 0);
}

static inline void set_up_with(const struct loop_engine *engine)
{
    signal(SIGPIPE, SIG_IGN);
    rig_init(&rig, STORAGE_BYTES);
    make_old("tiny.txt");
    make_old("small.txt");
    make_old("medium.bin");
    rig_use_real_time(&rig, STORAGE_BYTES);
    rig.context.sessions[SESSION_MUX] = &mux_session;
    rig.context.transports[TRANSPORT_XOR] = &xor_transport;
    cr_assert_eq(conn_table_init(&conns, &rig.context, 200), 0);
    loop = loop_rig_create(engine, &conns, 5000, &port);
    xor_reset(1);
}

static inline void set_up_epoll(void)
{
    set_up_with(&loop_epoll_engine);
}

static inline void *run(void *argument)
{
    (void)argument;
    return loop_begin(loop) == 0 && loop_run(loop) == 0 ? NULL : loop;
}

/* Connections speak SESSION over TRANSPORT from now on. */
static inline void start(uint8_t session, uint8_t transport)
{
    loop->listeners.items[0].session_index = session;
    loop->listeners.items[0].transport_index = transport;
    cr_assert_eq(pthread_create(&thread, NULL, run, NULL), 0);
    started = true;
}

static inline void stop(void)
{
    void *result = NULL;
    loop_drain(loop);
    pthread_join(thread, &result);
    cr_expect_null(result);
    rig.context.draining = false;
    started = false;
}

static inline void tear_down(void)
{
    if (started)
        stop();
    loop_destroy(loop);
    conn_table_fini(&conns);
    rig_fini(&rig);
}

#ifdef SLUICE_HAVE_LIBURING
static inline void set_up_uring(void)
{
    uring_or_skip();
    set_up_with(&loop_uring_engine);
}
#else
static inline void set_up_uring(void)
{
    uring_or_skip();
}
#endif

/* A test of a loop on each engine: in the suites whose names are SUITE with _epoll and _uring. */
#define SEAMS_TEST(suite, name) \
    static void name(void);     \
    Test(suite##_epoll, name)   \
    {                           \
        name();                 \
    }                           \
    Test(suite##_uring, name)   \
    {                           \
        name();                 \
    }                           \
    static void name(void)

/* --- Clients ---------------------------------------------------------------------------------- */

/* Sends REQUEST in pieces that PRNG decides, and reads to the end: the reply is added to RET. */
static inline void talk_plain(struct str request, struct prng *prng, struct pile *ret)
{
    int fd = wire_connect(port);
    while (request.length > 0) {
        struct str piece = str_first(request, 1 + prng_below(prng, 2000));
        cr_assert(wire_send(fd, piece));
        request = str_from(request, piece.length);
    }
    shutdown(fd, SHUT_WR);
    char *reply = malloc(REPLY_BYTES_MAX);
    cr_assert_not_null(reply);
    ssize_t length = wire_read_all(fd, reply, REPLY_BYTES_MAX);
    cr_assert_geq(length, 0, "the end does not come, or as a reset");
    pile_add(ret, reply, (size_t)length);
    free(reply);
    close(fd);
}

/* The same with a handshake and in records. */
static inline void talk_xor(struct str request, struct prng *prng, struct pile *ret)
{
    struct xor_key out = {0}, in = {0};
    struct pile raw = {0}, reply = {0};
    pile_add(&raw, XOR_HELLO, sizeof XOR_HELLO - 1);
    xor_seal(&raw, &out, request, 1 + prng_below(prng, XOR_RECORD_MAX));
    talk_plain(pile_view(&raw), prng, &reply);
    struct str records = pile_view(&reply), ready = STR(XOR_READY);
    cr_assert(str_starts_with(records, ready), "no handshake");
    cr_expect(xor_open(ret, &in, str_from(records, ready.length)), "records that are not whole");
    pile_clear(&raw);
    pile_clear(&reply);
}

/* Makes all values of Date the same. */
static inline void blank_dates(struct pile *pile)
{
    char *at = pile->at, *end = pile->at + pile->length;
    while (at < end && (at = memmem(at, (size_t)(end - at), "\r\nDate: ", 8))) {
        memset(at + 8, '#', DATE_BYTES);
        at += 8;
    }
}

#endif
