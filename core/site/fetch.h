/* fetch: reads one path below ROOT from the file system, safely.
 *
 * The kernel decides which files are below ROOT (openat2, RESOLVE_BENEATH); no paths are compared
 * here. Only regular files are read; a FIFO, socket or device is refused without blocking. Content
 * is read between two fstats that must agree. Has no cache and no state; safe in any thread. A
 * table maps an errno to a status. */
#ifndef SLUICE_FETCH_H
#define SLUICE_FETCH_H

#include "http/content_coding.h"
#include "http/http.h"
#include "http/path.h"
#include "site/hashed_files.h"
#include "site/site_settings.h"

enum fetch_kind {
    FETCH_FILE,      /* FILES and STATE are set */
    FETCH_LISTING,   /* a directory's listing: PAGES are set */
    FETCH_UNCHANGED, /* a file that still matches KNOWN */
    FETCH_DIRECTORY, /* a directory, requested without its final slash */
    FETCH_REFUSED,   /* STATUS is set */
};

/* Identifies the state of a file and its siblings. */
struct fetch_state {
    struct blob_identity plain;
    uint64_t siblings; /* hash of the siblings' identities; 0: no siblings */
    bool alone;        /* no names of siblings exist; in KNOWN: and none can have appeared */
    bool hashed;       /* its name means this content for ever, see hashed_files.h */
};

/* Whether A and B are the same file with the same siblings and the same meaning of its name. */
bool fetch_state_equal(const struct fetch_state *a, const struct fetch_state *b);

enum fetch_page { FETCH_PAGE_HTML, FETCH_PAGE_JSON, FETCH_PAGE_COUNT };

/* How many directories of a path, from ROOT down, are searched for the site's page for a 404. */
enum { FETCH_PAGE_LEVELS_MAX = 16 };

struct fetched {
    enum fetch_kind kind;
    enum http_status status;
    int page_directory; /* of a 404: see struct resource */
    union {
        struct loaded files[CONTENT_CODING_COUNT];
        struct loaded pages[FETCH_PAGE_COUNT]; /* only body and digest; undated */
    };
    unsigned index; /* which of the site's index names FILES have; 0 if PATH is not a directory */
    unsigned available; /* of FILES, as content_coding_bit; with the plain file, if any */
    struct fetch_state state;
    bool settled;   /* the last change is so old that a later one shows in STATE */
    bool pending;   /* a form will have another validator, though STATE stays as it is */
    bool cacheable; /* this result may be reused for a while */
};

/* Drops the references in FETCHED, which becomes a refusal. */
void fetched_fini(struct fetched *fetched);

/* A fingerprint of what FETCHED says, which a look-up that says the same has too: of the identities
 * of files, of the digests of what may change without another identity, of listings. Keyed by
 * SECRET. */
uint64_t fetched_fingerprint(const struct fetched *fetched, uint64_t secret);

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
 * the mode is IO_WITHOUT_WAITING and it would have to wait; -EBUSY: it is IO_BY_JOB and it needs a
 * lengthy job. */
int fetch(const struct fetch_order *order, struct fetched *ret);

/* The status of the response if a look-up fails with ERROR, a positive errno. */
enum http_status fetch_status_of(int error);

#endif
