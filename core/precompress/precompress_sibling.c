/* precompress_sibling: see precompress_sibling.h. */
#include "precompress/precompress_sibling.h"

#include "precompress/precompress_temporary.h"
#include "site/sibling_age.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* The name of the extended attribute: the mark's value is the time of
 * modification in nanoseconds and the size, both in decimal. */
static const char mark_name[] = "user.sluice.precompress";

enum {
    MARK_BYTES = 48,
    NANOSECONDS = 1000000000,
    /* Two changes within one tick of the kernel's clock, 10 ms at most, leave the same time: a file
     * younger than this could still change unnoticed. */
    SETTLED_NS = 20000000,
};

/* A sibling in the making. */
struct making {
    struct precompress_job *job;
    enum content_coding coding;
    int directory_fd;
    int plain_fd;
    const char *name; /* of the plain file, in its directory */
    char sibling[NAME_MAX + 1];
    char temporary[PRECOMPRESS_TEMPORARY_BYTES];
    struct stat plain;
    struct stat found; /* the sibling that exists */
    bool exists;
    bool ours;      /* it has a valid mark */
    int target_fd;  /* of the temporary file; negative: none */
    uint64_t bytes; /* of the new sibling, so far */
};

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_later(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* --- Marks ------------------------------------------------------------------------------------ */

static size_t mark_of(const struct timespec *modified, uint64_t bytes, char to[static MARK_BYTES])
{
    const long long ns = (long long)modified->tv_sec * NANOSECONDS + modified->tv_nsec;
    return (size_t)snprintf(to, MARK_BYTES, "%lld %llu", ns, (unsigned long long)bytes);
}

/* Whether the file NAME, of STATUS, has a mark that is still valid. */
static bool is_marked(int directory_fd, const char *name, const struct stat *status)
{
    char wanted[MARK_BYTES], mark[MARK_BYTES];
    const int fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return false;
    const ssize_t length = fgetxattr(fd, mark_name, mark, sizeof mark);
    const size_t expected = mark_of(&status->st_mtim, (uint64_t)status->st_size, wanted);
    close(fd);
    return length == (ssize_t)expected && memcmp(mark, wanted, expected) == 0;
}

/* --- The state of both files ------------------------------------------------------------------ */

/* Waits until a later change of FD would show in its times, and finds its status. */
static int settle(int fd, struct stat *ret)
{
    struct timespec now;
    if (fstat(fd, ret) < 0 || clock_gettime(CLOCK_REALTIME, &now) < 0)
        return -errno;
    const int64_t seconds = now.tv_sec - ret->st_ctim.tv_sec;
    const int64_t age_ns =
        seconds > 1 ? SETTLED_NS : seconds * NANOSECONDS + now.tv_nsec - ret->st_ctim.tv_nsec;
    if (age_ns < 0 || age_ns >= SETTLED_NS)
        return 0;
    const struct timespec rest = {.tv_nsec = (long)(SETTLED_NS - age_ns)};
    nanosleep(&rest, NULL); /* cut short by a signal, a change may stay unnoticed */
    return fstat(fd, ret) < 0 ? -errno : 0;
}

/* Opens the plain file and finds the sibling. Returns 0 or a negative errno. */
static int examine(struct making *making)
{
    making->plain_fd =
        openat(making->directory_fd, making->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (making->plain_fd < 0)
        return -errno;
    const int error = settle(making->plain_fd, &making->plain);
    if (error)
        return error;
    if (!S_ISREG(making->plain.st_mode))
        return -EBUSY;
    if (fstatat(making->directory_fd, making->sibling, &making->found, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISREG(making->found.st_mode))
        return -EEXIST;
    making->exists = true;
    making->ours = is_marked(making->directory_fd, making->sibling, &making->found);
    return 0;
}

/* Whether the sibling that exists can stay. Only the kernel sets st_ctim: one of ours was made
 * after the last change of its file, even if that file's time of modification was put back. */
static bool is_current(const struct making *making)
{
    const struct stat *plain = &making->plain, *found = &making->found;
    if (!making->exists || found->st_size == 0)
        return false;
    if (making->ours)
        return same_time(&found->st_mtim, &plain->st_mtim) &&
               is_later(&found->st_ctim, &plain->st_ctim);
    return !sibling_is_older(&found->st_mtim, &plain->st_mtim);
}

/* Returns 0 if the plain file is the one that was opened, and as it was then; -EBUSY if not; or
 * another negative errno. */
static int check_unchanged(const struct making *making)
{
    const struct stat *before = &making->plain;
    struct stat now;
    if (fstatat(making->directory_fd, making->name, &now, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? -EBUSY : -errno;
    const bool same = now.st_dev == before->st_dev && now.st_ino == before->st_ino &&
                      now.st_size == before->st_size && same_time(&now.st_mtim, &before->st_mtim) &&
                      same_time(&now.st_ctim, &before->st_ctim);
    return same ? 0 : -EBUSY;
}

/* --- Compression ------------------------------------------------------------------------------ */

/* Writes the LENGTH bytes of output. Returns 0 or a negative errno. */
static int put(struct making *making, size_t length)
{
    const uint8_t *at = making->job->out;
    making->bytes += length;
    while (making->target_fd >= 0 && length > 0) {
        const ssize_t done = write(making->target_fd, at, length);
        if (done < 0 && errno != EINTR)
            return -errno;
        if (done > 0) {
            at += done;
            length -= (size_t)done;
        }
    }
    return 0;
}

/* Compresses LENGTH bytes of input; none: the end. Returns 0 or a negative errno. */
static int encode(struct making *making, struct precompress_encoder *encoder, size_t length)
{
    struct precompress_job *job = making->job;
    struct precompress_flow flow = {.in = job->in, .in_bytes = length};
    int result;
    bool more;
    do {
        flow.out = job->out;
        flow.out_bytes = sizeof job->out;
        result = length > 0 ? precompress_encoder_feed(encoder, &flow)
                            : precompress_encoder_finish(encoder, &flow);
        const int error = result < 0 ? result : put(making, sizeof job->out - flow.out_bytes);
        if (error)
            return error;
        more = length > 0 ? flow.in_bytes > 0 || flow.out_bytes == 0 : result == 0;
    } while (more);
    return 0;
}

/* Compresses all of the plain file. Returns 0 or a negative errno. */
static int compress_all(struct making *making, struct precompress_encoder *encoder)
{
    struct precompress_job *job = making->job;
    const uint64_t expected = (uint64_t)making->plain.st_size;
    for (uint64_t taken = 0;;) {
        if (job->stops())
            return -ECANCELED;
        const ssize_t got = read(making->plain_fd, job->in, sizeof job->in);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        taken += (uint64_t)got;
        if (taken > expected || (got == 0 && taken < expected))
            return -EBUSY;
        const int error = encode(making, encoder, (size_t)got);
        if (error || got == 0)
            return error;
    }
}

/* --- The new sibling -------------------------------------------------------------------------- */

/* Gives the temporary file the plain file's owner, mode and time, and the mark. Returns 0 or a
 * negative errno. */
static int finish(const struct making *making)
{
    const struct stat *plain = &making->plain;
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, plain->st_mtim};
    char mark[MARK_BYTES];
    mode_t mode = plain->st_mode & 0777;
    /* Only root may set any owner. Another group gets no more than all users. */
    if (fchown(making->target_fd, (uid_t)-1, plain->st_gid) < 0)
        mode &= 0707 | (mode & 0007) << 3;
    const bool owned = fchown(making->target_fd, plain->st_uid, (gid_t)-1) == 0;
    (void)owned;
    if (fchmod(making->target_fd, mode) < 0)
        return -errno;
    const size_t length = mark_of(&plain->st_mtim, making->bytes, mark);
    /* Not all file systems have attributes; the times decide there. */
    const bool marked = fsetxattr(making->target_fd, mark_name, mark, length, 0) == 0;
    (void)marked;
    if (futimens(making->target_fd, times) < 0 || fsync(making->target_fd) < 0)
        return -errno;
    return 0;
}

/* Puts the new sibling into its place, so that it is there after a crash, too. Returns 0 or a
 * negative errno. */
static int install(struct making *making)
{
    int error = finish(making);
    if (!error)
        error = check_unchanged(making);
    if (!error && renameat(making->directory_fd, making->temporary, making->directory_fd,
                           making->sibling) < 0)
        error = -errno;
    if (error)
        return error;
    close(making->target_fd);
    making->target_fd = -1;
    /* EINVAL: the file system can't. */
    return fsync(making->directory_fd) < 0 && errno != EINVAL ? -errno : 0;
}

/* Removes the sibling of ours that exists: it is of another version. */
static int drop_former(struct making *making, struct precompress_result *ret)
{
    if (!making->exists || !making->ours)
        return 0;
    ret->removed = true;
    if (!making->job->dry_run && unlinkat(making->directory_fd, making->sibling, 0) < 0 &&
        errno != ENOENT)
        return -errno;
    return 0;
}

/* Compresses the plain file, to a temporary file unless it is a dry run. Returns 0 or a negative
 * errno. */
static int compress(struct making *making)
{
    struct precompress_encoder encoder;
    if (!making->job->dry_run)
        making->target_fd = precompress_temporary_create(making->directory_fd, making->temporary);
    if (!making->job->dry_run && making->target_fd < 0)
        return making->target_fd;
    int error = precompress_encoder_init(&encoder, making->coding, making->job->level,
                                         (uint64_t)making->plain.st_size);
    if (error)
        return error;
    error = compress_all(making, &encoder);
    precompress_encoder_fini(&encoder);
    return error ? error : check_unchanged(making);
}

/* Compresses the plain file, and installs the result if it saves enough. */
static int make(struct making *making, struct precompress_result *ret)
{
    const int error = compress(making);
    if (error)
        return error;
    const uint64_t plain_bytes = (uint64_t)making->plain.st_size;
    const bool pays = making->bytes * 100 < plain_bytes * PRECOMPRESS_PERCENT_MAX;
    ret->outcome = pays ? PRECOMPRESS_MADE : PRECOMPRESS_POOR;
    ret->sibling_bytes = making->bytes;
    if (!pays)
        return drop_former(making, ret);
    return making->job->dry_run ? 0 : install(making);
}

static void making_fini(struct making *making)
{
    if (making->target_fd >= 0) {
        unlinkat(making->directory_fd, making->temporary, 0);
        close(making->target_fd);
    }
    if (making->plain_fd >= 0)
        close(making->plain_fd);
    if (making->directory_fd >= 0)
        close(making->directory_fd);
}

int precompress_sibling(struct precompress_job *job, const struct precompress_entry *entry,
                        enum content_coding coding, struct precompress_result *ret)
{
    struct making making = {.job = job,
                            .coding = coding,
                            .name = entry->path + entry->name_at,
                            .plain_fd = -1,
                            .target_fd = -1};
    const struct str name = str_of(making.name), suffix = content_coding_texts[coding].suffix;
    struct precompress_result result = {.outcome = PRECOMPRESS_CURRENT};
    if (name.length + suffix.length > NAME_MAX) {
        *ret = (struct precompress_result){.outcome = PRECOMPRESS_POOR};
        return 0;
    }
    *str_put(str_put(making.sibling, name), suffix) = '\0';
    making.directory_fd = precompress_entry_open_directory(job->root_fd, entry);
    int error = making.directory_fd < 0 ? making.directory_fd : examine(&making);
    if (!error) {
        result.plain_bytes = (uint64_t)making.plain.st_size;
        result.sibling_bytes = (uint64_t)making.found.st_size;
        error = is_current(&making) ? 0 : make(&making, &result);
    }
    making_fini(&making);
    if (!error)
        *ret = result;
    return error;
}

int precompress_sibling_remove(int directory_fd, const char *name, bool dry_run)
{
    struct stat status;
    if (fstatat(directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISREG(status.st_mode) || !is_marked(directory_fd, name, &status))
        return 0;
    if (!dry_run && unlinkat(directory_fd, name, 0) < 0)
        return -errno;
    return 1;
}
