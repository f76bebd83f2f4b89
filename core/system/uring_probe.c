/* uring_probe: see uring_probe.h. io_uring_setup(2); in the kernel's tree
 * Documentation/admin-guide/sysctl/kernel.rst. */
#include "system/uring_probe.h"

#include "system/uring.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void uring_probe_explain(int error, int disabled, struct problem *ret_problem)
{
    static const char old_remedy[] = "use Linux 6.1 or newer";
    const char *what = "io_uring does not work", *remedy = "use --backend epoll";
    switch (-error) {
    case ENOTSUP:
        what = "this program was built without liburing";
        remedy =
            "install liburing 2.3 or newer with its headers, and pkg-config, and build it again";
        break;
    case ENOSYS:
        what = "this kernel has no io_uring";
        remedy = old_remedy;
        break;
    case EINVAL:
    case EPROTO:
        what = "this kernel's io_uring lacks needed features";
        remedy = old_remedy;
        break;
    case EPERM:
    case EACCES:
        what = disabled ? "io_uring is switched off on this system"
                        : "io_uring is forbidden in this sandbox";
        remedy = disabled ? "allow it by sysctl kernel.io_uring_disabled=0"
                          : "allow the system calls io_uring_setup, io_uring_enter and "
                            "io_uring_register";
        break;
    case ENOMEM:
        what = "io_uring got no memory";
        remedy = "make more available, or raise the limit (ulimit -l)";
        break;
    default:
        problem_set(ret_problem, "%s: %s", what, strerror(-error));
        problem_remedy(ret_problem, "%s", remedy);
        return;
    }
    problem_set(ret_problem, "%s", what);
    problem_remedy(ret_problem, "%s", remedy);
}

#ifdef SLUICE_HAVE_LIBURING

enum { PATIENCE_MS = 500, WAITS_MAX = 4 };

static int read_disabled(void)
{
    FILE *file = fopen("/proc/sys/kernel/io_uring_disabled", "re");
    if (!file)
        return 0;
    int digit = fgetc(file);
    fclose(file);
    return digit > '0' && digit <= '9' ? digit - '0' : 0;
}

/* Waits for a completion, in spite of interruptions and of a short lack of memory. 0 or a negative
 * errno. */
static int wait_for_one(struct uring *uring, struct io_uring_cqe **ret)
{
    for (unsigned i = 0; i < WAITS_MAX; i++) {
        int error = uring_wait(uring, PATIENCE_MS);
        if (error)
            return error;
        if (io_uring_peek_cqe(&uring->ring, ret) == 0)
            return 0;
    }
    return -EPROTO;
}

/* Sends BYTE to the pair's other end: the multishot receive must deliver it in a buffer and stay
 * armed. 0 or a negative errno. */
static int receive_one(struct uring *uring, int client, char byte)
{
    struct io_uring_cqe *event;
    ssize_t sent;
    do
        sent = send(client, &byte, 1, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent != 1)
        return -errno;
    int error = wait_for_one(uring, &event);
    if (error)
        return error;
    unsigned flags = event->flags;
    bool good = event->res == 1 && flags & IORING_CQE_F_BUFFER && flags & IORING_CQE_F_MORE;
    unsigned buffer = flags >> IORING_CQE_BUFFER_SHIFT;
    good = good && buffer < uring->sizes.buffers && *uring_buffer(uring, buffer) == byte;
    error = event->res < 0 ? event->res : -EPROTO;
    io_uring_cqe_seen(&uring->ring, event);
    return good ? 0 : error;
}

static int try_ring(struct uring *uring)
{
    int pair[2];
    int error = uring_begin(uring);
    if (error)
        return error;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return -errno;
    error = uring_ask_receive(uring, pair[0], 1) ? 0 : -EPROTO;
    for (char byte = 'a'; !error && byte <= 'c'; byte++)
        error = receive_one(uring, pair[1], byte);
    close(pair[0]);
    close(pair[1]);
    return error;
}

static int try_it(void)
{
    static const struct uring_sizes sizes = {
        .submissions = 8, .completions = 16, .buffers = 4, .buffer_bytes = 64};
    static struct uring uring; /* used once per process; too large for the stack */
    const char *what;
    int error = uring_init(&uring, &sizes, &what);
    if (error)
        return error;
    error = try_ring(&uring);
    uring_fini(&uring);
    return error;
}

#else

static int read_disabled(void)
{
    return 0;
}

static int try_it(void)
{
    return -ENOTSUP;
}

#endif

int uring_probe(struct problem *ret_problem)
{
    int error = try_it();
    if (error)
        uring_probe_explain(error, read_disabled(), ret_problem);
    return error;
}
