/* unix_socket: which files it replaces, which it leaves alone, and what it leaves. unix(7). */
#include "support/faults.h"
#include "support/tree.h"
#include "system/net.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[] = "/tmp/sluice-unix-XXXXXX";
static struct unix_socket ours;
static struct problem problem;

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(directory));
    ours = (struct unix_socket){
        .mode = UNIX_SOCKET_AS_MADE, .user = UNIX_SOCKET_AS_MADE, .group = UNIX_SOCKET_AS_MADE};
    snprintf(ours.path, sizeof ours.path, "%s/socket", directory);
}

static void tear_down(void)
{
    unlink(ours.path);
    rmdir(directory);
}

TestSuite(unix_socket, .init = set_up, .fini = tear_down, .timeout = 20);

/* Binds a socket of TYPE to the path. */
static int bind_other(int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path, ours.path, strlen(ours.path));
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static mode_t type_at_path(void)
{
    struct stat state;
    return lstat(ours.path, &state) == 0 ? state.st_mode & S_IFMT : 0;
}

Test(unix_socket, listens_and_removes_its_file_at_the_end)
{
    const unsigned descriptors = tree_open_descriptors();
    int fd = unix_socket_listen(&ours, 16, &problem);
    cr_assert_geq(fd, 0, "%s", problem.what);
    cr_expect(fcntl(fd, F_GETFL) & O_NONBLOCK);
    cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    cr_expect_eq(type_at_path(), S_IFSOCK);
    unix_socket_remove(&ours);
    cr_expect_eq(type_at_path(), 0);
    unix_socket_remove(&ours);
    close(fd);
    cr_expect_eq(tree_open_descriptors(), descriptors);
}

Test(unix_socket, gives_the_file_its_mode_whatever_the_umask)
{
    static const mode_t modes[] = {0, 0600, 0660, 0666, 0777};
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        struct stat state;
        ours.mode = modes[i];
        umask(i % 2 == 0 ? 0 : 0777);
        int fd = unix_socket_listen(&ours, 16, &problem);
        umask(022);
        cr_assert_geq(fd, 0, "%s", problem.what);
        cr_assert_eq(lstat(ours.path, &state), 0);
        cr_expect_eq(state.st_mode & 07777, modes[i], "%o", modes[i]);
        unix_socket_remove(&ours);
        close(fd);
    }
}

Test(unix_socket, gives_the_file_to_its_owner)
{
    struct stat state;
    if (geteuid() != 0)
        cr_skip("it takes root to give files away");
    ours.user = 4711;
    ours.group = 4712;
    int fd = unix_socket_listen(&ours, 16, &problem);
    cr_assert_geq(fd, 0, "%s", problem.what);
    cr_assert_eq(lstat(ours.path, &state), 0);
    cr_expect_eq(state.st_uid, 4711);
    cr_expect_eq(state.st_gid, 4712);
    unix_socket_remove(&ours);
    close(fd);
}

/* --- Another process that may write to the directory -------------------------------------------- */

static char victim[sizeof directory + 8];

static void make_victim(void)
{
    snprintf(victim, sizeof victim, "%s/victim", directory);
    close(open(victim, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    ours.mode = 0666;
    ours.user = geteuid();
}

static void put_link_in_place(void *argument)
{
    (void)argument;
    unlink(ours.path);
    cr_assert_eq(symlink(victim, ours.path), 0);
}

static void expect_victim_unchanged(void)
{
    struct stat state;
    cr_assert_eq(stat(victim, &state), 0);
    cr_expect_eq(state.st_mode & 07777, 0600, "%o", state.st_mode);
    cr_expect_eq(type_at_path(), S_IFLNK, "and the link is not ours");
    unlink(victim);
}

Test(unix_socket, does_not_follow_a_link_that_takes_the_place_of_the_file_at_once)
{
    const unsigned descriptors = tree_open_descriptors();
    make_victim();
    faults_act(FAULT_OPEN, 1, put_link_in_place, NULL); /* the first one finds no file */
    cr_expect_eq(unix_socket_listen(&ours, 16, &problem), -ENOTSOCK);
    faults_clear();
    expect_victim_unchanged();
    cr_expect_eq(tree_open_descriptors(), descriptors);
}

Test(unix_socket, gives_its_mode_to_the_file_that_was_made_and_no_other)
{
    make_victim();
    faults_act(FAULT_FSTAT, 0, put_link_in_place, NULL); /* the file has been opened */
    const int fd = unix_socket_listen(&ours, 16, &problem);
    faults_clear();
    cr_expect_geq(fd, 0, "%s", problem.what);
    unix_socket_remove(&ours);
    close(fd);
    expect_victim_unchanged();
}

/* The child may not see /proc: a bare chroot(2). */
Test(unix_socket, says_that_a_mode_needs_proc)
{
    if (geteuid() != 0)
        cr_skip("only root may call chroot(2)");
    const pid_t child = fork();
    if (child == 0) {
        if (chroot(directory) < 0)
            _exit(2);
        snprintf(ours.path, sizeof ours.path, "/s");
        ours.mode = 0660;
        const int error = unix_socket_listen(&ours, 16, &problem);
        const bool left = access("/s", F_OK) == 0;
        _exit(error == -ENOSYS && !left && strstr(problem.what, "without /proc") ? 0 : 1);
    }
    int status;
    cr_assert(child > 0 && waitpid(child, &status, 0) == child);
    cr_expect_eq(status, 0, "%#x", status);
}

Test(unix_socket, replaces_the_file_of_a_process_that_has_ended)
{
    close(bind_other(SOCK_STREAM));
    cr_assert_eq(type_at_path(), S_IFSOCK);
    int fd = unix_socket_listen(&ours, 16, &problem);
    cr_assert_geq(fd, 0, "%s", problem.what);
    unix_socket_remove(&ours);
    close(fd);
}

Test(unix_socket, refuses_a_path_where_another_process_listens)
{
    struct unix_socket other = ours;
    int first = unix_socket_listen(&other, 0, &problem);
    cr_assert_geq(first, 0);
    for (int i = 0; i < 3; i++) { /* then the queue of the first one is full */
        cr_expect_eq(unix_socket_listen(&ours, 16, &problem), -EADDRINUSE);
        cr_expect(strstr(problem.what, "is in use"), "%s", problem.what);
    }
    cr_expect_eq(type_at_path(), S_IFSOCK);
    unix_socket_remove(&other);
    close(first);
}

Test(unix_socket, refuses_a_path_of_a_socket_of_another_type)
{
    int other = bind_other(SOCK_DGRAM);
    cr_expect_eq(unix_socket_listen(&ours, 16, &problem), -EADDRINUSE);
    cr_expect_eq(type_at_path(), S_IFSOCK);
    close(other);
}

/* nginx/unit #649. */
Test(unix_socket, never_removes_a_file_that_is_not_a_socket)
{
    static const mode_t types[] = {S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (types[i] == S_IFREG)
            close(open(ours.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        else if (types[i] == S_IFDIR)
            mkdir(ours.path, 0700);
        else if (types[i] == S_IFLNK)
            cr_assert_eq(symlink("/dev/null", ours.path), 0);
        else
            mkfifo(ours.path, 0600);
        cr_expect_eq(unix_socket_listen(&ours, 16, &problem), -EEXIST, "%o", types[i]);
        cr_expect(strstr(problem.what, "is not a socket"), "%s", problem.what);
        cr_expect_eq(type_at_path(), types[i]);
        cr_assert_eq(remove(ours.path), 0);
    }
}

Test(unix_socket, leaves_the_file_that_another_process_has_put_in_its_place)
{
    int fd = unix_socket_listen(&ours, 16, &problem);
    cr_assert_geq(fd, 0);
    close(fd);
    unlink(ours.path);
    int other = bind_other(SOCK_STREAM);
    unix_socket_remove(&ours);
    cr_expect_eq(type_at_path(), S_IFSOCK);
    close(other);
}

Test(unix_socket, leaves_the_file_to_the_process_that_has_the_socket)
{
    int fd = unix_socket_listen(&ours, 16, &problem);
    cr_assert_geq(fd, 0);
    unix_socket_leave(&ours);
    unix_socket_remove(&ours);
    cr_expect_eq(type_at_path(), S_IFSOCK);
    close(fd);
}

Test(unix_socket, keeps_the_file_of_a_process_that_has_handed_the_socket_over)
{
    const unsigned descriptors = tree_open_descriptors();
    struct unix_socket next = ours;
    int fd = unix_socket_listen(&ours, 16, &problem);
    cr_assert_geq(fd, 0);
    unix_socket_keep(&next);
    unix_socket_remove(&next);
    cr_expect_eq(type_at_path(), S_IFSOCK, "nothing was handed over");
    next.is_handed_over = true;
    unix_socket_keep(&next);
    unix_socket_leave(&ours);
    unix_socket_remove(&ours);
    cr_expect_eq(type_at_path(), S_IFSOCK, "it belongs to the next process");
    unix_socket_remove(&next);
    cr_expect_eq(type_at_path(), 0);
    close(fd);
    cr_expect_eq(tree_open_descriptors(), descriptors);
}

Test(unix_socket, has_no_file_if_its_name_is_abstract)
{
    struct unix_socket other = {.mode = UNIX_SOCKET_AS_MADE};
    snprintf(ours.path, sizeof ours.path, "@sluice-test-%d", getpid());
    memcpy(other.path, ours.path, sizeof other.path);
    int fd = unix_socket_listen(&ours, 16, &problem);
    cr_assert_geq(fd, 0, "%s", problem.what);
    cr_expect_eq(unix_socket_listen(&other, 16, &problem), -EADDRINUSE);
    struct sockaddr_un name;
    socklen_t bytes = sizeof name;
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&name, &bytes), 0);
    cr_expect_eq(bytes, offsetof(struct sockaddr_un, sun_path) + strlen(ours.path));
    cr_expect_eq(name.sun_path[0], '\0');
    unix_socket_remove(&ours);
    close(fd);
}

Test(unix_socket, says_what_is_wrong_and_leaves_nothing)
{
    static const struct {
        enum fault call;
        int error;
        const char *says;
    } rows[] = {
        {FAULT_SOCKET, EMFILE, "cannot listen on"},
        {FAULT_BIND, EACCES, "no right to make"},
        {FAULT_LISTEN, ENOMEM, "cannot listen on"},
        {FAULT_OPEN, EMFILE, "cannot listen on"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const unsigned descriptors = tree_open_descriptors();
        faults_fail(rows[i].call, 0, 1, rows[i].error);
        cr_expect_lt(unix_socket_listen(&ours, 16, &problem), 0, "%zu", i);
        cr_expect_eq(faults_failed(rows[i].call), 1, "%zu", i);
        faults_clear();
        cr_expect(strstr(problem.what, rows[i].says), "%s", problem.what);
        cr_expect_eq(tree_open_descriptors(), descriptors, "%zu", i);
        cr_expect_eq(type_at_path(), 0, "%zu", i);
    }
    snprintf(ours.path, sizeof ours.path, "/nonexistent/socket");
    cr_expect_eq(unix_socket_listen(&ours, 16, &problem), -ENOENT);
    cr_expect(strstr(problem.what, "does not exist"), "%s", problem.what);
}

Test(unix_socket, is_shared_by_all_workers)
{
    enum { WORKERS = 3 };

    struct net_set set = {.backlog = 16};
    char urls[NET_URLS_MAX][NET_URL_BYTES];
    int *fds;
    net_set_unix(&set, &ours);
    cr_assert_eq(net_listen(&set, WORKERS, &fds, &problem), 0, "%s", problem.what);
    cr_expect_eq(net_urls(&set, urls), 1);
    cr_expect(strncmp(urls[0], "unix:/tmp/", 10) == 0, "%s", urls[0]);
    for (unsigned i = 0; i < WORKERS; i++) {
        struct sockaddr_un name;
        socklen_t bytes = sizeof name;
        cr_assert_eq(getsockname(fds[i], (struct sockaddr *)&name, &bytes), 0);
        cr_expect_str_eq(name.sun_path, ours.path);
        cr_expect(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
    }
    unix_socket_remove(&set.unix_socket);
    for (unsigned i = 0; i < WORKERS; i++)
        close(fds[i]);
    free(fds);
    const unsigned descriptors = tree_open_descriptors();
    faults_fail(FAULT_FCNTL, 1, 1, EMFILE);
    cr_expect_eq(net_listen(&set, WORKERS, &fds, &problem), -EMFILE);
    faults_clear();
    cr_expect_eq(tree_open_descriptors(), descriptors);
    cr_expect_eq(type_at_path(), 0);
}
