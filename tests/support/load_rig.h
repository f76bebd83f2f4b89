/* load_rig: files that are loaded as site/fetch.c loads them, and their digests. */
#ifndef SLUICE_TESTS_LOAD_RIG_H
#define SLUICE_TESTS_LOAD_RIG_H

#include "base/str.h"
#include "site/load.h"
#include "support/faults.h"
#include "support/tree.h"

#include <criterion/criterion.h>
#include <sys/stat.h>

enum {
    LIMIT = LOAD_READ_BYTES_MAX,
    COPY_LIMIT = LOAD_COPY_BYTES_MAX,
    LARGE = 300000,
    COPIES = 8 << 20,
};

static struct tree tree;
static struct load_shared shared;

static inline void set_up(void)
{
    tree_init(&tree);
    shared.digests = digests_create();
    shared.copies.bytes_max = COPIES;
}

static inline void tear_down(void)
{
    faults_clear();
    digests_destroy(shared.digests);
    cr_expect_eq(shared.copies.bytes, 0);
    tree_fini(&tree);
}

static inline void set_time(const char *name, int64_t seconds, long nanoseconds)
{
    struct timespec times[2] = {{0, UTIME_OMIT}, {seconds, nanoseconds}};
    cr_assert_eq(utimensat(tree.fd, name, times, 0), 0);
}

static inline int load(const char *name, enum io_mode mode, struct loaded *ret)
{
    const struct load_order order = {tree.fd, name, mode, &shared, UINT64_MAX};
    return load_file(&order, ret);
}

static inline struct loaded get(const char *name)
{
    struct loaded loaded = {0};
    cr_assert_eq(load(name, IO_BY_JOB, &loaded), 0, "%s", name);
    return loaded;
}

static inline struct str digest_of(const struct loaded *loaded)
{
    return (struct str){loaded->digest, sizeof loaded->digest};
}

/* The second in which the inode of NAME was last changed: no tool can set it. */
static inline int64_t changed(const char *name)
{
    struct stat status;
    cr_assert_eq(fstatat(tree.fd, name, &status, 0), 0);
    return status.st_ctim.tv_sec;
}

#endif
