/* root: an open directory, and opening what is below it and nothing else: openat2(2), Linux 5.6.
 *
 * The kernel decides what is below (RESOLVE_BENEATH); no string is judged here. A struct root is
 * one open directory that several threads may pin: its descriptor is closed with the last pin. A
 * root_slot lets threads that serve the same path share one such directory. The descriptors that
 * the other functions return belong to the caller. Safe on any thread. */
#ifndef SLUICE_ROOT_H
#define SLUICE_ROOT_H

#include "storage/blob.h"

#include <pthread.h>
#include <stdatomic.h>

/* How long a look-up may keep the caller's thread. */
enum io_mode {
    IO_WITHOUT_WAITING, /* only what the kernel has in memory */
    IO_WAITING,         /* may wait for disks; what takes long to compute is answered with 503 */
    IO_BY_JOB,          /* as long as it takes */
    IO_MODE_COUNT,
};

/* Time stamps may be as coarse as 2 s (FAT): a file that changed this recently may change again
 * without a change of its times. */
enum { ROOT_SETTLED_SECONDS = 2 };

/* --- A directory ---------------------------------------------------------------------------- */

struct root {
    atomic_uint references;
    int fd; /* O_PATH */
    dev_t device;
    ino_t inode;
};

/* Another pin. Returns ROOT. */
struct root *root_pin(struct root *root);

/* *Takes* one pin. No effect on NULL. */
void root_drop(struct root *root);

/* The directory that a path was last found to mean. */
struct root_slot {
    pthread_mutex_t lock;
    struct root *current; /* pinned; NULL: none yet */
};

void root_slot_init(struct root_slot *slot);
void root_slot_fini(struct root_slot *slot);

/* Sets RET to the directory that PATH, absolute, means now: the one in SLOT if it is that one, else
 * it is opened and kept there. May wait for a disk, but does not make others wait that use SLOT.
 * Returns 0 or a negative errno. *Gives* one pin. */
int root_slot_get(struct root_slot *slot, const char *path, struct root **ret);

/* The directory that root_slot_get found last, pinned, without a check; NULL: none yet. */
struct root *root_slot_last(struct root_slot *slot);

/* Whether PATH, absolute, means ROOT, as far as can be said without a wait: 1, 0, or a negative
 * errno; -EAGAIN: it can't be said (RESOLVE_CACHED, Linux 5.12; AT_STATX_DONT_SYNC). */
int root_is_at(const struct root *root, const char *path);

/* --- What is below -------------------------------------------------------------------------- */

/* Opens the directory at PATH, absolute, with O_PATH. Returns a descriptor or a negative errno. */
int root_open(const char *path);

/* Opens NAME, relative, with FLAGS of open(2). Returns a descriptor or a negative errno: -EAGAIN in
 * IO_WITHOUT_WAITING means that it would wait (RESOLVE_CACHED, Linux 5.12), -EXDEV that NAME leads
 * out. */
int root_open_below(int root_fd, const char *name, int flags, enum io_mode mode);

/* stat(2) of NAME. The file is not opened (O_PATH): to open a FIFO or a device could have effects.
 * FLAGS may be O_NOFOLLOW, which gives a symbolic link itself. Returns 0 or a negative errno as
 * root_open_below. */
int root_stat_below(int root_fd, const char *name, int flags, enum io_mode mode, struct stat *ret);

/* fstat(2): 0 with both set, or a negative errno. */
int root_identify(int fd, struct stat *ret_status, struct blob_identity *ret);

#endif
