/* fetch: one path below ROOT, from the file system, safely.
 *
 * The kernel decides what lies beneath ROOT (openat2, RESOLVE_BENEATH), not we by looking at strings.
 * Only regular files are read; a FIFO, socket or device is refused without waiting for it. Content is
 * read between two fstats that must agree. Knows no cache and keeps nothing; safe on any thread.
 * One table says which status an errno becomes. */
#ifndef SLUICE_FETCH_H
#define SLUICE_FETCH_H

#include "blob.h"
#include "http.h"
#include "path.h"

/* Files up to this size are read into memory; larger ones stay descriptors, for sendfile. */
enum { FETCH_READ_BYTES_MAX = 64 << 10 };

enum fetch_kind {
    FETCH_FILE,      /* BODY and IDENTITY are set */
    FETCH_UNCHANGED, /* a file, and the one that was known */
    FETCH_DIRECTORY, /* a directory, asked for without its slash */
    FETCH_REFUSED,   /* STATUS is set */
};

enum fetch_mode {
    FETCH_WITHOUT_WAITING, /* from what the kernel has in memory, or not at all */
    FETCH_WAITING,         /* disks may be waited for */
};

struct fetched {
    enum fetch_kind kind;
    enum http_status status;
    struct blob *body; /* one reference, *given* */
    struct blob_identity identity;
    bool settled;   /* the last change is so old that the next one can't look the same */
    bool cacheable; /* the same may be said again for a while */
};

/* Opens ROOT, an absolute path, as what fetch takes. Returns a descriptor or a negative errno. */
int fetch_open_root(const char *root);

/* Fetches PATH (or INDEX in it, for a directory) below the directory ROOT_FD. KNOWN, if not NULL, is a
 * file's earlier identity: if that is what it still has, nothing is read. Returns 0 with *RET set, or
 * -EAGAIN when MODE is FETCH_WITHOUT_WAITING and there would be something to wait for. */
int fetch(int root_fd, const struct path *path, struct str index, enum fetch_mode mode,
          const struct blob_identity *known, struct fetched *ret);

/* The status that a failed look-up with this ERROR (an errno, positive) is answered with. */
enum http_status fetch_status_of(int error);

#endif
