/* net: listening sockets on the real loopback interface. */
#include "base/str.h"
#include "support/faults.h"
#include "support/net_rig.h"
#include "system/net.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* --- Helpers ---------------------------------------------------------------------------------- */

static bool have_v6(void)
{
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    bool bound = fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof at) == 0;
    if (fd >= 0)
        close(fd);
    return bound;
}

/* Connects to PORT of the loopback address. Returns the descriptor, or a negative errno. */
static int connect_to(int family, uint16_t port)
{
    struct sockaddr_in v4 = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in6 v6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int failed = family == AF_INET ? connect(fd, (const struct sockaddr *)&v4, sizeof v4)
                                   : connect(fd, (const struct sockaddr *)&v6, sizeof v6);
    if (!failed)
        return fd;
    int error = -errno;
    close(fd);
    return error;
}

/* Opens a listener of another program on 127.0.0.1, with or without SO_REUSEPORT. */
static int other_listener(uint16_t *ret_port, bool shares)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (shares)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(listen(fd, NET_RIG_BACKLOG), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &length), 0);
    *ret_port = ntohs(at.sin_port);
    return fd;
}

static int flag_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t length = sizeof value;
    getsockopt(fd, level, name, &value, &length);
    return value;
}

static void close_all(int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        close(fds[i]);
    free(fds);
}

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* --- Listening -------------------------------------------------------------------------------- */

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

Test(net, sets_the_options_of_listeners)
{
    static const char *const texts[] = {"127.0.0.1", NULL};
    struct net_set set = net_rig_set(texts);
    struct problem problem;
    int *fds;
    cr_assert_eq(net_listen(&set, 2, &fds, &problem), 0);
    cr_expect_neq(set.port, 0);
    for (unsigned i = 0; i < 2; i++) {
        cr_expect(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
        cr_expect(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
        cr_expect_eq(flag_of(fds[i], SOL_SOCKET, SO_ACCEPTCONN), 1);
        cr_expect_eq(flag_of(fds[i], SOL_SOCKET, SO_REUSEPORT), 1);
        cr_expect_eq(flag_of(fds[i], SOL_SOCKET, SO_REUSEADDR), 1);
    }
    int client = connect_to(AF_INET, set.port);
    struct pollfd watched[] = {{fds[0], POLLIN, 0}, {fds[1], POLLIN, 0}};
    cr_assert(client >= 0);
    uint64_t before_ms = now_ms();
    cr_expect(poll(watched, 2, 50) == 0 || now_ms() - before_ms > 500, "there is nothing to read");
    cr_assert_eq(send(client, "x", 1, 0), 1);
    cr_assert_eq(poll(watched, 2, 5000), 1);
    int accepted = accept(watched[0].revents ? fds[0] : fds[1], NULL, NULL);
    cr_expect_neq(flag_of(accepted, IPPROTO_TCP, TCP_NODELAY), 0, "inherited");
    close(accepted);
    close(client);
    close_all(fds, 2);
}

Test(net, accepts_a_silent_client_after_a_while)
{
    static const char *const texts[] = {"127.0.0.1", NULL};
    struct net_set set = net_rig_set(texts);
    struct problem problem;
    int *fds;
    cr_assert_eq(net_listen(&set, 1, &fds, &problem), 0);
    int client = connect_to(AF_INET, set.port);
    struct pollfd watched = {fds[0], POLLIN, 0};
    cr_expect_eq(poll(&watched, 1, 30000), 1);
    close(client);
    close_all(fds, 1);
}

Test(net, spreads_connections_over_the_workers)
{
    enum { WORKERS = 4, CLIENTS = 200 };
    struct net_set set = {.backlog = 1024};
    struct problem problem;
    int *fds, clients[CLIENTS];
    unsigned total = 0;
    net_add_any(&set);
    cr_assert_eq(net_listen(&set, WORKERS, &fds, &problem), 0);
    for (int i = 0; i < CLIENTS; i++) {
        cr_assert((clients[i] = connect_to(AF_INET, set.port)) >= 0);
        cr_assert_eq(send(clients[i], "x", 1, 0), 1);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        unsigned taken = 0;
        for (int fd; (fd = accept(fds[i], NULL, NULL)) >= 0; taken++)
            close(fd);
        /* A listener gets none with a probability of (3/4)^200. The first, which was bound alone,
         * is in the group. */
        cr_expect(taken > 0, "worker %u", i);
        total += taken;
    }
    cr_expect_eq(total, CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        close(clients[i]);
    close_all(fds, WORKERS);
}

Test(net, chooses_one_free_port_for_all_listeners)
{
    static const char *const texts[] = {"127.0.0.1", "127.0.0.2", "localhost", "127.0.0.3", NULL};
    enum { WORKERS = 3 };
    struct net_set set = net_rig_set(texts);
    struct problem problem;
    int *fds;
    cr_assert_eq(net_listen(&set, WORKERS, &fds, &problem), 0);
    cr_expect_neq(set.port, 0);
    cr_expect_eq(set.count, have_v6() ? 4 : 3);
    for (unsigned i = 0; i < WORKERS * set.count; i++) {
        struct net_address at = {0};
        const struct net_address *wanted = &set.addresses[i % set.count];
        socklen_t length = sizeof at.at;
        char found[NET_ADDRESS_BYTES], expected[NET_ADDRESS_BYTES];
        cr_assert_eq(getsockname(fds[i], &at.at.any, &length), 0);
        bool v6 = at.at.any.sa_family == AF_INET6;
        cr_expect_eq(ntohs(v6 ? at.at.v6.sin6_port : at.at.v4.sin_port), set.port);
        net_address_text(&at, found);
        net_address_text(wanted, expected);
        cr_expect_str_eq(found, expected, "listener %u", i);
    }
    close_all(fds, WORKERS * set.count);
}

Test(net, refuses_a_port_in_use)
{
    static const struct {
        const char *label;
        bool shares;
        const char *address; /* NULL: any */
        const char *where;
    } rows[] = {
        {"the same address", false, "127.0.0.1", " on 127.0.0.1 "},
        {"the same address, shared", true, "127.0.0.1", " on 127.0.0.1 "},
        {"any IPv4 address", false, "0.0.0.0", ""},
        {"any IPv4 address, shared", true, "0.0.0.0", ""},
        {"any address", false, NULL, ""},
        {"any address, shared", true, NULL, ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct net_set set = {.backlog = NET_RIG_BACKLOG};
        struct problem problem;
        char text[PROBLEM_TEXT_BYTES], start[64];
        int *fds = NULL, other = other_listener(&set.port, rows[i].shares);
        unsigned before = open_descriptors();
        if (rows[i].address)
            net_add(&set, rows[i].address);
        else
            net_add_any(&set);
        int error = net_listen(&set, 2, &fds, &problem);
        cr_expect_eq(error, -EADDRINUSE, "%s: %d", rows[i].label, error);
        cr_expect_null(fds, "%s", rows[i].label);
        cr_expect_eq(open_descriptors(), before, "%s: nothing is left open", rows[i].label);
        problem_text(&problem, text);
        snprintf(start, sizeof start, "port %u%sis in use; ", set.port,
                 *rows[i].where ? rows[i].where : " ");
        cr_expect(str_starts_with(str_of(text), str_of(start)), "%s: %s", rows[i].label, text);
        close(other);
    }
}

static void *close_after_200_ms(void *argument)
{
    const int *fd = argument;
    poll(NULL, 0, 200);
    close(*fd);
    return NULL;
}

/* The kernel frees the sockets of a killed process late if it used io_uring. */
Test(net, waits_for_a_port_that_is_freed_in_a_moment)
{
    struct net_set set = {.backlog = NET_RIG_BACKLOG};
    struct problem problem;
    pthread_t closer;
    int *fds, other = other_listener(&set.port, false);
    net_add(&set, "127.0.0.1");
    cr_assert_eq(pthread_create(&closer, NULL, close_after_200_ms, &other), 0);
    int error = net_listen(&set, 2, &fds, &problem);
    pthread_join(closer, NULL);
    cr_assert_eq(error, 0, "%d", error);
    close_all(fds, 2);
}

Test(net, refuses_to_share_the_port_with_a_second_start)
{
    struct net_set first = {.backlog = NET_RIG_BACKLOG}, second = {.backlog = NET_RIG_BACKLOG};
    struct problem problem;
    int *fds, *none = NULL;
    net_add_any(&first);
    cr_assert_eq(net_listen(&first, 2, &fds, &problem), 0);
    net_add_any(&second);
    second.port = first.port;
    cr_expect_eq(net_listen(&second, 2, &none, &problem), -EADDRINUSE);
    close_all(fds, 2);
    /* At once again, though connections of the first are in TIME-WAIT: SO_REUSEADDR. */
    cr_expect_eq(net_listen(&second, 2, &fds, &problem), 0);
    close_all(fds, 2);
}

Test(net, lets_at_most_one_of_simultaneous_starts_listen)
{
    enum { PROGRAMS = 8 };
    uint16_t port;
    int ready[2], go[2], hold[2], won = 0;
    char byte;
    close(other_listener(&port, false));
    cr_assert(pipe(ready) == 0 && pipe(go) == 0 && pipe(hold) == 0);
    pid_t children[PROGRAMS];
    for (int i = 0; i < PROGRAMS; i++) {
        children[i] = fork();
        if (children[i] != 0)
            continue;
        struct net_set set = {.port = port, .backlog = NET_RIG_BACKLOG};
        struct problem problem;
        int *fds;
        net_add(&set, "127.0.0.1");
        close(go[1]);
        close(hold[1]);
        bool started = read(go[0], &byte, 1) == 0; /* all at once, at its end */
        bool listens = started && net_listen(&set, 2, &fds, &problem) == 0;
        bool reported = write(ready[1], listens ? "y" : "n", 1) == 1;
        _exit(reported && read(hold[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(go[0]);
    close(go[1]);
    for (int i = 0; i < PROGRAMS; i++) {
        cr_assert_eq(read(ready[0], &byte, 1), 1);
        won += byte == 'y';
    }
    close(hold[1]);
    for (int i = 0; i < PROGRAMS; i++)
        waitpid(children[i], NULL, 0);
    /* Two that call listen(2) at the same moment may both fail, but never both succeed. */
    cr_expect(won <= 1, "%d listen", won);
}

/* A start screen with port 0 would lead nowhere. */
Test(net, refuses_to_listen_on_a_port_that_cannot_be_found)
{
    struct net_set set = net_rig_set((const char *[]){"127.0.0.1", NULL});
    struct problem problem;
    int *fds = NULL;
    unsigned before = open_descriptors();
    faults_fail(FAULT_GETSOCKNAME, 0, 1, ENOBUFS);
    cr_expect_eq(net_listen(&set, 2, &fds, &problem), -ENOBUFS);
    cr_expect(strstr(problem.what, "No buffer space"), "%s", problem.what);
    cr_expect_null(fds);
    cr_expect_eq(open_descriptors(), before);
    faults_clear();
}

Test(net, reports_an_address_of_another_machine)
{
    static const char *const texts[] = {"127.0.0.1", "192.0.2.77", NULL}; /* RFC 5737 */
    struct net_set set = net_rig_set(texts);
    struct problem problem;
    int *fds = NULL;
    unsigned before = open_descriptors();
    int error = net_listen(&set, 2, &fds, &problem);
    if (error == 0)
        cr_skip_test("net.ipv4.ip_nonlocal_bind is set");
    cr_expect_eq(error, -EADDRNOTAVAIL);
    cr_expect_eq(open_descriptors(), before);
    cr_expect_eq(set.port, 0, "as it was");
    cr_expect_str_eq(problem.what, "192.0.2.77 is not an address of this machine");
    cr_expect_str_eq(problem.remedy, "choose one that 'ip address' lists");
}

/* Returns 0 or the positive errno of net_listen without privileges. */
static int listen_as_nobody(uint16_t port)
{
    pid_t child = fork();
    int status;
    if (child == 0) {
        struct net_set set = {.port = port, .backlog = NET_RIG_BACKLOG};
        struct problem problem;
        int *fds;
        net_add(&set, "127.0.0.1");
        if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
            _exit(255);
        int error = net_listen(&set, 1, &fds, &problem);
        _exit(error == -EACCES && !strstr(problem.what, "listen on port") ? 254 : -error);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256;
}

Test(net, reports_a_missing_right_to_a_low_port)
{
    FILE *file = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "r");
    char text[16] = "1024";

    if (file && !fgets(text, sizeof text, file))
        cr_log_warn("ip_unprivileged_port_start is empty");
    if (file)
        fclose(file);
    if (strtol(text, NULL, 10) <= 1)
        cr_skip_test("net.ipv4.ip_unprivileged_port_start lets everybody");
    cr_expect_eq(listen_as_nobody(1), EACCES);
    cr_expect_eq(listen_as_nobody(0), 0);

    struct net_failure failure = {.step = NET_STEP_BIND, .port = 80};
    struct problem problem;
    failure.address.at.v4 = (struct sockaddr_in){.sin_family = AF_INET};
    net_explain(&failure, -EACCES, &problem);
    cr_expect_str_eq(problem.what, "no right to listen on port 80");
    cr_expect_str_eq(problem.remedy, "choose a port from 1024, or grant CAP_NET_BIND_SERVICE");
}

Test(net, listens_on_both_families)
{
    static const struct {
        const char *address; /* NULL: any */
        bool v4, v6;
    } rows[] = {
        {NULL, true, true},         {"::", false, true},  {"0.0.0.0", true, false},
        {"127.0.0.1", true, false}, {"::1", false, true}, {"localhost", true, true},
    };
    if (!have_v6())
        cr_skip_test("this machine has no IPv6");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct net_set set = {.backlog = NET_RIG_BACKLOG};
        struct problem problem;
        int *fds;
        if (rows[i].address)
            net_add(&set, rows[i].address);
        else
            net_add_any(&set);
        cr_assert_eq(net_listen(&set, 1, &fds, &problem), 0);
        int v4 = connect_to(AF_INET, set.port), v6 = connect_to(AF_INET6, set.port);
        cr_expect_eq(v4 >= 0, rows[i].v4, "row %zu", i);
        cr_expect_eq(v6 >= 0, rows[i].v6, "row %zu", i);
        if (v4 >= 0)
            close(v4);
        if (v6 >= 0)
            close(v6);
        close_all(fds, set.count);
    }
}

Test(net, uses_one_port_for_both_wildcards)
{
    static const char *const texts[] = {"0.0.0.0", "::", NULL};
    struct net_set set = net_rig_set(texts);
    struct problem problem;
    int *fds;
    if (!have_v6())
        cr_skip_test("this machine has no IPv6");
    cr_assert_eq(net_listen(&set, 2, &fds, &problem), 0);
    close_all(fds, 4);
}
