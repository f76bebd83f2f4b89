/* fetch: one path below ROOT, from the file system, safely.
 *
 * The kernel decides what lies beneath ROOT (openat2, RESOLVE_BENEATH), not we by looking at
 * strings. Only regular files are read; a FIFO, socket or device is refused without waiting for it.
 * Content is read between two fstats that must agree. Knows no cache and keeps nothing; safe on any
 * thread. One table says which status an errno becomes. */
#ifndef SLUICE_FETCH_H
#define SLUICE_FETCH_H

#include "http/content_coding.h"
#include "http/http.h"
#include "http/path.h"
#include "site/load.h"
#include "site/site_settings.h"

enum fetch_kind {
    FETCH_FILE,      /* FILES and STATE are set */
    FETCH_LISTING,   /* of a directory: PAGES are set */
    FETCH_UNCHANGED, /* a file, and the one that was known */
    FETCH_DIRECTORY, /* a directory, asked for without its slash */
    FETCH_REFUSED,   /* STATUS is set */
};

/* What tells whether a file, or what lies beside it, has changed. */
struct fetch_state {
    struct blob_identity plain;
    uint64_t siblings; /* a hash of the coded siblings' identities; 0: there are none */
    bool alone; /* and their names are not taken either; known, if it can't be otherwise now */
};

/* Whether both are the same file with the same siblings. */
bool fetch_state_equal(const struct fetch_state *a, const struct fetch_state *b);

enum fetch_page { FETCH_PAGE_HTML, FETCH_PAGE_JSON, FETCH_PAGE_COUNT };

struct fetched {
    enum fetch_kind kind;
    enum http_status status;
    union {
        struct loaded files[CONTENT_CODING_COUNT];
        struct loaded pages[FETCH_PAGE_COUNT]; /* body and digest only */
    };
    unsigned
        available; /* of FILES, content_coding_bit of those that are there: the plain one, if any */
    struct fetch_state state;
    bool settled;   /* the last change is so old that the next one can't look the same */
    bool cacheable; /* the same may be said again for a while */
};

/* Drops what FETCHED holds; it is then a refusal. */
void fetched_fini(struct fetched *fetched);

/* Fetches PATH (or the index in it, for a directory) below the directory ROOT_FD, with its
 * precompressed siblings: NAME.br and so on, where they are not older than NAME. KNOWN, if not
 * NULL, is how it was: if that is how it still is, nothing is read; if it is known to be alone,
 * siblings aren't looked for. Returns 0 with *RET set, *given*: fetched_fini. Or -EAGAIN when MODE
 * is IO_WITHOUT_WAITING and there would be something to wait for, -EBUSY when it is IO_BY_JOB and
 * that takes a lengthy one. */
int fetch(int root_fd, const struct path *path, const struct site_settings *site, enum io_mode mode,
          const struct fetch_state *known, struct fetched *ret);

/* The status that a failed look-up with this ERROR (an errno, positive) is answered with. */
enum http_status fetch_status_of(int error);

#endif
