/* admin: the thread, with a server that is made up: workers that turn, and that do not. */
#include "admin/admin.h"
#include "admin/admin_client.h"

#include "support/faults.h"
#include "support/tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WORKERS = 2, STUCK_MS = 50, TIMEOUT_MS = 10000 };

static struct counters counters[WORKERS];
static bool turns[WORKERS];

static const struct counters *counters_of(void *owner, unsigned worker)
{
    (void)owner;
    return &counters[worker];
}

static void wake(void *owner, unsigned worker)
{
    (void)owner;
    if (turns[worker])
        counters_add(&counters[worker], COUNTER_TURNS, 1);
}

static const struct admin_live live = {.connections_max = 7};

static const struct admin_source source = {
    .program = "sluice",
    .backend = "epoll",
    .live = &live,
    .worker_count = WORKERS,
    .counters = counters_of,
    .wake = wake,
    .stuck_ms = STUCK_MS,
};

static const struct admin_surroundings nothing;
static struct admin *admin;
static char where[32];

static void set_up(void)
{
    struct problem problem;
    char text[ADMIN_WHERE_BYTES];
    turns[0] = turns[1] = true;
    cr_assert_eq(admin_listen(&admin, "0", &nothing, &problem), 0);
    cr_assert_eq(admin_start(admin, &source), 0);
    admin_where(admin, text);
    cr_assert_eq(sscanf(text, "http://%31[0-9.:]", where), 1, "%s", text);
}

static void tear_down(void)
{
    admin_destroy(admin);
}

TestSuite(admin, .init = set_up, .fini = tear_down, .timeout = 60);

static unsigned ask(const char *path)
{
    struct admin_reply reply;
    struct problem problem;
    cr_assert_eq(admin_fetch(where, path, TIMEOUT_MS, &reply, &problem), 0, "%s", problem.what);
    free(reply.bytes);
    return reply.status;
}

Test(admin, workers_that_turn_when_they_are_woken_are_healthy)
{
    for (int i = 0; i < 5; i++) {
        cr_expect_eq(ask("/healthz"), 200);
        usleep(2 * STUCK_MS * 1000); /* idle ones make no turn without a reason */
    }
}

Test(admin, a_worker_that_does_not_turn_is_found_and_forgiven)
{
    turns[1] = false;
    cr_expect_eq(ask("/healthz"), 200, "it has just been asked");
    usleep(2 * STUCK_MS * 1000);
    cr_expect_eq(ask("/healthz"), 503);
    cr_expect_eq(ask("/readyz"), 200);
    cr_expect_eq(ask("/metrics"), 200);
    turns[1] = true;
    counters_add(&counters[1], COUNTER_TURNS, 1);
    cr_expect_eq(ask("/healthz"), 200);
}

Test(admin, workers_may_end_in_a_drain)
{
    turns[0] = turns[1] = false;
    admin_set_draining(admin);
    cr_expect_eq(ask("/readyz"), 503);
    usleep(2 * STUCK_MS * 1000);
    cr_expect_eq(ask("/healthz"), 200);
}

Test(admin, another_process_can_go_on_with_the_sockets)
{
    struct problem problem;
    struct admin *next = NULL;
    cr_assert_eq(admin_sockets_of(admin)->count, 1);
    struct inherited_socket socket = {.name = ADMIN_SOCKET_NAME};
    inherited_examine(&socket, dup(admin_sockets_of(admin)->fds[0]));
    struct inherited inherited = {.items = &socket, .count = 1};
    const struct admin_surroundings around = {.inherited = &inherited};
    cr_assert_eq(admin_listen(&next, where, &around, &problem), 0);
    cr_expect_eq(socket.fd, -1, "it is taken");
    admin_release(admin);
    cr_assert_eq(admin_start(next, &source), 0);
    cr_expect_eq(ask("/readyz"), 200);
    admin_destroy(next);
}

/* In a reload: a descriptor of its own for each socket. */
Test(admin, of_a_reload_is_refused_when_descriptors_are_out_and_the_former_one_goes_on)
{
    struct problem problem;
    struct admin *next = NULL;
    const struct admin_surroundings around = {.former = admin_sockets_of(admin)};
    const unsigned descriptors = tree_open_descriptors();
    faults_fail(FAULT_FCNTL, 0, 1, EMFILE);
    cr_expect_eq(admin_listen(&next, where, &around, &problem), -EMFILE);
    cr_expect_eq(faults_failed(FAULT_FCNTL), 1);
    faults_clear();
    cr_expect(strstr(problem.what, "no descriptor is left"), "%s", problem.what);
    cr_expect_null(next);
    cr_expect_eq(tree_open_descriptors(), descriptors);
    cr_expect_eq(ask("/readyz"), 200);
    cr_assert_eq(admin_listen(&next, where, &around, &problem), 0, "%s", problem.what);
    cr_assert_eq(admin_start(next, &source), 0);
    cr_expect_eq(admin_succeed(next, admin), 0);
    admin = next;
    cr_expect_eq(ask("/readyz"), 200);
}

/* The former one listens until this process is ready. */
Test(admin, of_the_next_process_may_have_another_address_on_the_port)
{
    struct problem problem;
    struct admin *next = NULL;
    char everywhere[32];
    struct inherited_socket socket = {.name = ADMIN_SOCKET_NAME};
    inherited_examine(&socket, dup(admin_sockets_of(admin)->fds[0]));
    struct inherited inherited = {.items = &socket, .count = 1};
    const struct admin_surroundings around = {.inherited = &inherited};
    snprintf(everywhere, sizeof everywhere, "0.0.0.0%s", strchr(where, ':'));
    cr_assert_eq(admin_listen(&next, everywhere, &around, &problem), 0, "%s", problem.what);
    cr_expect_geq(socket.fd, 0, "it is on another address");
    inherited_close(&inherited);
    admin_release(admin);
    cr_assert_eq(admin_start(next, &source), 0);
    cr_expect_eq(ask("/readyz"), 200);
    admin_destroy(next);
}

/* poll(2) fails with ENOMEM, perhaps for a while. */
Test(admin, goes_on_after_a_want_of_memory)
{
    struct problem problem;
    char text[ADMIN_WHERE_BYTES];
    struct admin *other = NULL;
    cr_assert_eq(ask("/healthz"), 200); /* the first one waits in poll(2) now, or soon */
    usleep(STUCK_MS * 1000);
    cr_assert_eq(admin_listen(&other, "0", &nothing, &problem), 0);
    admin_where(other, text);
    cr_assert_eq(sscanf(text, "http://%31[0-9.:]", where), 1, "%s", text);
    faults_fail(FAULT_POLL, 0, 2, ENOMEM);
    cr_assert_eq(admin_start(other, &source), 0);
    usleep(10 * STUCK_MS * 1000);
    faults_clear();
    cr_expect_eq(ask("/healthz"), 200);
    admin_destroy(other);
}

Test(admin, a_client_of_nothing_gets_a_reason)
{
    struct problem problem;
    struct admin_reply reply;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t bytes = sizeof address;
    char unused[32];
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, bytes), 0); /* no program listens there */
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &bytes), 0);
    snprintf(unused, sizeof unused, "127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
    cr_expect_lt(admin_fetch(unused, "/healthz", TIMEOUT_MS, &reply, &problem), 0);
    cr_expect(strstr(problem.what, "no answer"), "%s", problem.what);
    cr_assert_eq(listen(fd, 1), 0); /* it takes connections and answers nothing */
    cr_expect_lt(admin_fetch(unused, "/healthz", 100, &reply, &problem), 0);
    close(fd);
    cr_expect_lt(admin_fetch("unix:/nonexistent/socket", "/", TIMEOUT_MS, &reply, &problem), 0);
    cr_expect_lt(admin_fetch("nonsense", "/", TIMEOUT_MS, &reply, &problem), 0);
}
