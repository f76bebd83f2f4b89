/* directory_state: a fingerprint of a directory that changes when an entry is added or removed, so
 * that absent siblings of a file need not be looked up again.
 *
 * A directory's times change with each entry that is added or removed (POSIX: open, rename,
 * unlink). The states of a few directories are kept for a moment, since many files of one directory
 * are revalidated one after the other. One thread only. */
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
    const struct root *root; /* that it is below; compared only */
    uint64_t state;          /* 0: not known */
    uint64_t seen_ms;        /* 0: nothing is kept here */
    size_t name_bytes;
    char name[DIRECTORY_STATE_NAME_BYTES_MAX + 1];
};

/* Zeros: nothing is known yet. */
struct directory_states {
    struct directory_state items[DIRECTORY_STATES_COUNT];
};

/* Whose state is wanted, and how old it may be. */
struct directory_query {
    const struct root *root;
    const struct path *path; /* of a file in the directory; of the directory, if it is one */
    const struct date_now *now;
    uint64_t age_ms_max;
};

/* The state of the directory that QUERY names; 0: it can't be known now. The kernel is asked unless
 * it was within age_ms_max; *RET_SEEN_MS is when it was. Never waits for a disk. */
uint64_t directory_states_get(struct directory_states *states, const struct directory_query *query,
                              uint64_t *ret_seen_ms);

/* Forgets all states below ROOT, which is about to be dropped. */
void directory_states_forget(struct directory_states *states, const struct root *root);

#endif
