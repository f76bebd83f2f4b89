/* uring_probe: see uring_probe.h. io_uring_setup(2); in the kernel's tree
 * Documentation/admin-guide/sysctl/kernel.rst. */
#include "system/uring_probe.h"

#include "system/uring.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void uring_probe_explain(int error, int disabled, char ret_reason[static URING_PROBE_REASON_BYTES])
{
    const char *reason = NULL;
    switch (-error) {
    case ENOTSUP:
        reason = "this program was built without liburing; install liburing 2.3 or newer with its "
                 "headers, and pkg-config, and build it again";
        break;
    case ENOSYS:
        reason = "this kernel has no io_uring; use Linux 6.1 or newer";
        break;
    case EINVAL:
    case EPROTO:
        reason = "this kernel's io_uring lacks what is needed; use Linux 6.1 or newer";
        break;
    case EPERM:
    case EACCES:
        reason = disabled ? "io_uring is switched off on this system; allow it by "
                            "sysctl kernel.io_uring_disabled=0"
                          : "io_uring is forbidden in this sandbox; allow the system calls "
                            "io_uring_setup, io_uring_enter and io_uring_register";
        break;
    case ENOMEM:
        reason = "io_uring got no memory; free some, or raise the limit (ulimit -l)";
        break;
    default:
        break;
    }
    if (reason)
        snprintf(ret_reason, URING_PROBE_REASON_BYTES, "%s", reason);
    else
        snprintf(ret_reason, URING_PROBE_REASON_BYTES, "io_uring fails: %s; use --backend epoll",
                 strerror(-error));
}

#ifdef SLUICE_HAVE_LIBURING

enum { PATIENCE_MS = 2000 };

static int read_disabled(void)
{
    FILE *file = fopen("/proc/sys/kernel/io_uring_disabled", "re");
    if (!file)
        return 0;
    int digit = fgetc(file);
    fclose(file);
    return digit > '0' && digit <= '9' ? digit - '0' : 0;
}

/* Sends BYTE through the pair: the multishot receive must deliver it in a buffer and continue.
 * Returns 0 or a negative errno. */
static int receive_one(struct uring *uring, int client, char byte)
{
    struct io_uring_cqe *event;
    if (send(client, &byte, 1, MSG_NOSIGNAL) != 1)
        return -errno;
    int error = uring_wait(uring, PATIENCE_MS);
    if (error)
        return error;
    if (io_uring_peek_cqe(&uring->ring, &event) != 0)
        return -EPROTO;
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

int uring_probe(char ret_reason[static URING_PROBE_REASON_BYTES])
{
    int error = try_it();
    if (error)
        uring_probe_explain(error, read_disabled(), ret_reason);
    return error;
}
