/* fetch: reads one path below ROOT from the file system, safely.
 *
 * The kernel decides which files are below ROOT (openat2, RESOLVE_BENEATH); no paths are compared
 * here. Only regular files are read; a FIFO, socket or device is refused without blocking. Content
 * is read between two fstats that must agree. Has no cache and no state; safe in any thread. A
 * table maps an errno to a status. */
#ifndef SLUICE_FETCH_H
#define SLUICE_FETCH_H

#include "http/path.h"
#include "site/fetched.h"
#include "site/hashed_files.h"
#include "site/site_settings.h"

/* What to fetch: PATH below the directory ROOT_FD. */
struct fetch_order {
    int root_fd;
    const struct path *path;
    const struct site_settings *site;
    enum io_mode mode;
    const struct fetch_state *known; /* NULL: nothing is known */
    struct hashed_files *hashed;     /* NULL: no name has a hash in it */
    struct load_shared *load;
    uint64_t copy_bytes_max; /* a larger file is not copied (load.h) */
};

/* Fetches the file that ORDER names, or the best index of a directory that exists, with its
 * precompressed siblings: NAME.br and so on, unless they are older than NAME, at the granularity of
 * their times. If the file still matches what is known, returns FETCH_UNCHANGED without reading it;
 * if that is alone, does not look for siblings. With a 404 comes the directory, from the path's own
 * one upward, that has the site's page for it. Returns 0 with *RET *given*: fetched_fini. -EAGAIN:
 * the mode is IO_WITHOUT_WAITING and it would have to wait. */
int fetch(const struct fetch_order *order, struct fetched *ret);

/* The status of the response if a look-up fails with ERROR, a positive errno. */
enum http_status fetch_status_of(int error);

#endif
