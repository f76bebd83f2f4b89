/* load: loads a regular file into a blob, with the facts from which its entity tag is made.
 *
 * Files up to LOAD_COPY_BYTES_MAX are read between two fstats that must agree, and hashed: no
 * response mixes two versions of them, and their entity tags depend on their content alone,
 * whatever a build or a copy did to their times. Larger ones stay open descriptors. Where their
 * modification time is meaningless they need a hash, too: tools that make builds reproducible set
 * it to the epoch, 1980, 1985 (npm) or the first second of a year. That hash is computed in the
 * background (digests.h); until it is there, they have no validator. Safe in any thread. */
#ifndef SLUICE_LOAD_H
#define SLUICE_LOAD_H

#include "site/digests.h"
#include "system/root.h"

enum {
    /* Files up to this size are read into memory and sent from there; larger ones are sent by
     * sendfile, which avoids a copy but costs one more system call. CPU time per request relative
     * to the practical limit, from memory and by sendfile, over 64 connections: 8 KiB 0.96 and
     * 1.27, 16 KiB 0.96 and 1.13, 32 KiB 1.10 and 1.25, 64 KiB 1.37 and 1.14. */
    LOAD_READ_BYTES_MAX = 32 << 10,
    /* Files up to this size are copied to a file in memory, from which sendfile sends them: CPU
     * time as from the file itself, 64 KiB 1.04, 256 KiB 0.93, 1 MiB 0.99 times as much. To load
     * 1 MiB takes about a millisecond, most of it for the hash. */
    LOAD_COPY_BYTES_MAX = 1 << 20,
};

/* What all loading in a process shares. */
struct load_shared {
    struct digests *digests;
    struct blob_account copies; /* larger files are sent as they are when it is used up */
};

/* The content of a file, in memory or as a descriptor. */
struct loaded {
    struct blob *body; /* one reference, *given* */
    struct blob_identity identity;
    /* Both are judged by the time of the inode's change, which only the kernel sets. */
    bool fresh;    /* written so recently that the next change may get the same time */
    bool settled;  /* changed so long ago that any later change shows in IDENTITY */
    bool undated;  /* its time is meaningless */
    bool digested; /* DIGEST of the content takes the place of its time in the entity tag */
    bool pending;  /* it has no validator: its digest is not known yet */
    char digest[DIGEST_TAG_DIGITS];
};

/* A file to load: NAME below ROOT_FD. */
struct load_order {
    int root_fd;
    const char *name;
    enum io_mode mode;
    struct load_shared *shared;
    uint64_t copy_bytes_max; /* a larger file is sent as it is */
};

/* Loads the file of ORDER; it must be a regular one (else -ENXIO). Returns 0, or a negative errno
 * with nothing given. -EAGAIN: in WITHOUT_WAITING, it would wait for a disk, or copy and hash; in
 * any mode, the file is rewritten faster than it can be read. -EACCES also for a file that is
 * longer or shorter than its size says, as those of /proc and /sys are: nothing shows when their
 * content changes. */
int load_file(const struct load_order *order, struct loaded *ret);

/* Whether LENGTH bytes of the file FD, from FIRST on, seem to be in the page cache: samples one
 * page per MiB and the last one. Also true where the kernel cannot say. */
bool load_is_warm(int fd, uint64_t first, uint64_t length);

/* Reads LENGTH bytes of the file FD, from FIRST on, into the page cache. Takes as long as the disk
 * does. */
void load_warm(int fd, uint64_t first, uint64_t length);

/* Writes the digest of BYTES, content that is not from a file. */
void load_digest(const struct blob *bytes, char to[static DIGEST_TAG_DIGITS]);

#endif
