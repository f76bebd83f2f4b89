/* uring: nothing is lost or delivered twice when queues and buffers are full. */
#include "support/faults.h"
#include "support/tree.h"
#include "support/uring_or_skip.h"
#include "system/uring.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#ifdef SLUICE_HAVE_LIBURING

enum { SUBMISSIONS = 8, COMPLETIONS = 8, BUFFERS = 4, BUFFER_BYTES = 16, PATIENCE_MS = 5000 };

static struct uring uring;

static void set_up(void)
{
    static const struct uring_sizes sizes = {SUBMISSIONS, COMPLETIONS, BUFFERS, BUFFER_BYTES};
    const char *what;
    uring_or_skip();
    cr_assert_eq(uring_init(&uring, &sizes, &what), 0, "%s", what);
    cr_assert_eq(uring_begin(&uring), 0);
}

static void tear_down(void)
{
    faults_clear();
    uring_fini(&uring);
}

TestSuite(uring, .init = set_up, .fini = tear_down, .timeout = 120);

struct event {
    uint64_t user_data;
    int res;
    unsigned flags;
};

/* The next completion; it must come. */
static struct event next(void)
{
    struct io_uring_cqe *event;
    while (io_uring_peek_cqe(&uring.ring, &event) != 0)
        cr_assert_eq(uring_wait(&uring, PATIENCE_MS), 0);
    struct event copy = {event->user_data, event->res, event->flags};
    io_uring_cqe_seen(&uring.ring, event);
    return copy;
}

Test(uring, loses_nothing_when_its_queues_are_full)
{
    enum { COUNT = 20 * COMPLETIONS };
    unsigned times[COUNT] = {0};
    int fd = eventfd(1, EFD_CLOEXEC);
    for (uint64_t i = 0; i < COUNT; i++)
        cr_assert(uring_ask_poll(&uring, fd, POLLIN, i), "request %u", (unsigned)i);
    for (unsigned i = 0; i < COUNT; i++) {
        struct event event = next();
        cr_assert_lt(event.user_data, COUNT);
        cr_expect_eq(event.res, POLLIN);
        times[event.user_data]++;
    }
    for (unsigned i = 0; i < COUNT; i++)
        cr_expect_eq(times[i], 1, "request %u completed %u times", i, times[i]);
    close(fd);
}

/* A send without room is refused whole, and may be repeated later. */
Test(uring, refuses_sends_of_many_pieces_without_room)
{
    enum { SENDS = 3 * URING_POOL_PIECES / URING_PIECES_MAX };
    int pair[2];
    char byte[URING_PIECES_MAX];
    struct iovec pieces[URING_PIECES_MAX];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    for (unsigned i = 0; i < URING_PIECES_MAX; i++) {
        byte[i] = (char)i;
        pieces[i] = (struct iovec){&byte[i], 1};
    }
    unsigned refused = 0;
    for (uint64_t i = 0; i < SENDS; i++) {
        while (!uring_ask_send(&uring, pair[0], pieces, URING_PIECES_MAX, i)) {
            refused++;
            cr_assert_eq(uring_wait(&uring, 0), 0);
        }
    }
    cr_expect_geq(refused, 1);
    for (unsigned i = 0; i < SENDS; i++) {
        char got[URING_PIECES_MAX];
        struct event event = next();
        cr_expect_eq(event.user_data, i, "in order");
        cr_assert_eq(event.res, URING_PIECES_MAX);
        cr_assert_eq(recv(pair[1], got, sizeof got, MSG_WAITALL), URING_PIECES_MAX);
        cr_expect_eq(memcmp(got, byte, sizeof got), 0);
    }
    close(pair[0]);
    close(pair[1]);
}

/* Receiving stops when buffers run out, and continues with the next byte when requested again. */
Test(uring, loses_no_input_when_buffers_run_out)
{
    enum { BYTES = 10 * BUFFERS * BUFFER_BYTES };
    int pair[2];
    char bytes[BYTES];
    unsigned held[BUFFERS], held_count = 0, outages = 0;
    size_t got = 0;
    for (size_t i = 0; i < BYTES; i++)
        bytes[i] = (char)(i * 7 + i / 256);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    cr_assert_eq(send(pair[1], bytes, BYTES, 0), BYTES);
    cr_assert(uring_ask_receive(&uring, pair[0], 1));
    while (got < BYTES) {
        struct event event = next();
        if (event.res == -ENOBUFS) {
            outages++;
            while (held_count > 0)
                uring_give_back(&uring, held[--held_count]);
        } else {
            unsigned buffer = event.flags >> IORING_CQE_BUFFER_SHIFT;
            cr_assert_gt(event.res, 0);
            cr_assert_leq((size_t)event.res, BYTES - got);
            cr_expect_eq(memcmp(uring_buffer(&uring, buffer), bytes + got, (size_t)event.res), 0);
            got += (size_t)event.res;
            held[held_count++] = buffer;
        }
        if (!(event.flags & IORING_CQE_F_MORE))
            cr_assert(uring_ask_receive(&uring, pair[0], 1));
    }
    cr_expect_geq(outages, 9);
    close(pair[0]);
    close(pair[1]);
}

Test(uring, reports_cancelled_requests_and_failed_cancels)
{
    int fd = eventfd(0, EFD_CLOEXEC);
    cr_assert(uring_ask_poll_multishot(&uring, fd, POLLIN, 7));
    cr_assert(uring_ask_cancel(&uring, 7, 8));
    struct event event = next();
    cr_expect_eq(event.user_data, 7);
    cr_expect_eq(event.res, -ECANCELED);
    cr_expect_eq(event.flags & IORING_CQE_F_MORE, 0);
    cr_assert(uring_ask_cancel(&uring, 7, 9));
    event = next();
    cr_expect_eq(event.user_data, 9, "success is silent, so 8 never comes");
    cr_expect_eq(event.res, -ENOENT);
    close(fd);
}

/* io_uring_enter(2): unsubmitted requests stay queued. */
Test(uring, goes_on_after_a_wait_that_fails_for_a_moment)
{
    static const int errors[] = {ENOMEM, EAGAIN, EBUSY, EINTR, ETIME};
    static const int waits_ms[] = {0, PATIENCE_MS};
    int fd = eventfd(1, EFD_CLOEXEC);
    for (unsigned i = 0; i < COUNT_OF(errors) * COUNT_OF(waits_ms); i++) {
        int error = errors[i / COUNT_OF(waits_ms)], wait_ms = waits_ms[i % COUNT_OF(waits_ms)];
        faults_fail(FAULT_URING_ENTER, 0, 2, error);
        cr_assert(uring_ask_poll(&uring, fd, POLLIN, i));
        cr_expect_eq(uring_wait(&uring, wait_ms), 0, "%d", error);
        cr_expect_eq(uring_wait(&uring, wait_ms), 0, "%d", error);
        cr_expect_eq(next().user_data, i, "%d", error);
    }
    faults_fail(FAULT_URING_ENTER, 0, 1, EBADF);
    cr_expect_eq(uring_wait(&uring, 0), -EBADF);
    close(fd);
}

#endif
