/* listener_end: clients that have connected can be accepted, and no others connect. tcp(7),
 * unix(7). */
#include "support/faults.h"
#include "support/wire.h"
#include "system/listener_end.h"
#include "system/net.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/un.h>

TestSuite(listener_end, .timeout = 60);

/* A socket as the server opens it. */
static int listen_here(uint16_t *ret_port)
{
    struct net_set set = {.backlog = 16};
    struct problem problem;
    int *fds;
    net_add(&set, "127.0.0.1");
    cr_assert_eq(net_listen(&set, 1, &fds, &problem), 0, "%s", problem.what);
    const int fd = fds[0];
    free(fds);
    *ret_port = set.port;
    return fd;
}

/* Whether a connection can be accepted from FD within MS. */
static bool has_one(int fd, int ms)
{
    struct pollfd event = {.fd = fd, .events = POLLIN};
    return poll(&event, 1, ms) == 1;
}

/* Without that the kernel would wait for its bytes for as long as it asks it again, and again. */
Test(listener_end, a_client_that_sends_nothing_is_accepted_in_its_time)
{
    uint16_t port;
    const int fd = listen_here(&port);
    const int client = wire_connect(port);
    cr_expect_not(has_one(fd, 0));
    cr_expect(listener_end_begin(fd));
    cr_expect(has_one(fd, LISTENER_END_MS));
    const int later = wire_connect(port);
    close(accept(fd, NULL, NULL));
    cr_expect(has_one(fd, LISTENER_END_MS), "and at once");
    close(later);
    close(client);
    close(fd);
}

Test(listener_end, new_clients_are_ignored_and_those_before_are_not)
{
    uint16_t port;
    const int fd = listen_here(&port);
    const int client = wire_connect(port);
    listener_end_begin(fd);
    listener_end_refuse(fd);
    cr_expect(wire_send(client, STR("GET")));
    cr_expect(has_one(fd, 10000), "it is not ignored");
    const int accepted = accept(fd, NULL, NULL);
    char bytes[8];
    cr_expect_eq(recvfrom(accepted, bytes, sizeof bytes, 0, NULL, NULL), 3);
    cr_expect(wire_send(client, STR("more")), "nor later");
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_expect_eq(connect(late, (const struct sockaddr *)&at, sizeof at), -1);
    cr_expect_eq(errno, EINPROGRESS);
    struct pollfd event = {.fd = late, .events = POLLOUT};
    cr_expect_eq(poll(&event, 1, 100), 0, "it is ignored");
    close(fd);
    cr_expect_eq(poll(&event, 1, 10000), 1, "it tries again");
    close(late);
    close(accepted);
    close(client);
}

/* The kernel may have no memory for the filter (ENOMEM), or forbid it. */
Test(listener_end, without_the_filter_clients_are_accepted_as_before)
{
    uint16_t port;
    const int fd = listen_here(&port);
    listener_end_begin(fd);
    faults_fail(FAULT_SETSOCKOPT, 0, 1, ENOMEM);
    listener_end_refuse(fd);
    cr_expect_eq(faults_failed(FAULT_SETSOCKOPT), 1);
    faults_clear();
    const int client = wire_connect(port);
    cr_expect(has_one(fd, 10000));
    const int accepted = accept(fd, NULL, NULL);
    cr_expect(wire_send(client, STR("GET")));
    char bytes[8];
    cr_expect_eq(recvfrom(accepted, bytes, sizeof bytes, 0, NULL, NULL), 3);
    close(accepted);
    close(client);
    close(fd);
}

Test(listener_end, a_unix_socket_keeps_its_queue_and_takes_no_more)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    socklen_t length = sizeof at;
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&at, sizeof at.sun_family), 0);
    cr_assert_eq(listen(fd, 16), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &length), 0);
    const int before = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int after = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(before, (const struct sockaddr *)&at, length), 0);
    cr_expect_not(listener_end_begin(fd));
    cr_expect_eq(connect(after, (const struct sockaddr *)&at, length), -1);
    cr_expect_eq(errno, ECONNREFUSED);
    const int accepted = accept(fd, NULL, NULL);
    cr_expect_geq(accepted, 0);
    close(accepted);
    close(before);
    close(after);
    close(fd);
}
