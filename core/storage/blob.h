/* blob: reference-counted content: bytes in memory, or an open file.
 *
 * Whoever keeps a pointer to a blob beyond the call holds a reference of its own: blob_pin takes
 * one, blob_drop returns it, and the last drop frees the bytes or closes the descriptor. The count
 * is a plain integer: a blob belongs to one thread at a time. Content is written before the blob is
 * shared, and after that only by who holds its one reference. */
#ifndef SLUICE_BLOB_H
#define SLUICE_BLOB_H

#include "base/base.h"

#include <sys/stat.h>
#include <time.h>

/* What tells one state of a file from another. The inode and the time of its last change are there
 * for us; they never go on the wire. */
struct blob_identity {
    dev_t device;
    ino_t inode;
    uint64_t bytes;
    struct timespec modified; /* mtime */
    struct timespec changed;  /* ctime */
};

struct blob {
    uint32_t references;
    int fd;                        /* an open file, or -1 for bytes */
    size_t length;                 /* of BYTES, or of the file when it was opened */
    struct blob_identity identity; /* of the file when it was opened; not set for bytes */
    uint64_t warm_until_ms; /* of a file: all of it is taken to be in the page cache until then */
    uint64_t seen_turn;     /* in which it was last found unchanged; 0: none */
    char bytes[];
};

/* LENGTH bytes, to be written by the caller before sharing. NULL: out of memory. *Gives* one
 * reference. */
struct blob *blob_create_bytes(size_t length);

/* An open file of IDENTITY. *Takes* FD if it succeeds. NULL: out of memory. *Gives* one
 * reference. */
struct blob *blob_create_file(int fd, const struct blob_identity *identity);

/* Another reference. Returns BLOB. */
static inline struct blob *blob_pin(struct blob *blob)
{
    blob->references++;
    return blob;
}

/* *Takes* one reference. No effect on NULL. */
void blob_drop(struct blob *blob);

void blob_identify(const struct stat *status, struct blob_identity *ret);

bool blob_identity_equal(const struct blob_identity *a, const struct blob_identity *b);

/* What has become of a file's content since its identity was taken. */
enum blob_change {
    BLOB_UNCHANGED,
    BLOB_GROWN,     /* longer: the bytes that were there are taken to be the same */
    BLOB_REWRITTEN, /* shorter, or of the same length with another mtime */
};

/* Compares the sizes and mtimes of one file, THEN and NOW. The ctime does not count: a rename,
 * unlink or chmod changes it, and the content stays. */
enum blob_change blob_identity_change(const struct blob_identity *then,
                                      const struct blob_identity *now);

/* Compares the file of BLOB with what it was when it was opened, by fstat(2). REWRITTEN if that
 * fails. */
enum blob_change blob_check_file(const struct blob *blob);

/* Whether the file of BLOB is unchanged. Checks at most once in each TURN of an event loop (a count
 * that begins with 1) while it is: enough for a file that is sent in one piece. */
bool blob_file_unchanged(struct blob *blob, uint64_t turn);

#endif
