/* process: see process.h. */
#include "server/process.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

void process_fill_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
        if (fd < 0)
            fd = open("/", O_PATH); /* in a chroot without devices */
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

void process_close_inherited_descriptors(void)
{
    /* A kernel before 5.9 lacks the call; then they stay open. */
    syscall(SYS_close_range, STDERR_FILENO + 1, UINT32_MAX, 0);
}

uint64_t process_raise_descriptors(void)
{
    struct rlimit limit = {1024, 1024};
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return limit.rlim_cur;
    struct rlimit raised = {limit.rlim_max, limit.rlim_max};
    return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}
