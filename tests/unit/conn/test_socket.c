/* socket: a peer counts as stalled only when it has taken nothing at two checks. Real sockets. */
#include "conn/socket.h"
#include "support/wire.h"

#include <criterion/criterion.h>
#include <poll.h>

static int server, client;
static struct socket socket_of_server;

static void set_up(void)
{
    wire_pair(&server, &client);
    socket_init(&socket_of_server, server);
}

static void tear_down(void)
{
    close(server);
    close(client);
}

TestSuite(socket, .init = set_up, .fini = tear_down, .timeout = 120);

/* Sends until the peer's buffer and the socket's are full. */
static void fill(void)
{
    static char bytes[1 << 16];
    struct pollfd event = {.fd = server, .events = POLLOUT};
    while (poll(&event, 1, 200) == 1) {
        while (sendto(server, bytes, sizeof bytes, MSG_NOSIGNAL, NULL, 0) > 0) {
        }
    }
}

/* Reads until the socket has room again, and so fewer bytes unacknowledged. */
static void take_some(void)
{
    static char bytes[1 << 20];
    struct pollfd event = {.fd = server, .events = POLLOUT};
    while (poll(&event, 1, 0) == 0)
        cr_assert_gt(read(client, bytes, sizeof bytes), 0);
}

/* The first check has nothing to compare with; the next two see that nothing has been taken. */
Test(socket, a_peer_that_takes_nothing_is_stalled_after_two_more_checks)
{
    fill();
    cr_expect(socket_drains(&socket_of_server));
    cr_expect(socket_drains(&socket_of_server));
    cr_expect_not(socket_drains(&socket_of_server));
}

Test(socket, a_peer_that_took_bytes_between_two_checks_is_not_stalled)
{
    fill();
    cr_expect(socket_drains(&socket_of_server));
    cr_expect(socket_drains(&socket_of_server));
    take_some();
    cr_expect(socket_drains(&socket_of_server), "it has taken bytes");
    cr_expect_not(socket_of_server.no_progress);
}

Test(socket, bytes_that_the_socket_took_are_progress)
{
    fill();
    socket_drains(&socket_of_server);
    socket_drains(&socket_of_server);
    socket_progressed(&socket_of_server);
    cr_expect(socket_drains(&socket_of_server));
    cr_expect(socket_drains(&socket_of_server));
    cr_expect_not(socket_drains(&socket_of_server));
}
