/* digests: which files are hashed, how often, and how the table and the thread end. */
#include "site/digests.h"
#include "support/faults.h"
#include "support/tree.h"
#include "system/root.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>

enum { LENGTH = 1000000, PATIENCE_MS = 10000 };

static struct tree tree;
static struct digests *digests;
static unsigned descriptors;

static void set_up(void)
{
    tree_init(&tree);
    descriptors = tree_open_descriptors();
    digests = digests_create();
    cr_assert_not_null(digests);
}

static void tear_down(void)
{
    faults_clear();
    digests_destroy(digests);
    cr_expect_eq(tree_open_descriptors(), descriptors);
    tree_fini(&tree);
}

TestSuite(digests, .init = set_up, .fini = tear_down, .timeout = 120);

static int open_file(const char *name, struct blob_identity *ret)
{
    struct stat status;
    int fd = openat(tree.fd, name, O_RDONLY | O_CLOEXEC);
    cr_assert(fd >= 0 && root_identify(fd, &status, ret) == 0);
    return fd;
}

/* Requests the digest of "file". */
static struct blob_identity request(void)
{
    struct blob_identity identity;
    int fd = open_file("file", &identity);
    digests_request(digests, fd, &identity);
    return identity;
}

/* Waits until the thread has nothing more to do: a file is taken out of the queue when it is
 * done. */
static void await_end(const struct blob_identity *identity)
{
    for (unsigned ms = 0; ms < PATIENCE_MS && !digests_has_room(digests, identity); ms++)
        usleep(1000);
    cr_assert(digests_has_room(digests, identity));
}

static bool is_known(const struct blob_identity *identity)
{
    char digest[DIGEST_TAG_DIGITS];
    return digests_find(digests, identity, digest);
}

/* --- The thread ------------------------------------------------------------------------------- */

static sem_t reached, resumed;

/* Makes the thread wait at a read until RESUMED is posted. */
static void halt(void *argument)
{
    (void)argument;
    sem_post(&reached);
    sem_wait(&resumed);
}

/* Requests the digest of "file", and returns while the thread is about to read it. */
static struct blob_identity request_and_halt(void)
{
    sem_init(&reached, 0, 0);
    sem_init(&resumed, 0, 0);
    faults_act(FAULT_PREADV2_NOWAIT, 2, halt, NULL);
    struct blob_identity identity = request();
    sem_wait(&reached);
    return identity;
}

Test(digests, finds_the_digest_of_a_file_that_was_requested)
{
    char expected[DIGEST_TAG_DIGITS], found[DIGEST_TAG_DIGITS];
    uint8_t hash[DIGEST_BYTES];
    struct digest digest;
    char *content = tree_bytes(LENGTH, 1);
    digest_init(&digest, DIGEST_PORTABLE);
    digest_update(&digest, content, LENGTH);
    digest_final(&digest, hash);
    digest_write_tag(expected, hash);
    free(content);
    tree_fill(&tree, "file", LENGTH, 1);
    struct blob_identity identity = request();
    await_end(&identity);
    cr_assert(digests_find(digests, &identity, found));
    cr_expect_eq(memcmp(found, expected, sizeof found), 0);
    identity.changed.tv_nsec ^= 1;
    cr_expect_not(digests_find(digests, &identity, found), "of another state");
}

static void *request_too(void *argument)
{
    (void)argument;
    request();
    return NULL;
}

Test(digests, hashes_a_file_once_for_all_threads)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    tree_fill(&tree, "file", LENGTH, 1);
    struct blob_identity identity = request_and_halt();
    for (unsigned i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, request_too, NULL), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    cr_expect_not(digests_has_room(digests, &identity), "it is being read");
    sem_post(&resumed);
    await_end(&identity);
    cr_expect(is_known(&identity));
    cr_expect_eq(faults_calls(FAULT_PREADV2_NOWAIT), (LENGTH - 1) / (128 << 10) + 1);
}

Test(digests, keeps_no_digest_of_a_file_that_changes_while_it_is_hashed)
{
    for (unsigned i = 0; i < 3; i++) {
        tree_fill(&tree, "file", LENGTH, i);
        struct blob_identity identity = request_and_halt();
        tree_fill(&tree, "file", i == 1 ? 10 : LENGTH, i + 10);
        sem_post(&resumed);
        await_end(&identity);
        cr_expect_not(is_known(&identity), "%u", i);
        struct blob_identity now = request();
        await_end(&now);
        cr_expect(is_known(&now), "%u", i);
    }
}

Test(digests, can_be_requested_again_after_a_failure)
{
    tree_fill(&tree, "file", LENGTH, 1);
    faults_fail(FAULT_PREADV2_NOWAIT, 0, 1, EAGAIN);
    faults_fail(FAULT_PREADV2, 0, 1, EIO);
    struct blob_identity identity = request();
    await_end(&identity);
    cr_expect_not(is_known(&identity));
    faults_clear();
    faults_fail(FAULT_PREADV2_NOWAIT, 0, FAULT_ALWAYS, EAGAIN);
    request();
    await_end(&identity);
    cr_expect(is_known(&identity));
}

Test(digests, needs_no_thread_to_refuse)
{
    tree_fill(&tree, "file", LENGTH, 1);
    faults_fail(FAULT_THREAD, 0, 1, EAGAIN);
    struct blob_identity identity = request();
    cr_expect(digests_has_room(digests, &identity));
    cr_expect_not(is_known(&identity));
    cr_expect_eq(tree_open_descriptors(), descriptors);
    request();
    await_end(&identity);
    cr_expect(is_known(&identity));
}

/* The thread that has ended is followed by another. */
Test(digests, starts_a_thread_for_each_burst_of_requests)
{
    for (unsigned i = 0; i < 5; i++) {
        tree_fill(&tree, "file", 1000, i);
        struct blob_identity identity = request();
        await_end(&identity);
        cr_expect(is_known(&identity), "%u", i);
        while (tree_open_descriptors() > descriptors)
            usleep(1000);
    }
}

Test(digests, takes_a_bounded_number_of_files)
{
    struct blob_identity identities[DIGESTS_QUEUED_MAX + 1];
    tree_fill(&tree, "file", LENGTH, 1);
    identities[0] = request_and_halt();
    for (unsigned i = 1; i <= DIGESTS_QUEUED_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "file%u", i);
        tree_fill(&tree, name, 1000, i);
        int fd = open_file(name, &identities[i]);
        cr_expect_eq(digests_has_room(digests, &identities[i]), i < DIGESTS_QUEUED_MAX, "%u", i);
        digests_request(digests, fd, &identities[i]);
    }
    cr_expect_eq(tree_open_descriptors(), descriptors + DIGESTS_QUEUED_MAX);
    sem_post(&resumed);
    for (unsigned i = 0; i < DIGESTS_QUEUED_MAX; i++) {
        await_end(&identities[i]);
        cr_expect(is_known(&identities[i]), "%u", i);
    }
    cr_expect_not(is_known(&identities[DIGESTS_QUEUED_MAX]));
}

static void *resume_later(void *argument)
{
    (void)argument;
    usleep(1000); /* whether digests_stop waits already or not: both must work */
    sem_post(&resumed);
    return NULL;
}

Test(digests, abandons_what_it_reads_at_the_end)
{
    pthread_t thread;
    tree_fill(&tree, "file", LENGTH, 1);
    struct blob_identity identity = request_and_halt();
    unsigned calls = faults_calls(FAULT_PREADV2_NOWAIT);
    cr_assert_eq(pthread_create(&thread, NULL, resume_later, NULL), 0);
    cr_expect(digests_stop(digests));
    pthread_join(thread, NULL);
    cr_expect_eq(faults_calls(FAULT_PREADV2_NOWAIT), calls);
    cr_expect_not(is_known(&identity));
    cr_expect_not(digests_has_room(digests, &identity));
}

/* A read on a disk that hangs can't be ended; the process exits without the thread then. */
Test(digests, reports_at_the_end_that_a_disk_hangs)
{
    tree_fill(&tree, "file", LENGTH, 1);
    request_and_halt();
    cr_expect_not(digests_stop(digests));
    sem_post(&resumed);
}

/* --- The table -------------------------------------------------------------------------------- */

Test(digests, forgets_the_least_recently_used)
{
    enum { COUNT = 20 * DIGESTS_MAX };
    struct blob_identity identity = {.device = 1, .bytes = 7}, favourite = {.device = 2};
    char digest[DIGEST_TAG_DIGITS], found[DIGEST_TAG_DIGITS];
    unsigned known = 0;
    memset(digest, 'f', sizeof digest);
    digests_keep(digests, &favourite, digest);
    for (unsigned i = 0; i < COUNT; i++) {
        identity.inode = i;
        memset(digest, 'a' + (int)(i % 26), sizeof digest);
        digests_keep(digests, &identity, digest);
        cr_assert(digests_find(digests, &identity, found));
        cr_assert_eq(memcmp(found, digest, sizeof found), 0);
        cr_assert(digests_find(digests, &favourite, found), "%u", i);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        identity.inode = i;
        known += is_known(&identity);
    }
    cr_expect_eq(known, DIGESTS_MAX - 1);
}

Test(digests, keeps_one_digest_of_a_state)
{
    struct blob_identity identity = {.inode = 1};
    char digest[DIGEST_TAG_DIGITS], found[DIGEST_TAG_DIGITS];
    for (unsigned i = 0; i < 10; i++) {
        memset(digest, 'a' + (int)i, sizeof digest);
        digests_keep(digests, &identity, digest);
    }
    cr_assert(digests_find(digests, &identity, found));
    cr_expect_eq(memcmp(found, digest, sizeof found), 0);
}

Test(digests, need_memory)
{
    for (unsigned i = 0; i < 2; i++) {
        faults_fail(FAULT_MEMORY, i, 1, ENOMEM);
        cr_expect_null(digests_create());
    }
    digests_destroy(NULL);
    cr_expect(digests_stop(NULL));
}
