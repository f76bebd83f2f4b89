/* blob: reference-counted content: bytes in memory, an open file, or a copy of a file: an open file
 * in memory, which can be sent like a file but does not change.
 *
 * A caller that keeps a pointer to a blob beyond a call holds a reference of its own: blob_pin
 * takes one, blob_drop returns it, and the last drop frees the bytes or closes the descriptor. The
 * count is a plain integer: a blob belongs to one thread at a time. The content is written before
 * the blob is shared; after that, only by the holder of its single reference. */
#ifndef SLUICE_BLOB_H
#define SLUICE_BLOB_H

#include "base/base.h"

#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

/* Identifies one state of a file: two states with the same identity have the same content. Inode
 * and ctime are for internal use and never sent. */
struct blob_identity {
    dev_t device;
    ino_t inode;
    uint64_t bytes;
    struct timespec modified; /* mtime */
    struct timespec changed;  /* ctime */
};

/* How many bytes the copies of files take that exist, of all threads, and may take. Outlives the
 * copies. */
struct blob_account {
    _Atomic uint64_t bytes;
    uint64_t bytes_max;        /* constant */
    _Atomic uint32_t mappings; /* copies that are mapped */
};

/* Of all threads: a process can have 65,530 mappings (vm.max_map_count), and malloc needs some. */
enum { BLOB_MAPPINGS_MAX = 8192 };

struct blob {
    uint32_t references;
    int fd;                        /* an open file; -1: bytes in memory */
    struct blob_account *account;  /* of a copy: where it is counted; else NULL */
    const char *mapped;            /* of a copy: its bytes, once blob_map was asked for them */
    size_t length;                 /* of BYTES, or of the file when it was opened */
    struct blob_identity identity; /* of the file when it was opened; unset for bytes */
    uint64_t warm_until_ms;        /* of a file: assumed to be in the page cache until then */
    uint64_t seen_turn;            /* turn in which it was last found unchanged; 0: none */
    uint64_t doubt_ms;             /* when it was first found to be BLOB_UNDECIDED; 0: never */
    struct timespec doubt;         /* its mtime then */
    char bytes[];
};

/* Creates a blob of LENGTH bytes, which the caller writes before sharing it. NULL: out of memory.
 * *Gives* one reference. */
struct blob *blob_create_bytes(size_t length);

/* Creates a blob of the open file FD of IDENTITY. *Takes* FD if it succeeds. NULL: out of memory.
 * *Gives* one reference. */
struct blob *blob_create_file(int fd, const struct blob_identity *identity);

/* Reserves BYTES of ACCOUNT for a copy. False: they would be too many. */
bool blob_account_take(struct blob_account *account, uint64_t bytes);

/* Gives reserved BYTES back. */
void blob_account_return(struct blob_account *account, uint64_t bytes);

/* Creates a blob of FD, a file in memory that nothing else writes to, of LENGTH bytes, which have
 * been reserved in ACCOUNT and are returned with the last reference. *Takes* FD and the bytes if it
 * succeeds. NULL: out of memory. *Gives* one reference. */
struct blob *blob_create_copy(int fd, size_t length, struct blob_account *account);

/* Whether BLOB is a copy: a file that nothing but this process can change, and that it doesn't. */
static inline bool blob_is_copy(const struct blob *blob)
{
    return blob->account;
}

/* The bytes of BLOB, a copy: its file is mapped at the first call, until the last reference is
 * dropped. NULL: it is not a copy, has no bytes, or can't be mapped; it can be read then. */
const char *blob_map(struct blob *blob);

/* Takes another reference. Returns BLOB. */
static inline struct blob *blob_pin(struct blob *blob)
{
    blob->references++;
    return blob;
}

/* Returns one reference, which it *takes*. No effect on NULL. */
void blob_drop(struct blob *blob);

/* Copies the identity from STATUS, of stat(2), to *RET. */
void blob_identify(const struct stat *status, struct blob_identity *ret);

bool blob_identity_equal(const struct blob_identity *a, const struct blob_identity *b);

/* How a file's content has changed since its identity was taken. */
enum blob_change {
    BLOB_UNCHANGED,
    BLOB_GROWN,     /* longer; the first bytes are assumed to be the same */
    BLOB_UNDECIDED, /* of the same length with another mtime: rewritten, or about to grow */
    BLOB_REWRITTEN, /* shorter, or rewritten at the same length */
};

/* Compares the sizes and mtimes of a file, THEN and NOW. The ctime does not count: a rename, unlink
 * or chmod changes it, but not the content. A write(2) that appends sets the mtime before the size.
 * It goes on after some microseconds, or when a journal has committed what it waits for. */
enum blob_change blob_identity_change(const struct blob_identity *then,
                                      const struct blob_identity *now);

/* Compares the file of BLOB with its identity when it was opened, by fstat(2), at NOW_MS of a clock
 * that never shows 0 and is never set. BLOB_REWRITTEN if that fails. BLOB_UNDECIDED becomes
 * BLOB_REWRITTEN when PATIENCE_MS have passed since it was first found; or at once, if the mtime
 * changes again while the length doesn't, because writes to a file take turns. A copy is
 * unchanged. */
enum blob_change blob_check_file(struct blob *blob, uint64_t now_ms, uint64_t patience_ms);

/* Whether the file of BLOB is unchanged. While it is, checks at most once per TURN of an event loop
 * (a count that begins with 1): enough for a file that is sent in one piece. */
bool blob_file_unchanged(struct blob *blob, uint64_t turn);

#endif
