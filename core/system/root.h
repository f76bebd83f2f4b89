/* root: opening what lies below a directory, and nothing else: openat2(2), Linux 5.6.
 *
 * The kernel decides what is below (RESOLVE_BENEATH), not we by looking at strings. Owns nothing:
 * descriptors are the caller's. Safe on any thread. */
#ifndef SLUICE_ROOT_H
#define SLUICE_ROOT_H

#include "storage/blob.h"

/* What the caller's thread may spend on a look-up. */
enum io_mode {
    IO_WITHOUT_WAITING, /* nothing: from what the kernel has in memory, or not at all */
    IO_WAITING,         /* disks may be waited for; what takes long to compute is 503 */
    IO_BY_JOB,          /* some tens of milliseconds: to list, to hash what is no giant */
    IO_BY_LENGTHY_JOB,  /* as long as it takes */
    IO_MODE_COUNT,
};

/* Time stamps are as coarse as the file system (2 s on FAT): a change this recent may be followed by one that
 * looks the same. */
enum { ROOT_SETTLED_SECONDS = 2 };

/* Opens the directory at PATH, absolute, as what the other functions take (O_PATH). Returns a descriptor
 * or a negative errno. */
int root_open(const char *path);

/* Opens NAME, relative, with FLAGS of open(2). Returns a descriptor or a negative errno; -EAGAIN in
 * WITHOUT_WAITING means that it would wait (RESOLVE_CACHED, Linux 5.12), -EXDEV that NAME leads out. */
int root_open_below(int root_fd, const char *name, int flags, enum io_mode mode);

/* What is there at NAME? To look does nothing to it (O_PATH); to open a FIFO or a device might. FLAGS may be
 * O_NOFOLLOW: a symbolic link is then what is there. Returns 0 or a negative errno as root_open_below. */
int root_stat_below(int root_fd, const char *name, int flags, enum io_mode mode, struct stat *ret);

/* fstat(2): 0 with both set, or a negative errno. */
int root_identify(int fd, struct stat *ret_status, struct blob_identity *ret);

#endif
