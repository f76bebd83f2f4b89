/* tree: a directory of a test's own, with files of known content. For Criterion and the plain
 * runner alike, so it asserts nothing: a failure to create a file aborts the test. Names are
 * relative to the tree. */
#ifndef SLUICE_TESTS_TREE_H
#define SLUICE_TESTS_TREE_H

#include "base/str.h"
#include "support/prng.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TREE_PATH_BYTES = 256 };

struct tree {
    char path[TREE_PATH_BYTES]; /* absolute */
    int fd;                     /* of the directory */
};

static inline void tree_must(bool done, const char *what)
{
    if (done)
        return;
    perror(what);
    abort();
}

static inline void tree_init(struct tree *tree)
{
    const char *parent = getenv("TMPDIR");
    snprintf(tree->path, sizeof tree->path, "%s/sluice-unit-XXXXXX", parent ? parent : "/tmp");
    tree_must(mkdtemp(tree->path) != NULL, "mkdtemp");
    tree_must(chmod(tree->path, 0755) == 0, "chmod"); /* for tests that change the user */
    tree->fd = open(tree->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    tree_must(tree->fd >= 0, tree->path);
}

static inline int tree_remove_one(const char *path, const struct stat *status, int kind,
                                  struct FTW *where)
{
    (void)status, (void)kind, (void)where;
    return remove(path);
}

static inline void tree_fini(struct tree *tree)
{
    close(tree->fd);
    nftw(tree->path, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* Writes CONTENT to NAME, in place if the file exists. */
static inline void tree_write(const struct tree *tree, const char *name, struct str content)
{
    int fd = openat(tree->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    tree_must(fd >= 0, name);
    while (content.length > 0) {
        ssize_t put = write(fd, content.at, content.length);
        tree_must(put > 0, "write");
        content = str_from(content, (size_t)put);
    }
    close(fd);
}

/* The LENGTH bytes that tree_fill writes for SEED; free() them. */
static inline char *tree_bytes(size_t length, uint64_t seed)
{
    struct prng prng = {seed};
    char *bytes = malloc(length + 8);
    tree_must(bytes != NULL, "malloc");
    for (size_t i = 0; i < length; i += 8) {
        uint64_t word = prng_next(&prng);
        memcpy(bytes + i, &word, 8);
    }
    return bytes;
}

static inline void tree_fill(const struct tree *tree, const char *name, size_t length,
                             uint64_t seed)
{
    char *bytes = tree_bytes(length, seed);
    tree_write(tree, name, (struct str){bytes, length});
    free(bytes);
}

/* Whether CONTENT is what tree_fill wrote. */
static inline bool tree_filled(struct str content, size_t length, uint64_t seed)
{
    char *bytes = tree_bytes(length, seed);
    bool same = str_equal(content, (struct str){bytes, length});
    free(bytes);
    return same;
}

static inline void tree_append(const struct tree *tree, const char *name, struct str content)
{
    int fd = openat(tree->fd, name, O_WRONLY | O_APPEND | O_CLOEXEC);
    tree_must(fd >= 0 && write(fd, content.at, content.length) == (ssize_t)content.length, name);
    close(fd);
}

/* Sets the mtime to now, as an append does before anything else. */
static inline void tree_touch(const struct tree *tree, const char *name)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};
    tree_must(utimensat(tree->fd, name, times, 0) == 0, name);
}

static inline void tree_dir(const struct tree *tree, const char *name)
{
    tree_must(mkdirat(tree->fd, name, 0755) == 0, name);
}

static inline void tree_link(const struct tree *tree, const char *name, const char *target)
{
    tree_must(symlinkat(target, tree->fd, name) == 0, name);
}

static inline void tree_rename(const struct tree *tree, const char *from, const char *to)
{
    tree_must(renameat(tree->fd, from, tree->fd, to) == 0, from);
}

static inline void tree_unlink(const struct tree *tree, const char *name)
{
    tree_must(unlinkat(tree->fd, name, 0) == 0, name);
}

static inline unsigned tree_open_descriptors(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

#endif
