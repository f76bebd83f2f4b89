/* net: whichever listener of whichever worker can't be opened, none is left open. */
#include "support/faults.h"
#include "support/tree.h"
#include "system/net.h"

#include <criterion/criterion.h>
#include <errno.h>

enum { WORKERS = 2, ADDRESSES = 2 };

static void add_addresses(struct net_set *set)
{
    cr_assert_eq(net_add(set, "127.0.0.1"), NET_ADDED);
    cr_assert_eq(net_add(set, "127.0.0.2"), NET_ADDED);
}

/* Listens while CALL fails with ERROR after SKIP times; WHAT is in the message. */
static void expect_failure(enum fault call, unsigned skip, int error, const char *what)
{
    struct net_set set = {.backlog = 16};
    struct problem problem;
    int *fds = NULL;
    add_addresses(&set);
    faults_fail(call, skip, 1, error);
    int result = net_listen(&set, WORKERS, &fds, &problem);
    cr_expect_eq(result, -error, "%s %u", faults_name(call), skip);
    cr_expect_eq(faults_failed(call), 1);
    cr_expect(strstr(problem.what, what), "%s", problem.what);
    cr_expect_null(fds);
    faults_clear();
}

static void expect_nothing_left(enum fault call, int error, const char *what)
{
    for (unsigned skip = 0; skip < WORKERS * ADDRESSES; skip++) {
        const unsigned descriptors = tree_open_descriptors();
        expect_failure(call, skip, error, what);
        cr_expect_eq(tree_open_descriptors(), descriptors, "%s %u", faults_name(call), skip);
    }
}

Test(net_failures, leave_nothing_open_when_any_socket_cannot_be_opened)
{
    expect_nothing_left(FAULT_SOCKET, EMFILE, "cannot open a socket");
}

Test(net_failures, leave_nothing_open_when_any_listener_cannot_be_bound)
{
    expect_nothing_left(FAULT_BIND, ENOMEM, "cannot bind");
}

Test(net_failures, leave_nothing_open_when_any_socket_cannot_listen)
{
    expect_nothing_left(FAULT_LISTEN, ENOMEM, "cannot listen");
}
