/* cpus: see cpus.h. */
#include "system/cpus.h"

#include "base/num.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

enum { CPUS_MAX = 1 << 20 };

unsigned cpus_affinity(void)
{
    unsigned count = 0;
    int error = EINVAL;
    /* EINVAL: the mask is smaller than the kernel's. */
    for (size_t cpus = 1024; error == EINVAL && cpus <= CPUS_MAX; cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC(cpus);
        if (!set)
            break;
        error = sched_getaffinity(0, CPU_ALLOC_SIZE(cpus), set) == 0 ? 0 : errno;
        if (error == 0)
            count = (unsigned)CPU_COUNT_S(CPU_ALLOC_SIZE(cpus), set);
        CPU_FREE(set);
    }
    return count ? count : 1;
}

/* The first line of the file FOLDER/NAME, without its newline. False: it cannot be read. */
static bool read_line(const char *folder, const char *name, char to[static 64])
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = length > 0 && (size_t)length < sizeof path ? fopen(path, "re") : NULL;
    if (!file)
        return false;
    bool read = fgets(to, 64, file) != NULL;
    fclose(file);
    if (read)
        to[strcspn(to, "\n")] = '\0';
    return read;
}

/* A quota of QUOTA microseconds of CPU time in each PERIOD, in CPUs. 0: they are not two positive
 * numbers. */
static unsigned quota_cpus(struct str quota, struct str period)
{
    uint64_t quota_us, period_us;
    if (!num_parse_u64(quota, &quota_us) || !num_parse_u64(period, &period_us))
        return 0;
    if (quota_us == 0 || period_us == 0)
        return 0;
    uint64_t cpus = quota_us / period_us + (quota_us % period_us != 0);
    return cpus > INT_MAX ? INT_MAX : (unsigned)cpus;
}

/* cpu.max: "150000 100000" or "max 100000". */
static unsigned folder_quota_v2(const char *folder)
{
    char line[64];
    if (!read_line(folder, "cpu.max", line))
        return 0;
    struct str text = str_of(line);
    size_t space = str_find(text, ' ');
    return quota_cpus(str_first(text, space), str_from(text, space + 1));
}

/* cpu.cfs_quota_us: -1 means none. */
static unsigned folder_quota_v1(const char *folder)
{
    char quota[64], period[64];
    if (!read_line(folder, "cpu.cfs_quota_us", quota) ||
        !read_line(folder, "cpu.cfs_period_us", period))
        return 0;
    return quota_cpus(str_of(quota), str_of(period));
}

/* The smaller of two quotas, of which 0 means none. */
static unsigned tighter(unsigned a, unsigned b)
{
    if (a == 0 || b == 0)
        return a ? a : b;
    return a < b ? a : b;
}

/* The tightest quota of the cgroup PATH ("/a/b") and its ancestors, up to and including MOUNT. A
 * container may see its own cgroup as the mount although SELF gives its path on the host: then the
 * path does not exist below the mount, and the mount itself has the quota. */
static unsigned tree_quota(const char *mount, struct str path,
                           unsigned (*folder_quota)(const char *folder))
{
    unsigned quota = 0;
    char folder[PATH_MAX];
    for (struct str rest = str_starts_with(path, STR("/..")) ? STR("") : path;;
         rest = str_first(rest, str_find_last(rest, '/'))) {
        while (rest.length > 0 && rest.at[rest.length - 1] == '/')
            rest.length--;
        int length = snprintf(folder, sizeof folder, "%s%.*s", mount, (int)rest.length, rest.at);
        if (length > 0 && (size_t)length < sizeof folder)
            quota = tighter(quota, folder_quota(folder));
        if (rest.length == 0 || str_find_last(rest, '/') == rest.length)
            return quota;
    }
}

/* The quota of one line of SELF: "0::/path" (version 2) or "4:cpu,cpuacct:/path" (version 1). */
static unsigned line_quota(const char *root, struct str line)
{
    char mount[PATH_MAX];
    size_t colon = str_find(line, ':');
    struct str rest = str_from(line, colon + 1);
    struct str controllers = str_first(rest, str_find(rest, ':'));
    struct str path = str_from(rest, controllers.length + 1);
    if (controllers.length == 0 && str_equal(str_first(line, colon), STR("0")))
        return tree_quota(root, path, folder_quota_v2);
    if (!str_list_has(controllers, STR("cpu")))
        return 0;
    /* It is mounted under the names of all its controllers, or under "cpu". */
    unsigned quota = 0;
    snprintf(mount, sizeof mount, "%s/%.*s", root, (int)controllers.length, controllers.at);
    quota = tree_quota(mount, path, folder_quota_v1);
    snprintf(mount, sizeof mount, "%s/cpu", root);
    return tighter(quota, tree_quota(mount, path, folder_quota_v1));
}

unsigned cpus_quota(const char *root, const char *self)
{
    char *line = NULL;
    size_t room = 0;
    unsigned quota = 0;
    FILE *file = fopen(self, "re");

    if (!file)
        return 0;
    for (ssize_t length; (length = getline(&line, &room, file)) > 0;) {
        struct str text = {line, (size_t)length};
        if (text.at[text.length - 1] == '\n')
            text.length--;
        quota = tighter(quota, line_quota(root, text));
    }
    free(line);
    fclose(file);
    return quota;
}

unsigned cpus_usable(void)
{
    return tighter(cpus_affinity(), cpus_quota(CPUS_CGROUP_ROOT, CPUS_CGROUP_SELF));
}
