/* hashed_directories: what was found when the names of directories were judged (hashed_names.h),
 * shared by all threads of a process.
 *
 * A directory is read once, by a job, and its result serves all its files: until its times change,
 * for a minute at most, because the result also depends on directories beside it. If it has changed
 * so recently that its times may not show the next change, the result is good for a second only.
 * Bounded in directories and names; the one that was used least recently makes room. Safe from any
 * thread. */
#ifndef SLUICE_HASHED_DIRECTORIES_H
#define SLUICE_HASHED_DIRECTORIES_H

#include "http/path.h"
#include "system/root.h"

enum {
    HASHED_DIRECTORIES_MAX = 256,
    HASHED_DIRECTORIES_NAMES_MAX = 1 << 17, /* with a hash, 8 bytes each, of all directories */
    HASHED_DIRECTORIES_AGE_MS = 60000,
    HASHED_DIRECTORIES_UNSETTLED_MS = 1000,
};

struct hashed_directories;

/* NULL: out of memory. *Gives*: hashed_directories_destroy. */
struct hashed_directories *hashed_directories_create(void);

/* No effect on NULL. */
void hashed_directories_destroy(struct hashed_directories *directories);

/* The file PATH below ROOT_FD, an open directory whose name is ROOT. */
struct hashed_query {
    int root_fd;
    const struct path *path;
    const char *root;
    enum io_mode mode;
};

/* Sets *RET to whether the name of QUERY's file has a hash in it, as far as its directory shows, at
 * NOW_MS of the monotonic clock. Returns 0; or -EAGAIN if MODE is IO_WITHOUT_WAITING and the
 * directory has to be read. In IO_WAITING it is not read: the name counts as one without a hash. */
int hashed_directories_ask(struct hashed_directories *directories, const struct hashed_query *query,
                           uint64_t now_ms, bool *ret);

#endif
