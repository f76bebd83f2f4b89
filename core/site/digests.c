/* digests: see digests.h. preadv2(2), posix_fadvise(2), setpriority(2), ioprio_set(2). */
#include "site/digests.h"

#include "base/hash.h"
#include "system/root.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
    WAYS = 4, /* places for a digest; the least recently used one is replaced */
    SETS = DIGESTS_MAX / WAYS,
    PIECE_BYTES = 128 << 10,
    STOP_PATIENCE_MS = 200,
    /* ioprio_set(2), whose header is part of the kernel's sources only. */
    IOPRIO_WHO_PROCESS_ = 1,
    IOPRIO_BEST_EFFORT_LOWEST = 2 << 13 | 7,
};

struct digests_entry {
    struct blob_identity identity;
    uint64_t used; /* 0: the place is empty */
    char digest[DIGEST_TAG_DIGITS];
};

struct task {
    int fd;
    struct blob_identity identity;
};

struct digests {
    pthread_mutex_t lock;
    struct digests_entry (*sets)[WAYS]; /* under LOCK, like all members but STOPPING */
    uint64_t clock;                     /* counts uses */
    struct task queue[DIGESTS_QUEUED_MAX];
    unsigned queued; /* tasks; the first is being worked on */
    bool started;    /* THREAD is set, and to be joined */
    bool ended;      /* it does nothing more */
    pthread_t thread;
    atomic_bool stopping;
};

struct digests *digests_create(void)
{
    struct digests *digests = calloc(1, sizeof *digests);
    if (!digests)
        return NULL;
    digests->sets = calloc(SETS, sizeof *digests->sets);
    if (!digests->sets) {
        free(digests);
        return NULL;
    }
    pthread_mutex_init(&digests->lock, NULL);
    atomic_init(&digests->stopping, false);
    return digests;
}

bool digests_stop(struct digests *digests)
{
    struct timespec deadline;
    if (!digests)
        return true;
    atomic_store(&digests->stopping, true);
    pthread_mutex_lock(&digests->lock);
    bool started = digests->started;
    pthread_mutex_unlock(&digests->lock);
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_nsec += STOP_PATIENCE_MS * 1000000L;
    deadline.tv_sec += deadline.tv_nsec / 1000000000;
    deadline.tv_nsec %= 1000000000;
    if (started && pthread_timedjoin_np(digests->thread, NULL, &deadline) != 0)
        return false;
    digests->started = false;
    return true;
}

void digests_destroy(struct digests *digests)
{
    if (!digests)
        return;
    if (!digests_stop(digests))
        pthread_join(digests->thread, NULL);
    for (unsigned i = 0; i < digests->queued; i++)
        close(digests->queue[i].fd);
    pthread_mutex_destroy(&digests->lock);
    free(digests->sets);
    free(digests);
}

/* --- The table -------------------------------------------------------------------------------- */

static struct digests_entry *set_of(struct digests *digests, const struct blob_identity *identity)
{
    const uint64_t words[] = {identity->device, identity->inode};
    return digests->sets[hash_bytes(0, (struct str){(const char *)words, sizeof words}) % SETS];
}

/* The place in SET of the file in the state IDENTITY; NULL: it has none. */
static struct digests_entry *find(struct digests_entry *set, const struct blob_identity *identity)
{
    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].used > 0 && blob_identity_equal(&set[i].identity, identity))
            return &set[i];
    }
    return NULL;
}

bool digests_find(struct digests *digests, const struct blob_identity *identity,
                  char ret[static DIGEST_TAG_DIGITS])
{
    pthread_mutex_lock(&digests->lock);
    struct digests_entry *entry = find(set_of(digests, identity), identity);
    if (entry) {
        entry->used = ++digests->clock;
        memcpy(ret, entry->digest, DIGEST_TAG_DIGITS);
    }
    pthread_mutex_unlock(&digests->lock);
    return entry;
}

/* The least recently used place of SET; one that is empty, if there is any. */
static struct digests_entry *place_in(struct digests_entry *set)
{
    struct digests_entry *oldest = set;
    for (unsigned i = 1; i < WAYS; i++) {
        if (set[i].used < oldest->used)
            oldest = &set[i];
    }
    return oldest;
}

void digests_keep(struct digests *digests, const struct blob_identity *identity,
                  const char digest[static DIGEST_TAG_DIGITS])
{
    pthread_mutex_lock(&digests->lock);
    struct digests_entry *set = set_of(digests, identity);
    struct digests_entry *entry = find(set, identity);
    if (!entry)
        entry = place_in(set);
    entry->identity = *identity;
    entry->used = ++digests->clock;
    memcpy(entry->digest, digest, DIGEST_TAG_DIGITS);
    pthread_mutex_unlock(&digests->lock);
}

/* --- Reading ---------------------------------------------------------------------------------- */

static ssize_t read_at(int fd, char *to, size_t length, uint64_t first, int flags)
{
    struct iovec piece = {to, length};
    ssize_t got;
    do
        got = preadv2(fd, &piece, 1, (off_t)first, flags);
    while (got < 0 && errno == EINTR);
    return got;
}

/* Reads LENGTH bytes from FIRST on, fewer only at the end of the file. What was not in the page
 * cache leaves it again: it would displace what clients use. Returns their number, or -1. */
static ssize_t read_piece(int fd, char *to, size_t length, uint64_t first)
{
    ssize_t got = read_at(fd, to, length, first, RWF_NOWAIT);
    if (got == (ssize_t)length)
        return got;
    got = read_at(fd, to, length, first, 0);
    if (got > 0)
        posix_fadvise(fd, (off_t)first, got, POSIX_FADV_DONTNEED);
    return got;
}

/* Hashes the file of TASK. False: it can't be read, has changed, or STOPPING became true. */
static bool hash_file(const struct task *task, const atomic_bool *stopping,
                      char ret[static DIGEST_TAG_DIGITS])
{
    struct digest digest;
    struct stat status;
    struct blob_identity after;
    uint8_t hash[DIGEST_BYTES];
    char piece[PIECE_BYTES];
    uint64_t done = 0;
    const uint64_t length = task->identity.bytes;
    /* Without read-ahead, which would make the next piece look as if it had been there before. */
    posix_fadvise(task->fd, 0, 0, POSIX_FADV_RANDOM);
    digest_init(&digest, DIGEST_FASTEST);
    while (done < length) {
        size_t wanted = length - done < sizeof piece ? (size_t)(length - done) : sizeof piece;
        ssize_t got = read_piece(task->fd, piece, wanted, done);
        if (got <= 0 || atomic_load_explicit(stopping, memory_order_relaxed))
            return false;
        digest_update(&digest, piece, (size_t)got);
        done += (uint64_t)got;
    }
    if (root_identify(task->fd, &status, &after) < 0 ||
        !blob_identity_equal(&task->identity, &after))
        return false;
    digest_final(&digest, hash);
    digest_write_tag(ret, hash);
    return true;
}

/* --- The thread ------------------------------------------------------------------------------- */

/* Failures are harmless: then it competes with the others. */
static void lower_priority(void)
{
    setpriority(PRIO_PROCESS, (id_t)gettid(), 19); /* on Linux, of one thread: sched(7) */
    syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS_, 0, IOPRIO_BEST_EFFORT_LOWEST);
}

static void *work(void *argument)
{
    struct digests *digests = argument;
    char digest[DIGEST_TAG_DIGITS];
    lower_priority();
    pthread_mutex_lock(&digests->lock);
    while (digests->queued > 0 && !atomic_load(&digests->stopping)) {
        struct task task = digests->queue[0];
        pthread_mutex_unlock(&digests->lock);
        if (hash_file(&task, &digests->stopping, digest))
            digests_keep(digests, &task.identity, digest);
        pthread_mutex_lock(&digests->lock);
        close(task.fd);
        digests->queued--;
        memmove(digests->queue, digests->queue + 1, digests->queued * sizeof digests->queue[0]);
    }
    digests->ended = true;
    pthread_mutex_unlock(&digests->lock);
    return NULL;
}

/* Starts the thread, with all signals blocked, unless it runs. False: it failed. LOCK is held. */
static bool ensure_thread(struct digests *digests)
{
    sigset_t all, before;
    if (digests->started && !digests->ended)
        return true;
    if (digests->started)
        pthread_join(digests->thread, NULL); /* it only has to return */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    digests->ended = false;
    digests->started = pthread_create(&digests->thread, NULL, work, digests) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return digests->started;
}

/* LOCK is held. */
static bool has_room(const struct digests *digests, const struct blob_identity *identity)
{
    for (unsigned i = 0; i < digests->queued; i++) {
        if (blob_identity_equal(&digests->queue[i].identity, identity))
            return false;
    }
    return digests->queued < DIGESTS_QUEUED_MAX && !atomic_load(&digests->stopping);
}

bool digests_has_room(struct digests *digests, const struct blob_identity *identity)
{
    pthread_mutex_lock(&digests->lock);
    bool room = has_room(digests, identity);
    pthread_mutex_unlock(&digests->lock);
    return room;
}

void digests_request(struct digests *digests, int fd, const struct blob_identity *identity)
{
    pthread_mutex_lock(&digests->lock);
    bool taken = has_room(digests, identity);
    if (taken)
        digests->queue[digests->queued++] = (struct task){fd, *identity};
    if (taken && !ensure_thread(digests)) {
        digests->queued--; /* no thread, so the queue was empty */
        taken = false;
    }
    pthread_mutex_unlock(&digests->lock);
    if (!taken)
        close(fd);
}
