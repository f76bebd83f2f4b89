/* load: see load.h. preadv2(2) with RWF_NOWAIT, Linux 4.14. */
#include "site/load.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
    READ_TRIES = 3, /* for a file that changes while it is read */
    /* For one that grows. A write(2) sets the mtime before the size, so that an fstat in between
     * takes it for a file that is rewritten. */
    GROWTH_TRIES = 16,
    /* 1990-01-01: no file of a web site is older than the Web. */
    FIRST_SECONDS = 631152000,
    DAY_SECONDS = 86400,
    HASH_PIECE_BYTES = 64 << 10,
    WARM_STEP_BYTES = 1 << 20, /* the distance between sampled pages */
};

/* The number of bytes that may be hashed in each mode. */
static const uint64_t hashed_bytes_max[] = {
    [IO_WITHOUT_WAITING] = LOAD_READ_BYTES_MAX, /* some tens of microseconds */
    [IO_WAITING] = LOAD_READ_BYTES_MAX,
    [IO_BY_JOB] = 16 << 20, /* some tens of milliseconds */
    [IO_BY_LENGTHY_JOB] = UINT64_MAX,
};
static_assert(COUNT_OF(hashed_bytes_max) == IO_MODE_COUNT, "a limit for each mode");

/* --- Reading ---------------------------------------------------------------------------------- */

/* Reads at most LENGTH bytes from FIRST on. Returns their number or a negative errno; -EAGAIN: it
 * would wait in WITHOUT_WAITING. */
static ssize_t read_piece(int fd, uint64_t first, char *to, size_t length, enum io_mode mode)
{
    int flags = mode == IO_WITHOUT_WAITING ? RWF_NOWAIT : 0;
    size_t done = 0;
    while (done < length) {
        struct iovec piece = {to + done, length - done};
        ssize_t got = preadv2(fd, &piece, 1, (off_t)(first + done), flags);
        if (got == 0)
            break;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && flags && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL))
            return -EAGAIN; /* this file system has no non-blocking reads */
        if (got < 0)
            return -errno;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

/* Reads a small file of IDENTITY. On success *RET_BODY is its content and *RET_AFTER its identity
 * afterwards. Of a file that claims to be empty, tries to read a byte. Returns 0 or a negative
 * errno. */
static int read_body(int fd, enum io_mode mode, const struct blob_identity *identity,
                     struct blob **ret_body, struct blob_identity *ret_after)
{
    struct blob *body = blob_create_bytes(identity->bytes > 0 ? identity->bytes : 1);
    if (!body)
        return -ENOMEM;
    ssize_t got = read_piece(fd, 0, body->bytes, body->length, mode);
    struct stat status;
    int error = got < 0 ? (int)got : root_identify(fd, &status, ret_after);
    if (error) {
        blob_drop(body);
        return error;
    }
    body->length = (size_t)got;
    *ret_body = body;
    return 0;
}

/* Whether a file that had identity THEN still has that content: it has not changed, or has only
 * grown. */
static bool is_kept(const struct blob_identity *then, const struct blob_identity *now)
{
    return blob_identity_equal(then, now) || blob_identity_change(then, now) == BLOB_GROWN;
}

/* Loads the content of the open regular file FD of *IDENTITY, which is updated if the file changes
 * meanwhile. *Takes* FD if it returns 0 and the body is a file. Returns 0 or a negative errno:
 * -EAGAIN also if the file is rewritten faster than it can be read, -EACCES if it is unchanged and
 * yet not as long as its size says. Of a file that grows during READ_TRIES, such as a busy log,
 * the body is its content when the last try began. */
static int load_body(int fd, enum io_mode mode, struct blob_identity *identity,
                     struct blob **ret_body)
{
    int failure = -EAGAIN;
    for (unsigned tries = 1; identity->bytes <= LOAD_READ_BYTES_MAX; tries++) {
        struct blob *body;
        struct blob_identity after;
        int error = tries > GROWTH_TRIES ? failure : read_body(fd, mode, identity, &body, &after);
        if (error)
            return error;
        bool unchanged = blob_identity_equal(identity, &after);
        bool grown = tries >= READ_TRIES && blob_identity_change(identity, &after) == BLOB_GROWN;
        if (grown && body->length > identity->bytes)
            body->length = identity->bytes; /* it was empty, and read_body got its first byte */
        if ((unchanged || grown) && body->length == identity->bytes) {
            *ret_body = body;
            return 0;
        }
        failure = unchanged ? -EACCES : -EAGAIN;
        *identity = after;
        blob_drop(body);
    }
    *ret_body = blob_create_file(fd, identity);
    return *ret_body ? 0 : -ENOMEM;
}

/* --- The page cache --------------------------------------------------------------------------- */

/* Whether the page that contains POSITION can be read without waiting. */
static bool page_is_warm(int fd, uint64_t position)
{
    char byte;
    struct iovec piece = {&byte, 1};
    ssize_t got;
    do
        got = preadv2(fd, &piece, 1, (off_t)position, RWF_NOWAIT);
    while (got < 0 && errno == EINTR);
    return got >= 0 || errno != EAGAIN;
}

bool load_is_warm(int fd, uint64_t first, uint64_t length)
{
    if (length == 0)
        return true;
    for (uint64_t at = first; at < first + length; at += WARM_STEP_BYTES) {
        if (!page_is_warm(fd, at))
            return false;
    }
    return page_is_warm(fd, first + length - 1);
}

void load_warm(int fd, uint64_t first, uint64_t length)
{
    char piece[HASH_PIECE_BYTES];
    uint64_t done = 0;
    while (done < length) {
        uint64_t left = length - done;
        ssize_t got = read_piece(fd, first + done, piece,
                                 left < sizeof piece ? (size_t)left : sizeof piece, IO_BY_JOB);
        if (got <= 0)
            return; /* the sender will meet the same error */
        done += (uint64_t)got;
    }
}

/* --- Hashing ---------------------------------------------------------------------------------- */

static void write_tag(struct digest *digest, char to[static DIGEST_TAG_DIGITS])
{
    uint8_t hash[DIGEST_BYTES];
    digest_final(digest, hash);
    digest_write_tag(to, hash);
}

void load_digest(const struct blob *bytes, char to[static DIGEST_TAG_DIGITS])
{
    struct digest digest;
    digest_init(&digest, DIGEST_FASTEST);
    digest_update(&digest, bytes->bytes, bytes->length);
    write_tag(&digest, to);
}

/* Hashes the first IDENTITY->bytes bytes of the file FD. -EAGAIN: it has been rewritten. */
static int digest_file(int fd, const struct blob_identity *identity,
                       char to[static DIGEST_TAG_DIGITS])
{
    struct digest digest;
    char piece[HASH_PIECE_BYTES];
    uint64_t done = 0;
    ssize_t got = 1;
    digest_init(&digest, DIGEST_FASTEST);
    while (done < identity->bytes && got > 0) {
        uint64_t left = identity->bytes - done;
        size_t wanted = left < sizeof piece ? (size_t)left : sizeof piece;
        got = read_piece(fd, done, piece, wanted, IO_BY_JOB);
        if (got < 0)
            return (int)got;
        digest_update(&digest, piece, (size_t)got);
        done += (uint64_t)got;
    }
    struct stat status;
    struct blob_identity after;
    int error = root_identify(fd, &status, &after);
    if (!error && (done < identity->bytes || !is_kept(identity, &after)))
        error = -EAGAIN;
    write_tag(&digest, to);
    return error;
}

/* Hashes LOADED's body, unless that takes longer than MODE allows. */
static int digest_body(struct loaded *loaded, enum io_mode mode)
{
    const struct blob *body = loaded->body;
    loaded->digested = true;
    if (body->length > hashed_bytes_max[mode])
        return mode == IO_WITHOUT_WAITING ? -EAGAIN : -EBUSY;
    if (body->fd >= 0)
        return digest_file(body->fd, &loaded->identity, loaded->digest);
    load_digest(body, loaded->digest);
    return 0;
}

/* --- Times ------------------------------------------------------------------------------------ */

/* Whether MODIFIED is a time that tools set by habit, so that two versions may share it: one before
 * the Web, such as the epoch (Nix, OSTree), 1980-01-01 (ZIP) and 1985-10-26 (npm), or the first
 * second of a year, such as 2000-01-01. */
static bool is_meaningless(const struct timespec *modified)
{
    struct tm date;
    if (modified->tv_sec < FIRST_SECONDS)
        return true;
    if (modified->tv_nsec != 0 || modified->tv_sec % DAY_SECONDS != 0)
        return false;
    return gmtime_r(&modified->tv_sec, &date) && date.tm_yday == 0;
}

/* --- The file --------------------------------------------------------------------------------- */

/* Loads the open regular file FD of RET->identity. *Takes* FD if it returns 0 and the body is a
 * file. */
static int load_open(int fd, enum io_mode mode, struct loaded *ret)
{
    struct timespec now;
    int error = load_body(fd, mode, &ret->identity, &ret->body);
    if (error)
        return error;
    clock_gettime(CLOCK_REALTIME, &now);
    ret->settled = ret->identity.changed.tv_sec + ROOT_SETTLED_SECONDS < now.tv_sec;
    ret->fresh =
        !ret->settled && ret->identity.modified.tv_sec + ROOT_SETTLED_SECONDS >= now.tv_sec;
    ret->undated = is_meaningless(&ret->identity.modified);
    ret->digested = false;
    if (ret->undated || ret->body->fd < 0)
        error = digest_body(ret, mode);
    if (!error)
        return 0;
    if (ret->body->fd >= 0)
        ret->body->fd = -1; /* the descriptor stays the caller's */
    blob_drop(ret->body);
    return error;
}

int load_file(int root_fd, const char *name, enum io_mode mode, struct loaded *ret)
{
    struct stat status;
    struct loaded loaded = {0};
    int fd = root_open_below(root_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, mode);
    if (fd < 0)
        return fd;
    int error = root_identify(fd, &status, &loaded.identity);
    if (!error)
        error = S_ISREG(status.st_mode) ? load_open(fd, mode, &loaded) : -ENXIO;
    if (error || loaded.body->fd != fd)
        close(fd);
    if (!error)
        *ret = loaded;
    return error;
}
