/* admin_clients: what one client may cost the others. */
#include "admin/admin_clients.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ENDLESS = 100000 };

static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

static struct admin_clients clients;
static unsigned answers;

/* The other ends of connections. */
static int endless, quiet;

/* Answers with one byte. The endless client has read the answer before, and sends two more
 * requests. */
static struct admin_answer answer(void *owner, const struct h1_head *head, bool keeps)
{
    char read_already[64];
    (void)owner, (void)head, (void)keeps;
    answers++;
    if (endless >= 0 && answers < ENDLESS) {
        recv(endless, read_already, sizeof read_already, MSG_DONTWAIT);
        send(endless, request, sizeof request - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        send(endless, request, sizeof request - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    return (struct admin_answer){strdup("a"), 1};
}

/* Adds a connection. Returns its other end. */
static int connect_one(void)
{
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    admin_clients_add(&clients, pair[0], 0);
    return pair[1];
}

static void set_up(void)
{
    admin_clients_init(&clients);
    clients.answer = answer;
    answers = 0;
    endless = quiet = -1;
}

static void tear_down(void)
{
    admin_clients_fini(&clients);
    close(endless);
    close(quiet);
}

TestSuite(admin_clients, .init = set_up, .fini = tear_down, .timeout = 60);

/* Has poll(2) wait, and then everything done. */
static void turn(void)
{
    struct pollfd watched[ADMIN_CLIENTS_MAX];
    int wait_ms = admin_clients_watch(&clients, watched, 0);
    poll(watched, ADMIN_CLIENTS_MAX, wait_ms);
    admin_clients_serve(&clients, watched, 0);
}

Test(admin_clients, a_client_that_sends_without_an_end_keeps_none_waiting)
{
    char byte;
    endless = connect_one();
    quiet = connect_one();
    cr_assert_eq(send(endless, request, sizeof request - 1, 0), sizeof request - 1);
    cr_assert_eq(send(quiet, request, sizeof request - 1, 0), sizeof request - 1);
    turn();
    cr_expect_lt(answers, 100);
    cr_expect_eq(recv(quiet, &byte, 1, 0), 1, "it is answered in the same turn");
}

Test(admin_clients, requests_that_came_at_once_are_all_answered)
{
    char bytes[64];
    quiet = connect_one();
    for (unsigned i = 0; i < 40; i++)
        cr_assert_eq(send(quiet, request, sizeof request - 1, 0), sizeof request - 1);
    size_t length = 0;
    for (unsigned i = 0; i < 40 && length < 40; i++) {
        turn();
        const ssize_t got = recv(quiet, bytes, sizeof bytes, 0);
        length += got > 0 ? (size_t)got : 0;
    }
    cr_expect_eq(length, 40);
}
