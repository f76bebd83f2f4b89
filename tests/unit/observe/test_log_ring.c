/* log_ring: whole lines, in order, across the end of the ring; a full ring drops and counts. */
#include "base/str.h"
#include "observe/log_ring.h"
#include "support/faults.h"
#include "system/event_fd.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct log_waker waker;
static struct log_ring *ring;

static void set_up(void)
{
    waker.fd = event_fd_open();
    ring = log_ring_create(&waker);
    cr_assert(ring);
}

static void tear_down(void)
{
    log_ring_destroy(ring);
    close(waker.fd);
}

TestSuite(log_ring, .init = set_up, .fini = tear_down, .timeout = 120);

static bool put(struct log_ring *to, const char *text)
{
    const size_t length = strlen(text);
    char *at = log_ring_reserve(to, length);
    if (!at)
        return false;
    str_put(at, str_of(text));
    log_ring_commit(to, length);
    return true;
}

Test(log_ring, gives_what_was_committed)
{
    struct iovec pieces[2];
    cr_expect_eq(log_ring_view(ring, pieces), 0);
    cr_assert(put(ring, "one\n") && put(ring, "two\n"));
    char *at = log_ring_reserve(ring, 100);
    str_put(at, STR("thr")); /* not committed */
    cr_assert_eq(log_ring_view(ring, pieces), 1);
    cr_expect_eq(pieces[0].iov_len, 8);
    cr_expect(memcmp(pieces[0].iov_base, "one\ntwo\n", 8) == 0);
    log_ring_consume(ring, 4);
    cr_assert_eq(log_ring_view(ring, pieces), 1);
    cr_expect(pieces[0].iov_len == 4 && memcmp(pieces[0].iov_base, "two\n", 4) == 0);
}

Test(log_ring, drops_lines_when_it_is_full_and_counts_them)
{
    static char filler[LOG_RING_LINE_BYTES_MAX + 1];
    memset(filler, 'x', LOG_RING_LINE_BYTES_MAX);
    for (unsigned i = 0; i < LOG_RING_BYTES / LOG_RING_LINE_BYTES_MAX; i++)
        cr_assert(put(ring, filler));
    cr_expect_not(put(ring, "y"));
    cr_expect_not(put(ring, "y"));
    cr_expect_eq(log_ring_dropped(ring), 2);
    log_ring_consume(ring, 1);
    cr_expect(put(ring, "y"), "there is room again");
    struct iovec pieces[2];
    cr_assert_eq(log_ring_view(ring, pieces), 2);
    cr_expect_eq(pieces[0].iov_len + pieces[1].iov_len, LOG_RING_BYTES);
    cr_expect_eq(*(char *)pieces[1].iov_base, 'y');
}

/* With a reader on another thread, over many laps. */
enum { LINES = 400000 };

static void *write_lines(void *unused)
{
    char text[128];
    (void)unused;
    for (unsigned i = 0; i < LINES; i++) {
        snprintf(
            text, sizeof text, "%u %.*s\n", i, (int)(i % 97),
            "------------------------------------------------------------------------------------"
            "-------------");
        while (!put(ring, text))
            sched_yield();
    }
    return NULL;
}

Test(log_ring, keeps_every_line_in_order_between_threads)
{
    pthread_t thread;
    unsigned expected = 0, dashes = 0, number = 0;
    bool in_number = true, good = true;
    cr_assert_eq(pthread_create(&thread, NULL, write_lines, NULL), 0);
    while (expected < LINES && good) {
        struct iovec pieces[2];
        const unsigned count = log_ring_view(ring, pieces);
        size_t length = 0;
        for (unsigned k = 0; k < count; k++) {
            for (size_t i = 0; i < pieces[k].iov_len; i++) {
                const char c = ((char *)pieces[k].iov_base)[i];
                if (c == '\n') {
                    good = good && number == expected && dashes == expected % 97;
                    expected++;
                    number = dashes = 0;
                    in_number = true;
                } else if (in_number && c != ' ') {
                    number = number * 10 + (unsigned)(c - '0');
                } else {
                    dashes += !in_number;
                    in_number = false;
                }
            }
            length += pieces[k].iov_len;
        }
        if (length > 0)
            log_ring_consume(ring, length);
    }
    cr_expect(good, "line %u", expected - 1);
    log_ring_consume(ring, 0);
    pthread_join(thread, NULL);
}

Test(log_ring, wakes_a_reader_that_sleeps_once)
{
    put(ring, "a\n");
    cr_expect_eq(event_fd_take(waker.fd), 0, "it does not sleep");
    atomic_store(&waker.sleeps, true);
    put(ring, "b\n");
    put(ring, "c\n");
    cr_expect_eq(event_fd_take(waker.fd), 1);
    cr_expect_not(atomic_load(&waker.sleeps));
}

Test(log_ring, wakes_the_reader_each_time_a_quarter_has_been_filled)
{
    static char filler[1025];
    memset(filler, 'x', 1024);
    for (unsigned i = 0; i < LOG_RING_BYTES / 1024; i++)
        put(ring, filler);
    cr_expect_eq(event_fd_take(waker.fd), 4);
}

Test(log_ring, without_memory_there_is_no_ring)
{
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    cr_expect_null(log_ring_create(&waker));
    faults_fail(FAULT_MMAP, 0, 1, ENOMEM);
    cr_expect_null(log_ring_create(&waker));
    faults_clear();
}
