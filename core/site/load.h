/* load: from an open regular file to a blob of its content, with what its entity tag is made of.
 *
 * Small files are read between two fstats that must agree; larger ones stay descriptors. Where the
 * modification time means nothing (Nix, OSTree: one second after the epoch, or the epoch itself), the
 * content is hashed. Safe on any thread. */
#ifndef SLUICE_LOAD_H
#define SLUICE_LOAD_H

#include "base/digest.h"
#include "system/root.h"

/* Files up to this size are read into memory; larger ones stay descriptors, for sendfile: no copy, but a call
 * more, and a look at the file (fstat) before it is promised and before its end is sent. CPU time a request,
 * against the practical limit's, from memory and by sendfile, over 64 connections: 8 KiB 0.96 and 1.27,
 * 16 KiB 0.96 and 1.13, 32 KiB 1.10 and 1.25, 64 KiB 1.37 and 1.14. */
enum { LOAD_READ_BYTES_MAX = 32 << 10 };

/* The content of a file, in one form of it. */
struct loaded {
    struct blob *body; /* one reference, *given* */
    struct blob_identity identity;
    bool fresh;    /* changed so recently that the next change may have the same time */
    bool settled;  /* neither it nor its inode has: IDENTITY tells every later change */
    bool digested; /* its time means nothing: DIGEST, of the content, does */
    char digest[DIGEST_TAG_DIGITS];
};

/* Loads NAME below ROOT_FD, which is opened and must be a regular file (else -ENXIO). Returns 0, or a
 * negative errno with nothing given: -EAGAIN in WITHOUT_WAITING when it would wait or compute for long,
 * in any mode when the file is rewritten faster than it can be read; -EBUSY in WAITING and BY_JOB for the
 * latter kind of wait: it takes a job, or a lengthy one. */
int load_file(int root_fd, const char *name, enum io_mode mode, struct loaded *ret);

/* Whether LENGTH bytes of the file FD, from FIRST, seem to be in the page cache: a few pages of them are
 * looked at. True as well where that can't be told. */
bool load_is_warm(int fd, uint64_t first, uint64_t length);

/* Reads them, so that they are. Takes as long as the disk does. */
void load_warm(int fd, uint64_t first, uint64_t length);

/* A digest of content that never was a file. */
void load_digest(const struct blob *bytes, char to[static DIGEST_TAG_DIGITS]);

#endif
