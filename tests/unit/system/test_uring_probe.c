/* uring_probe: every failure has a reason and advice; a probe leaves nothing open. */
#include "support/tree.h"
#include "support/uring_or_skip.h"

#include <errno.h>
#include <string.h>

TestSuite(uring_probe, .timeout = 120);

Test(uring_probe, explains_every_error)
{
    static const struct {
        int error;
        int disabled;
        const char *what;
        const char *remedy;
    } rows[] = {
        {-ENOSYS, 0, "this kernel has no io_uring", "use Linux 6.1"},
        {-EINVAL, 0, "lacks what is needed", "use Linux 6.1"},
        {-EPROTO, 0, "lacks what is needed", "use Linux 6.1"},
        {-EPERM, 1, "switched off", "sysctl kernel.io_uring_disabled=0"},
        {-EPERM, 2, "switched off", "sysctl kernel.io_uring_disabled=0"},
        {-EPERM, 0, "forbidden in this sandbox", "allow the system calls io_uring_setup"},
        {-EACCES, 0, "forbidden in this sandbox", "allow the system calls io_uring_setup"},
        {-ENOMEM, 0, "no memory", "ulimit -l"},
        {-ENOTSUP, 0, "without liburing", "install liburing 2.3"},
        {-EMFILE, 0, "Too many open files", "use --backend epoll"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char reason[URING_PROBE_REASON_BYTES] = "";
        uring_probe_explain(rows[i].error, rows[i].disabled, reason);
        cr_expect(strstr(reason, rows[i].what), "%d: %s", rows[i].error, reason);
        cr_expect(strstr(reason, rows[i].remedy), "%d: %s", rows[i].error, reason);
        cr_expect_lt(strlen(reason), URING_PROBE_REASON_BYTES - 1, "%d: cut off", rows[i].error);
        cr_expect_null(strchr(reason, '\n'));
    }
}

Test(uring_probe, leaves_nothing_open_and_gives_a_reason)
{
    unsigned descriptors = tree_open_descriptors();
    for (unsigned i = 0; i < 20; i++) {
        char reason[URING_PROBE_REASON_BYTES] = "";
        int error = uring_probe(reason);
        cr_expect_leq(error, 0);
        cr_expect_eq(error == 0, reason[0] == '\0', "%d: %s", error, reason);
        cr_expect_eq(tree_open_descriptors(), descriptors);
    }
}
