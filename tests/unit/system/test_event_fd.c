/* event_fd: readable exactly while signals are untaken, and none of them is lost. */
#include "system/event_fd.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

enum { THREADS = 4, SIGNALS = 1000 };

static bool is_readable(int fd)
{
    struct pollfd watched = {fd, POLLIN, 0};
    return poll(&watched, 1, 0) == 1 && watched.revents == POLLIN;
}

Test(event_fd, is_readable_from_a_signal_until_it_is_taken)
{
    int fd = event_fd_open();
    cr_assert_geq(fd, 0);
    cr_expect_not(is_readable(fd));
    event_fd_signal(fd);
    cr_expect(is_readable(fd));
    cr_expect_eq(event_fd_take(fd), 1);
    cr_expect_not(is_readable(fd));
    cr_expect_eq(event_fd_take(fd), 0, "does not block without a signal");
    close(fd);
}

Test(event_fd, does_not_survive_exec_and_does_not_block)
{
    int fd = event_fd_open();
    cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    cr_expect(fcntl(fd, F_GETFL) & O_NONBLOCK);
    close(fd);
}

/* A signal handler must not change errno. */
Test(event_fd, keeps_errno_and_returns_when_the_count_is_full)
{
    int fd = event_fd_open();
    const uint64_t full = UINT64_MAX - 1;
    cr_assert_eq(write(fd, &full, sizeof full), sizeof full);
    errno = EDOM;
    event_fd_signal(fd);
    cr_expect_eq(errno, EDOM);
    cr_expect_eq(event_fd_take(fd), full);
    close(fd);
}

static void *signal_often(void *argument)
{
    const int *fd = argument;
    for (int i = 0; i < SIGNALS; i++)
        event_fd_signal(*fd);
    return NULL;
}

Test(event_fd, counts_the_signals_of_all_threads)
{
    int fd = event_fd_open();
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, signal_often, &fd), 0);
    uint64_t taken = 0;
    for (size_t i = 0; i < THREADS; i++) {
        taken += event_fd_take(fd);
        pthread_join(threads[i], NULL);
    }
    cr_expect_eq(taken + event_fd_take(fd), (uint64_t)THREADS * SIGNALS);
    close(fd);
}
