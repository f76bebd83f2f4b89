/* cpus: affinity, and quotas in artificial cgroup trees. */
#include "system/cpus.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Writes TEXT to the file ROOT/NAME and creates its directories. */
static void put(const char *root, const char *name, const char *text)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", root, name);
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    cr_assert(file, "%s", path);
    fputs(text, file);
    fclose(file);
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
    (void)status, (void)flag, (void)ftw;
    return remove(path);
}

struct tree {
    const char *label;
    const char *self; /* /proc/self/cgroup */
    unsigned quota;
    struct {
        const char *name, *text;
    } files[6];
};

static void expect_quota(const struct tree *tree)
{
    char top[] = "/tmp/sluice-cpus-XXXXXX", root[64], self[PATH_MAX];
    cr_assert(mkdtemp(top));
    put(top, "cgroup/self", tree->self); /* "../x" stays below TOP */
    snprintf(root, sizeof root, "%s/cgroup", top);
    snprintf(self, sizeof self, "%s/self", root);
    for (size_t i = 0; i < COUNT_OF(tree->files) && tree->files[i].name; i++)
        put(root, tree->files[i].name, tree->files[i].text);
    unsigned quota = cpus_quota(root, self);
    cr_expect_eq(quota, tree->quota, "%s: %u", tree->label, quota);
    nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

Test(cpus, finds_the_tightest_quota_of_version_2)
{
    static const struct tree trees[] = {
        {"no files", "0::/\n", 0, {{NULL, NULL}}},
        {"no limit", "0::/a\n", 0, {{"a/cpu.max", "max 100000\n"}}},
        {"two CPUs", "0::/a\n", 2, {{"a/cpu.max", "200000 100000\n"}}},
        {"rounded up", "0::/a\n", 2, {{"a/cpu.max", "150000 100000\n"}}},
        {"just over", "0::/a\n", 3, {{"a/cpu.max", "200001 100000\n"}}},
        {"a tenth is one", "0::/a\n", 1, {{"a/cpu.max", "10000 100000\n"}}},
        {"another period", "0::/a\n", 4, {{"a/cpu.max", "200000 50000\n"}}},
        {"of a parent",
         "0::/a/b/c\n",
         3,
         {{"a/cpu.max", "300000 100000\n"}, {"a/b/c/cpu.max", "max 100000\n"}}},
        {"the tightest",
         "0::/a/b\n",
         1,
         {{"a/cpu.max", "300000 100000\n"}, {"a/b/cpu.max", "100000 100000\n"}}},
        {"the tightest is above",
         "0::/a/b\n",
         2,
         {{"a/cpu.max", "200000 100000\n"}, {"a/b/cpu.max", "900000 100000\n"}}},
        {"not a sibling's", "0::/a/b\n", 0, {{"a/c/cpu.max", "100000 100000\n"}}},
        {"not a child's", "0::/a\n", 0, {{"a/b/cpu.max", "100000 100000\n"}}},
        {"a container's root", "0::/\n", 2, {{"cpu.max", "200000 100000\n"}}},
        {"a path from outside", "0::/docker/123\n", 2, {{"cpu.max", "200000 100000\n"}}},
        {"above the namespace",
         "0::/../../x\n",
         2,
         {{"cpu.max", "200000 100000\n"}, {"../x/cpu.max", "100000 100000\n"}}},
        {"a slash at the end", "0::/a/\n", 2, {{"a/cpu.max", "200000 100000\n"}}},
        {"a colon in the path", "0::/a:b\n", 2, {{"a:b/cpu.max", "200000 100000\n"}}},
        {"a space in the path", "0::/a b\n", 2, {{"a b/cpu.max", "200000 100000\n"}}},
        {"no newline", "0::/a", 2, {{"a/cpu.max", "200000 100000"}}},
        {"huge", "0::/a\n", INT_MAX, {{"a/cpu.max", "18446744073709551615 1\n"}}},
        {"zero period", "0::/a\n", 0, {{"a/cpu.max", "100000 0\n"}}},
        {"zero quota", "0::/a\n", 0, {{"a/cpu.max", "0 100000\n"}}},
        {"negative", "0::/a\n", 0, {{"a/cpu.max", "-1 100000\n"}}},
        {"no period", "0::/a\n", 0, {{"a/cpu.max", "100000\n"}}},
        {"empty", "0::/a\n", 0, {{"a/cpu.max", ""}}},
        {"rubbish", "0::/a\n", 0, {{"a/cpu.max", "lots and lots\n"}}},
    };
    for (size_t i = 0; i < COUNT_OF(trees); i++)
        expect_quota(&trees[i]);
}

Test(cpus, finds_the_tightest_quota_of_version_1)
{
    static const struct tree trees[] = {
        {"two CPUs",
         "4:cpu,cpuacct:/a\n",
         2,
         {{"cpu,cpuacct/a/cpu.cfs_quota_us", "200000\n"},
          {"cpu,cpuacct/a/cpu.cfs_period_us", "100000\n"}}},
        {"mounted as cpu",
         "4:cpu,cpuacct:/a\n",
         2,
         {{"cpu/a/cpu.cfs_quota_us", "150000\n"}, {"cpu/a/cpu.cfs_period_us", "100000\n"}}},
        {"controllers in another order",
         "4:cpuacct,cpu:/a\n",
         2,
         {{"cpuacct,cpu/a/cpu.cfs_quota_us", "150000\n"},
          {"cpuacct,cpu/a/cpu.cfs_period_us", "100000\n"}}},
        {"no limit",
         "4:cpu:/a\n",
         0,
         {{"cpu/a/cpu.cfs_quota_us", "-1\n"}, {"cpu/a/cpu.cfs_period_us", "100000\n"}}},
        {"of a parent",
         "4:cpu:/a/b\n",
         1,
         {{"cpu/a/cpu.cfs_quota_us", "50000\n"},
          {"cpu/a/cpu.cfs_period_us", "100000\n"},
          {"cpu/a/b/cpu.cfs_quota_us", "-1\n"},
          {"cpu/a/b/cpu.cfs_period_us", "100000\n"}}},
        {"a path from outside",
         "4:cpu:/docker/123\n",
         3,
         {{"cpu/cpu.cfs_quota_us", "300000\n"}, {"cpu/cpu.cfs_period_us", "100000\n"}}},
        {"no period", "4:cpu:/a\n", 0, {{"cpu/a/cpu.cfs_quota_us", "200000\n"}}},
        {"other controllers",
         "7:cpuset:/a\n3:cpuacct:/a\n",
         0,
         {{"cpuset/a/cpu.cfs_quota_us", "100000\n"},
          {"cpuset/a/cpu.cfs_period_us", "100000\n"},
          {"cpu/a/cpu.cfs_quota_us", "100000\n"},
          {"cpu/a/cpu.cfs_period_us", "100000\n"}}},
        {"both versions",
         "9:memory:/m\n4:cpu:/a\n1:name=systemd:/s\n0::/b\n",
         2,
         {{"cpu/a/cpu.cfs_quota_us", "300000\n"},
          {"cpu/a/cpu.cfs_period_us", "100000\n"},
          {"b/cpu.max", "200000 100000\n"}}},
    };
    for (size_t i = 0; i < COUNT_OF(trees); i++)
        expect_quota(&trees[i]);
}

Test(cpus, sees_no_quota_in_a_malformed_list_of_cgroups)
{
    static const struct tree trees[] = {
        {"empty", "", 0, {{"cpu.max", "100000 100000\n"}}},
        {"no colons", "rubbish\n", 0, {{"cpu.max", "100000 100000\n"}}},
        {"one colon", "0:\n", 0, {{"a/cpu.max", "100000 100000\n"}}},
        {"newlines", "\n\n\n", 0, {{"cpu.max", "100000 100000\n"}}},
        {"version 2 has number 0", "1::/\n", 0, {{"cpu.max", "100000 100000\n"}}},
    };
    for (size_t i = 0; i < COUNT_OF(trees); i++)
        expect_quota(&trees[i]);
    cr_expect_eq(cpus_quota("/nonexistent", "/nonexistent"), 0);
    cr_expect_eq(cpus_quota("/nonexistent", "/proc/self/cgroup"), 0);
}

Test(cpus, counts_only_cpus_in_the_affinity_mask)
{
    cpu_set_t all, one;
    int first = 0;
    cr_assert_eq(sched_getaffinity(0, sizeof all, &all), 0);
    cr_expect_eq(cpus_affinity(), (unsigned)CPU_COUNT(&all));
    while (!CPU_ISSET(first, &all))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
    cr_expect_eq(cpus_affinity(), 1);
    cr_expect_eq(cpus_usable(), 1);
}
