/* load: loads a regular file into a blob, with the facts from which its entity tag is made.
 *
 * Small files are read between two fstats that must agree, and hashed: their entity tags depend on
 * their content alone, whatever a build or a copy did to their times. Larger ones stay open
 * descriptors, and are hashed where the modification time is meaningless: tools that make builds
 * reproducible set it to the epoch, 1980, 1985 (npm) or the first second of a year. Safe in any
 * thread. */
#ifndef SLUICE_LOAD_H
#define SLUICE_LOAD_H

#include "base/digest.h"
#include "system/root.h"

/* Files up to this size are read into memory; larger ones stay descriptors for sendfile, which
 * avoids a copy but costs one more system call and two fstats (before the response is promised and
 * before its end is sent). CPU time per request relative to the practical limit, from memory and by
 * sendfile, over 64 connections: 8 KiB 0.96 and 1.27, 16 KiB 0.96 and 1.13, 32 KiB 1.10 and 1.25,
 * 64 KiB 1.37 and 1.14. */
enum { LOAD_READ_BYTES_MAX = 32 << 10 };

/* The content of a file, in memory or as a descriptor. */
struct loaded {
    struct blob *body; /* one reference, *given* */
    struct blob_identity identity;
    /* Both are judged by the time of the inode's change, which only the kernel sets. */
    bool fresh;    /* written so recently that the next change may get the same time */
    bool settled;  /* changed so long ago that any later change shows in IDENTITY */
    bool undated;  /* its time is meaningless */
    bool digested; /* DIGEST of the content takes the place of its time in the entity tag */
    char digest[DIGEST_TAG_DIGITS];
};

/* Loads NAME below ROOT_FD; it must be a regular file (else -ENXIO). Returns 0, or a negative errno
 * with nothing given. -EAGAIN: in WITHOUT_WAITING, it would wait for a disk or compute for long; in
 * any mode, the file is rewritten faster than it can be read. -EBUSY: in WAITING and BY_JOB, it
 * would compute for long, and needs a job or a lengthy job. -EACCES also for a small file that is
 * longer or shorter than its size says, as those of /proc and /sys are: nothing shows when their
 * content changes. */
int load_file(int root_fd, const char *name, enum io_mode mode, struct loaded *ret);

/* Whether LENGTH bytes of the file FD, from FIRST on, seem to be in the page cache: samples one
 * page per MiB and the last one. Also true where the kernel cannot say. */
bool load_is_warm(int fd, uint64_t first, uint64_t length);

/* Reads LENGTH bytes of the file FD, from FIRST on, into the page cache. Takes as long as the disk
 * does. */
void load_warm(int fd, uint64_t first, uint64_t length);

/* Writes the digest of BYTES, content that is not from a file. */
void load_digest(const struct blob *bytes, char to[static DIGEST_TAG_DIGITS]);

#endif
