/* directory_state: whether names have come or gone in a directory, so that what was not there need not be looked for
 * again.
 *
 * A directory's times change with every name that comes or goes in it (POSIX, open(2), rename(2), unlink(2)).
 * Those of a few directories are kept for a moment, since many files in one are looked at again one after
 * the other. One thread only. */
#ifndef SLUICE_DIRECTORY_STATE_H
#define SLUICE_DIRECTORY_STATE_H

#include "base/date.h"
#include "http/path.h"
#include "system/root.h"

enum {
    DIRECTORY_STATES_COUNT = 32,
    DIRECTORY_STATE_NAME_BYTES_MAX = 255, /* of a directory that is kept */
};

struct directory_state {
    uint64_t state;   /* 0: can't be told */
    uint64_t seen_ms; /* 0: nothing is kept here */
    size_t name_bytes;
    char name[DIRECTORY_STATE_NAME_BYTES_MAX + 1];
};

/* Zeros: nothing is known yet. */
struct directory_states {
    struct directory_state items[DIRECTORY_STATES_COUNT];
};

/* What the directory below ROOT_FD that PATH's file is in (for a directory: its index is) is like: a number
 * that is another when names have come or gone. 0: it can't be told now. The kernel is asked unless it has
 * been in the last MS milliseconds; *RET_SEEN_MS is when it was. Never waits for a disk. */
uint64_t directory_states_get(struct directory_states *folders, int root_fd,
                              const struct path *path, const struct date_now *now, uint64_t ms,
                              uint64_t *ret_seen_ms);

/* ROOT_FD means another directory from now on. */
void directory_states_forget(struct directory_states *folders);

#endif
