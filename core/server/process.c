/* process: see process.h. */
#include "server/process.h"

#include "base/num.h"
#include "base/str.h"

#include <fcntl.h>
#include <limits.h>
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

int process_descriptor_in(const char *path)
{
    static const struct str folders[] = {STR_INIT("/dev/fd/"), STR_INIT("/proc/self/fd/")};
    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        uint64_t number;
        struct str rest = str_of(path);
        if (!str_starts_with(rest, folders[i]))
            continue;
        rest = str_from(rest, folders[i].length);
        rest = str_first(rest, str_find(rest, '/'));
        if (num_parse_u64(rest, &number) && number <= INT_MAX)
            return (int)number;
    }
    return -1;
}

/* The smallest of COUNT descriptors KEPT that is at least FIRST; UINT32_MAX: none. */
static uint32_t next_kept(const int *kept, unsigned count, uint32_t first)
{
    uint32_t next = UINT32_MAX;
    for (unsigned i = 0; i < count; i++) {
        if (kept[i] >= 0 && (uint32_t)kept[i] >= first && (uint32_t)kept[i] < next)
            next = (uint32_t)kept[i];
    }
    return next;
}

void process_close_inherited_descriptors(const int *kept, unsigned count)
{
    uint32_t first = STDERR_FILENO + 1;
    for (;;) {
        uint32_t next = next_kept(kept, count, first);
        /* A kernel before 5.9 lacks the call; then they stay open. */
        if (next > first)
            syscall(SYS_close_range, first, next == UINT32_MAX ? next : next - 1, 0);
        if (next == UINT32_MAX)
            return;
        first = next + 1;
    }
}

uint64_t process_raise_descriptors(void)
{
    struct rlimit limit = {1024, 1024};
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return limit.rlim_cur;
    struct rlimit raised = {limit.rlim_max, limit.rlim_max};
    return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}
