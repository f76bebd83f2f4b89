/* admin_clients: what one client may cost the others. */
#include "admin/admin_clients.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ENDLESS = 100000 };

static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

static struct admin_clients clients;
static unsigned answers;
static size_t answer_bytes;

/* The other ends of connections. */
static int endless, quiet;

/* Answers with ANSWER_BYTES. The endless client has read the answer before, and sends two more
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
    return (struct admin_answer){calloc(1, answer_bytes), answer_bytes};
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
    answer_bytes = 1;
    endless = quiet = -1;
}

static void tear_down(void)
{
    admin_clients_fini(&clients);
    close(endless);
    close(quiet);
}

TestSuite(admin_clients, .init = set_up, .fini = tear_down, .timeout = 60);

/* Does all that is possible at NOW_MS. */
static void turn_at(uint64_t now_ms)
{
    struct pollfd watched[ADMIN_CLIENTS_MAX];
    admin_clients_watch(&clients, watched, now_ms);
    poll(watched, ADMIN_CLIENTS_MAX, 0);
    admin_clients_serve(&clients, watched, now_ms);
}

static void turn(void)
{
    turn_at(0);
}

/* Whether the connection whose other end is FD has ended. Discards what it has sent. */
static bool has_ended(int fd)
{
    char bytes[4096];
    ssize_t got;
    do
        got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    while (got > 0);
    return got == 0 || errno != EAGAIN;
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

/* --- Time ------------------------------------------------------------------------------------- */

Test(admin_clients, a_head_that_comes_byte_by_byte_has_its_time)
{
    uint64_t now_ms = 0;
    quiet = connect_one();
    for (unsigned i = 0; i < sizeof request - 2 && !has_ended(quiet); i++, now_ms += 500) {
        send(quiet, &request[i], 1, MSG_NOSIGNAL);
        turn_at(now_ms);
    }
    cr_expect_eq(answers, 0);
    cr_expect_geq(now_ms, 5000);
    cr_expect_leq(now_ms, 6000);
}

Test(admin_clients, the_first_head_and_the_next_one_have_their_time)
{
    quiet = connect_one();
    turn_at(4999);
    cr_expect_not(has_ended(quiet));
    cr_assert_eq(send(quiet, request, sizeof request - 1, 0), sizeof request - 1);
    turn_at(4999);
    cr_expect_eq(answers, 1);
    turn_at(64000);
    cr_expect_not(has_ended(quiet), "it is idle");
    turn_at(65000);
    cr_expect(has_ended(quiet));
    quiet = connect_one();
    turn_at(5000);
    cr_expect(has_ended(quiet), "it has sent nothing");
}

/* Takes what the socket holds for FD. Returns the bytes. */
static size_t take(int fd)
{
    static char piece[64 << 10];
    size_t bytes = 0;
    ssize_t got;
    while ((got = recv(fd, piece, sizeof piece, MSG_DONTWAIT)) > 0)
        bytes += (size_t)got;
    return bytes;
}

Test(admin_clients, a_client_that_takes_nothing_or_little_ends_in_time)
{
    answer_bytes = 16 << 20;
    quiet = connect_one();
    for (unsigned i = 0; i < 10; i++) /* it pipelines, too */
        cr_assert_eq(send(quiet, request, sizeof request - 1, 0), sizeof request - 1);
    turn_at(1000);
    cr_expect_eq(answers, 1, "one answer at a time");
    turn_at(5999);
    cr_expect_gt(take(quiet), 0);
    turn_at(5999);
    turn_at(10998);
    cr_expect_eq(clients.items[0].state, ADMIN_CLIENT_WRITING, "it has taken something");
    for (uint64_t now_ms = 10998; now_ms <= 30999; now_ms += 1000) {
        cr_expect_gt(take(quiet), 0);
        turn_at(now_ms);
    }
    cr_expect_geq(clients.items[0].fd, 0);
    turn_at(31000);
    cr_expect_lt(clients.items[0].fd, 0, "the whole answer has its time, too");
}

/* --- Places ----------------------------------------------------------------------------------- */

Test(admin_clients, clients_that_have_sent_their_request_are_answered_however_many_come_at_once)
{
    enum { CROWD = 3 * ADMIN_CLIENTS_MAX };
    int ends[CROWD];
    char byte;
    for (unsigned i = 0; i < CROWD; i++) {
        int pair[2];
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
        cr_assert_eq(send(pair[1], request, sizeof request - 1, 0), sizeof request - 1);
        admin_clients_add(&clients, pair[0], i);
        ends[i] = pair[1];
    }
    for (unsigned i = 0; i < CROWD; i++) {
        cr_expect_eq(recv(ends[i], &byte, 1, MSG_DONTWAIT), 1, "client %u", i);
        close(ends[i]);
    }
}

Test(admin_clients, a_new_connection_takes_the_place_of_an_idle_one_first)
{
    int ends[ADMIN_CLIENTS_MAX];
    for (unsigned i = 0; i < ADMIN_CLIENTS_MAX; i++)
        ends[i] = connect_one();
    const unsigned idle = ADMIN_CLIENTS_MAX / 2;
    cr_assert_eq(send(ends[idle], request, sizeof request - 1, 0), sizeof request - 1);
    turn();
    quiet = connect_one();
    turn();
    for (unsigned i = 0; i < ADMIN_CLIENTS_MAX; i++) {
        cr_expect_eq(has_ended(ends[i]), i == idle, "connection %u", i);
        close(ends[i]);
    }
    cr_expect_not(has_ended(quiet));
}
