/* root: see root.h. openat2(2), Linux 5.6; RESOLVE_CACHED, Linux 5.12. */
#include "system/root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

enum { OPEN_TRIES = 8 }; /* openat2 says EAGAIN when a rename may have let ".." out of ROOT */

/* --- A directory ------------------------------------------------------------------------------ */

/* Opens the directory at PATH, absolute. Returns 0 or a negative errno. *Gives* one pin:
 * root_drop. */
static int create(struct root **ret, const char *path)
{
    struct root *root = malloc(sizeof *root);
    if (!root)
        return -ENOMEM;
    struct stat status;
    int fd = root_open(path);
    int error = fd < 0 ? fd : 0;
    if (!error && fstat(fd, &status) < 0)
        error = -errno;
    if (error) {
        if (fd >= 0)
            close(fd);
        free(root);
        return error;
    }
    atomic_init(&root->references, 1);
    root->fd = fd;
    root->device = status.st_dev;
    root->inode = status.st_ino;
    *ret = root;
    return 0;
}

struct root *root_pin(struct root *root)
{
    atomic_fetch_add_explicit(&root->references, 1, memory_order_relaxed);
    return root;
}

void root_drop(struct root *root)
{
    if (!root || atomic_fetch_sub_explicit(&root->references, 1, memory_order_acq_rel) > 1)
        return;
    close(root->fd);
    free(root);
}

/* Whether STATUS is of the directory that ROOT is. */
static bool is_of(const struct stat *status, const struct root *root)
{
    return status->st_dev == root->device && status->st_ino == root->inode;
}

void root_slot_init(struct root_slot *slot)
{
    pthread_mutex_init(&slot->lock, NULL);
    slot->current = NULL;
}

void root_slot_fini(struct root_slot *slot)
{
    root_drop(slot->current);
    pthread_mutex_destroy(&slot->lock);
}

/* The directory in SLOT, if it is of STATUS; else FRESH takes its place, unless that is NULL.
 * *Takes* FRESH. The result is pinned; NULL: neither. */
static struct root *exchange(struct root_slot *slot, const struct stat *status, struct root *fresh)
{
    struct root *unused = fresh;
    pthread_mutex_lock(&slot->lock);
    bool same = slot->current && is_of(status, slot->current);
    if (!same && fresh) {
        unused = slot->current;
        slot->current = fresh;
        same = true;
    }
    struct root *root = same ? root_pin(slot->current) : NULL;
    pthread_mutex_unlock(&slot->lock);
    root_drop(unused);
    return root;
}

int root_slot_get(struct root_slot *slot, const char *path, struct root **ret)
{
    struct stat status;
    struct root *fresh;
    if (stat(path, &status) < 0)
        return -errno;
    struct root *root = exchange(slot, &status, NULL);
    if (!root) {
        int error = create(&fresh, path);
        if (error)
            return error;
        status.st_dev = fresh->device; /* another directory, if PATH has just changed */
        status.st_ino = fresh->inode;
        root = exchange(slot, &status, fresh);
    }
    *ret = root;
    return 0;
}

struct root *root_slot_last(struct root_slot *slot)
{
    pthread_mutex_lock(&slot->lock);
    struct root *root = slot->current ? root_pin(slot->current) : NULL;
    pthread_mutex_unlock(&slot->lock);
    return root;
}

int root_is_at(const struct root *root, const char *path)
{
    struct statx status;
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_CACHED};
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    if (fd < 0)
        return errno == EINVAL || errno == EINTR ? -EAGAIN : -errno;
    int error =
        statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &status) < 0 ? -errno : 0;
    close(fd);
    if (error)
        return error;
    return makedev(status.stx_dev_major, status.stx_dev_minor) == root->device &&
           status.stx_ino == root->inode;
}

/* --- What is below ---------------------------------------------------------------------------- */

int root_open(const char *path)
{
    int fd;
    do
        fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : fd;
}

int root_open_below(int root_fd, const char *name, int flags, enum io_mode mode)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS |
                   (mode == IO_WITHOUT_WAITING ? (uint64_t)RESOLVE_CACHED : 0),
    };
    for (unsigned tries = 0;;) {
        long fd = syscall(SYS_openat2, root_fd, name, &how, sizeof how);
        if (fd >= 0)
            return (int)fd;
        if (errno == EINTR)
            continue;
        if (errno == EINVAL && mode == IO_WITHOUT_WAITING)
            return -EAGAIN; /* a kernel without RESOLVE_CACHED */
        if (errno != EAGAIN || mode == IO_WITHOUT_WAITING || ++tries == OPEN_TRIES)
            return -errno;
    }
}

int root_stat_below(int root_fd, const char *name, int flags, enum io_mode mode, struct stat *ret)
{
    int fd = root_open_below(root_fd, name, O_PATH | flags, mode);
    if (fd < 0)
        return fd;
    int error = fstat(fd, ret) < 0 ? -errno : 0;
    close(fd);
    return error;
}

int root_identify(int fd, struct stat *ret_status, struct blob_identity *ret)
{
    if (fstat(fd, ret_status) < 0)
        return -errno;
    blob_identify(ret_status, ret);
    return 0;
}
