/* loop: peers over TLS that take nothing of their answers, on each engine: those for which too much
 * is kept are closed, and no other. */
#ifdef SLUICE_HAVE_OPENSSL

#include "support/seams_tls.h"

#include <poll.h>

enum { REQUESTS = 20 };

TestSuite(stalled_epoll, .init = set_up_tls_epoll, .fini = tear_down_tls, .timeout = 60);
TestSuite(stalled_uring, .init = set_up_tls_uring, .fini = tear_down_tls, .timeout = 60);

/* A client that has asked for more than its socket takes unread; its requests are few, so that they
 * take small storage. */
static int ask_for_much(struct tls_talker *client)
{
    const int fd = wire_connect(port), buffer_bytes = 64 << 10;
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes), 0);
    tls_talker_init(client, TLS1_3_VERSION);
    cr_assert(tls_talker_connect(client, fd));
    for (unsigned i = 0; i < REQUESTS; i++)
        tls_talker_seal(client, STR("GET /medium.bin HTTP/1.1\r\nHost: a\r\n\r\n"),
                        TLS_RECORD_BYTES_MAX);
    cr_assert(tls_talker_send(client, fd));
    return fd;
}

static bool is_reset(int fd)
{
    struct pollfd ready = {.fd = fd};
    return poll(&ready, 1, 0) == 1 && ready.revents & POLLERR;
}

/* Takes some bytes of each answer, a few of them at a time, until the first COUNT of FDS are reset,
 * or for ten seconds. Returns the number of those. */
static unsigned read_slowly(const int *fds, unsigned count, int reader)
{
    char bytes[64 << 10];
    unsigned resets = 0;
    for (unsigned turns = 0; turns < 500 && resets < count; turns++) {
        struct pollfd ready = {.fd = reader, .events = POLLIN};
        if (poll(&ready, 1, 20) == 1)
            cr_assert_gt(read(reader, bytes, sizeof bytes), 0, "a peer that reads was closed");
        poll(NULL, 0, 20);
        resets = 0;
        for (unsigned i = 0; i < count; i++)
            resets += is_reset(fds[i]);
    }
    return resets;
}

static void only_peers_that_take_nothing_are_closed(void)
{
    enum { STALLED = 4 };
    static struct tls_talker clients[STALLED + 1];
    int fds[STALLED + 1];
    rig.context.kept.bytes_max = 1;
    start(SESSION_HTTP_1, TRANSPORT_TLS);
    for (unsigned i = 0; i <= STALLED; i++)
        fds[i] = ask_for_much(&clients[i]);
    cr_expect_eq(read_slowly(fds, STALLED, fds[STALLED]), STALLED);
    cr_expect(!is_reset(fds[STALLED]));
    for (unsigned i = 0; i <= STALLED; i++) {
        tls_talker_fini(&clients[i]);
        close(fds[i]);
    }
    stop();
    cr_expect_eq(counters_read(&rig.counters, COUNTER_CONNECTIONS_SHED), STALLED);
    cr_expect_eq(rig.context.kept.bytes, 0);
}

Test(stalled_epoll, only_peers_that_take_nothing_are_closed)
{
    only_peers_that_take_nothing_are_closed();
}

Test(stalled_uring, only_peers_that_take_nothing_are_closed)
{
    only_peers_that_take_nothing_are_closed();
}

/* Within the bound they have the time of the idle timeout. */
Test(stalled_epoll, little_that_is_kept_may_stay)
{
    struct tls_talker client;
    start(SESSION_HTTP_1, TRANSPORT_TLS);
    const int fd = ask_for_much(&client);
    poll(NULL, 0, KEPT_PATIENCE_MS + 3 * KEPT_CHECK_MS);
    cr_expect(!is_reset(fd));
    tls_talker_fini(&client);
    close(fd);
}

#endif
