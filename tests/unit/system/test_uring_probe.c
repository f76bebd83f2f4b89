/* uring_probe: every failure has a reason and advice; a probe leaves nothing open. */
#include "support/tree.h"
#include "support/uring_or_skip.h"

#include <errno.h>
#include <string.h>

TestSuite(uring_probe, .timeout = 120);

Test(uring_probe, explains_each_error_with_a_remedy)
{
    static const struct {
        int error;
        int disabled;
        const char *what;
        const char *remedy;
    } rows[] = {
        {-ENOSYS, 0, "this kernel has no io_uring", "use Linux 6.1"},
        {-EINVAL, 0, "lacks needed features", "use Linux 6.1"},
        {-EPROTO, 0, "lacks needed features", "use Linux 6.1"},
        {-EPERM, 1, "switched off", "sysctl kernel.io_uring_disabled=0"},
        {-EPERM, 2, "switched off", "sysctl kernel.io_uring_disabled=0"},
        {-EPERM, 0, "forbidden in this sandbox", "allow the system calls io_uring_setup"},
        {-EACCES, 0, "forbidden in this sandbox", "allow the system calls io_uring_setup"},
        {-ENOMEM, 0, "no memory", "ulimit -l"},
        {-ENOTSUP, 0, "without liburing", "install liburing 2.3"},
        {-EMFILE, 0, "Too many open files", "use --backend epoll"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct problem problem;
        uring_probe_explain(rows[i].error, rows[i].disabled, &problem);
        cr_expect(strstr(problem.what, rows[i].what), "%d: %s", rows[i].error, problem.what);
        cr_expect(strstr(problem.remedy, rows[i].remedy), "%d: %s", rows[i].error, problem.remedy);
        cr_expect(!strchr(problem.what, '\n') && !strchr(problem.remedy, '\n'));
    }
}

Test(uring_probe, leaves_nothing_open_and_gives_a_reason)
{
    unsigned descriptors = tree_open_descriptors();
    for (unsigned i = 0; i < 20; i++) {
        struct problem problem = {.line = 0};
        int error = uring_probe(&problem);
        cr_expect_leq(error, 0);
        cr_expect_eq(error == 0, problem.what[0] == '\0', "%d: %s", error, problem.what);
        cr_expect_eq(tree_open_descriptors(), descriptors);
    }
}
