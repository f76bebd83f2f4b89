/* load: see load.h. preadv2(2) with RWF_NOWAIT, Linux 4.14; stat(2). */
#include "site/load.h"

#include "system/memory_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
    READ_TRIES = 3, /* for a file that changes while it is read */
    /* For one that grows. A write(2) sets the mtime before the size, so an fstat in between can't
     * distinguish it from one that is rewritten. One that is held up there is read as it was. */
    GROWTH_TRIES = 16,
    /* 1990-01-01: no file of a web site is older than the Web. */
    FIRST_SECONDS = 631152000,
    DAY_SECONDS = 86400,
    PIECE_BYTES = 64 << 10,
    STAT_BLOCK_BYTES = 512,    /* the unit of st_blocks: inode(7) */
    WARM_STEP_BYTES = 1 << 20, /* the distance between sampled pages */
};

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

/* The content of a file of up to LOAD_READ_BYTES_MAX, in memory. Of a file that claims to be empty,
 * tries to read a byte. Returns 0 or a negative errno. */
static int read_body(int fd, uint64_t bytes, enum io_mode mode, struct blob **ret)
{
    struct blob *body = blob_create_bytes(bytes > 0 ? bytes : 1);
    if (!body)
        return -ENOMEM;
    ssize_t got = read_piece(fd, 0, body->bytes, body->length, mode);
    if (got < 0) {
        blob_drop(body);
        return (int)got;
    }
    body->length = (size_t)got;
    *ret = body;
    return 0;
}

/* The content of a larger file, as a copy. *RET is NULL if none can be made. Returns 0 or a
 * negative errno. */
static int copy_body(int fd, uint64_t bytes, const struct load_order *order, struct blob **ret)
{
    int copy_fd;
    struct blob *body = NULL;
    struct blob_account *account = &order->shared->copies;
    *ret = NULL;
    if (bytes > order->copy_bytes_max || !blob_account_take(account, bytes))
        return 0;
    ssize_t got = memory_file_copy(fd, bytes, &copy_fd);
    uint64_t length = copy_fd >= 0 ? (uint64_t)got : 0;
    blob_account_return(account, bytes - length);
    if (copy_fd >= 0)
        body = blob_create_copy(copy_fd, length, account);
    if (copy_fd >= 0 && !body) {
        blob_account_return(account, length);
        close(copy_fd);
        return -ENOMEM;
    }
    *ret = body;
    return got < 0 ? (int)got : 0;
}

/* Reads the content of a file of IDENTITY as ORDER wants it. On success *RET_BODY is that, or NULL
 * if it can't be copied, and *RET_AFTER the identity afterwards. Returns 0 or a negative errno. */
static int read_once(int fd, const struct load_order *order, const struct blob_identity *identity,
                     struct blob **ret_body, struct blob_identity *ret_after)
{
    struct stat status;
    bool small = identity->bytes <= LOAD_READ_BYTES_MAX;
    if (!small && order->mode == IO_WITHOUT_WAITING)
        return -EAGAIN;
    int error = small ? read_body(fd, identity->bytes, order->mode, ret_body)
                      : copy_body(fd, identity->bytes, order, ret_body);
    if (error || !*ret_body)
        return error;
    error = root_identify(fd, &status, ret_after);
    if (error)
        blob_drop(*ret_body);
    return error;
}

/* Whether a file that had identity THEN still has that content: it has not changed, or has only
 * grown. */
static bool is_kept(const struct blob_identity *then, const struct blob_identity *now)
{
    return blob_identity_equal(then, now) || blob_identity_change(then, now) == BLOB_GROWN;
}

/* Loads the content of the open regular file FD of *IDENTITY, which is updated if the file changes
 * meanwhile. *Takes* FD if it returns 0 and the body is that file. Returns 0 or a negative errno:
 * -EAGAIN also if the file is rewritten faster than it can be read, -EACCES if it is unchanged and
 * yet not as long as its size says. Of a file that grows during READ_TRIES, such as a busy log,
 * the body is its content when the last try began. */
static int load_body(int fd, const struct load_order *order, struct blob_identity *identity,
                     struct blob **ret_body)
{
    int failure = -EAGAIN;
    for (unsigned tries = 1; identity->bytes <= LOAD_COPY_BYTES_MAX; tries++) {
        struct blob *body = NULL;
        struct blob_identity after;
        int error = tries > GROWTH_TRIES ? failure : read_once(fd, order, identity, &body, &after);
        if (error)
            return error;
        if (!body)
            break; /* it is sent as it is */
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

/* Checks that the file FD, of STATUS, has the last byte that its size promises, if that is in
 * doubt: it takes fewer blocks than its size. Returns 0; -EACCES if it hasn't; or -EAGAIN. */
static int check_length(int fd, const struct stat *status, enum io_mode mode)
{
    char last;
    uint64_t bytes = (uint64_t)status->st_size;
    if (bytes <= LOAD_COPY_BYTES_MAX || (uint64_t)status->st_blocks * STAT_BLOCK_BYTES >= bytes)
        return 0;
    ssize_t got = read_piece(fd, bytes - 1, &last, 1, mode);
    if (got == 1 || got == -EAGAIN)
        return got == 1 ? 0 : -EAGAIN;
    return -EACCES;
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
    char piece[PIECE_BYTES];
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

/* Hashes the first LENGTH bytes of the file FD. -EAGAIN: there are fewer. */
static int digest_file(int fd, uint64_t length, char to[static DIGEST_TAG_DIGITS])
{
    struct digest digest;
    char piece[PIECE_BYTES];
    uint64_t done = 0;
    digest_init(&digest, DIGEST_FASTEST);
    while (done < length) {
        size_t wanted = length - done < sizeof piece ? (size_t)(length - done) : sizeof piece;
        ssize_t got = read_piece(fd, done, piece, wanted, IO_BY_JOB);
        if (got <= 0)
            return got < 0 ? (int)got : -EAGAIN;
        digest_update(&digest, piece, (size_t)got);
        done += (uint64_t)got;
    }
    write_tag(&digest, to);
    return 0;
}

/* Hashes the content of a file that could not be copied. -EAGAIN: it has been rewritten. */
static int digest_original(const struct loaded *loaded, char to[static DIGEST_TAG_DIGITS])
{
    struct stat status;
    struct blob_identity after;
    int error = digest_file(loaded->body->fd, loaded->identity.bytes, to);
    if (!error)
        error = root_identify(loaded->body->fd, &status, &after);
    if (!error && !is_kept(&loaded->identity, &after))
        error = -EAGAIN;
    return error;
}

/* Sets the digest of LOADED, whose content can be hashed at once. One that was kept is not computed
 * again. Returns 0 or a negative errno. */
static int digest_now(struct loaded *loaded, struct digests *digests)
{
    const struct blob *body = loaded->body;
    bool kept = body->fd >= 0 && loaded->settled;
    loaded->digested = true;
    if (kept && digests_find(digests, &loaded->identity, loaded->digest))
        return 0;
    int error = 0;
    if (body->fd < 0)
        load_digest(body, loaded->digest);
    else if (blob_is_copy(body))
        error = digest_file(body->fd, body->length, loaded->digest);
    else
        error = digest_original(loaded, loaded->digest);
    if (!error && kept)
        digests_keep(digests, &loaded->identity, loaded->digest);
    return error;
}

/* Sets the digest of LOADED, the large file of ORDER, if it is known already; else has it computed.
 * The thread that does so gets a descriptor of its own. */
static void digest_later(struct loaded *loaded, const struct load_order *order)
{
    struct stat status;
    struct blob_identity identity;
    struct digests *digests = order->shared->digests;
    loaded->digested = digests_find(digests, &loaded->identity, loaded->digest);
    loaded->pending = !loaded->digested;
    if (loaded->digested || !loaded->settled || !digests_has_room(digests, &loaded->identity))
        return;
    int fd =
        root_open_below(order->root_fd, order->name, O_RDONLY | O_NONBLOCK | O_NOCTTY, order->mode);
    if (fd < 0)
        return;
    if (root_identify(fd, &status, &identity) == 0 &&
        blob_identity_equal(&identity, &loaded->identity))
        digests_request(digests, fd, &identity);
    else
        close(fd);
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

/* Sets the facts of RET that follow from its identity. */
static void judge_times(struct loaded *ret)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    ret->settled = ret->identity.changed.tv_sec + ROOT_SETTLED_SECONDS < now.tv_sec;
    ret->fresh =
        !ret->settled && ret->identity.modified.tv_sec + ROOT_SETTLED_SECONDS >= now.tv_sec;
    ret->undated = is_meaningless(&ret->identity.modified);
}

/* Loads the open regular file FD of RET->identity. *Takes* FD if it returns 0 and the body is
 * that file. */
static int load_open(int fd, const struct load_order *order, struct loaded *ret)
{
    int error = load_body(fd, order, &ret->identity, &ret->body);
    if (error)
        return error;
    judge_times(ret);
    if (ret->identity.bytes <= LOAD_COPY_BYTES_MAX)
        error = digest_now(ret, order->shared->digests);
    else if (ret->undated)
        digest_later(ret, order);
    if (!error)
        return 0;
    if (ret->body->fd == fd)
        ret->body->fd = -1; /* the descriptor stays the caller's */
    blob_drop(ret->body);
    return error;
}

static int load_once(const struct load_order *order, struct loaded *ret)
{
    struct stat status;
    struct loaded loaded = {0};
    int fd =
        root_open_below(order->root_fd, order->name, O_RDONLY | O_NONBLOCK | O_NOCTTY, order->mode);
    if (fd < 0)
        return fd;
    int error = root_identify(fd, &status, &loaded.identity);
    if (!error && !S_ISREG(status.st_mode))
        error = -ENXIO;
    if (!error)
        error = check_length(fd, &status, order->mode);
    if (!error)
        error = load_open(fd, order, &loaded);
    if (error || loaded.body->fd != fd)
        close(fd);
    if (!error)
        *ret = loaded;
    return error;
}

/* A file that is hashed where it is may change meanwhile, or only be about to grow. */
int load_file(const struct load_order *order, struct loaded *ret)
{
    int error;
    unsigned tries = 0;
    do
        error = load_once(order, ret);
    while (error == -EAGAIN && order->mode != IO_WITHOUT_WAITING && ++tries < READ_TRIES);
    return error;
}
