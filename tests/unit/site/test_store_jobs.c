/* store: look-ups that would block are done by jobs, and their waiters are woken. */
#include "support/store_rig.h"

#include <semaphore.h>

static void set_up(void)
{
    store_rig_init();
    tree_fill(&tree, "site/file", 1000, 1);
    tree_fill(&tree, "site/other", 500, 2);
    faults_fail(FAULT_OPENAT2_CACHED, 0, FAULT_ALWAYS, EAGAIN); /* nothing is in the page cache */
}

TestSuite(store_jobs, .init = set_up, .fini = store_rig_fini, .timeout = 120);

static struct resource *take(const char *name, struct lookup_waiter *waiter)
{
    struct resource *resource = NULL;
    cr_assert_eq(ask(name, waiter, &resource), STORE_READY);
    return resource;
}

Test(store_jobs, leaves_uncached_files_to_a_job)
{
    struct lookup_waiter waiter = {0};
    struct resource *resource = NULL;
    cr_assert_eq(ask("file", &waiter, &resource), STORE_PENDING);
    cr_expect_null(resource);
    cr_expect_not_null(waiter.lookup);
    await(&waiter);
    cr_expect_eq(woken, 1);
    resource = take("file", &waiter);
    expect_content(resource, 1000, 1);
    resource_drop(resource);
    cr_expect_null(waiter.lookup);
    cr_expect_null(waiter.ready);
    unsigned calls = opens();
    expect_file("file", 1000, 1);
    cr_expect_eq(opens(), calls, "the job's find is in the cache");
}

Test(store_jobs, leaves_uncached_pages_to_a_job)
{
    struct lookup_waiter waiter = {0};
    struct resource *resource = NULL;
    faults_clear();
    faults_fail(FAULT_PREADV2_NOWAIT, 0, 1, EAGAIN);
    cr_assert_eq(ask("file", &waiter, &resource), STORE_PENDING);
    await(&waiter);
    resource = take("file", &waiter);
    expect_content(resource, 1000, 1);
    resource_drop(resource);
}

Test(store_jobs, look_a_path_up_once_for_many_waiters)
{
    enum { WAITERS = 50 };
    struct lookup_waiter waiters[WAITERS] = {{0}};
    struct resource *resources[WAITERS];
    for (unsigned i = 0; i < WAITERS; i++)
        cr_assert_eq(ask("file", &waiters[i], &resources[i]), STORE_PENDING);
    await(&waiters[0]);
    cr_expect_eq(woken, WAITERS);
    cr_expect_eq(faults_calls(FAULT_OPENAT2), 2, "one look, one reading");
    for (unsigned i = 0; i < WAITERS; i++) {
        resources[i] = take("file", &waiters[i]);
        cr_expect_eq(resources[i], resources[0]);
    }
    expect_content(resources[0], 1000, 1);
    for (unsigned i = 0; i < WAITERS; i++)
        resource_drop(resources[i]);
}

Test(store_jobs, look_up_each_path_by_itself)
{
    struct lookup_waiter waiters[4] = {{0}};
    static const char *const names[] = {"file", "other", "file/", "none"};
    struct resource *resource;
    for (unsigned i = 0; i < COUNT_OF(names); i++)
        cr_assert_eq(ask(names[i], &waiters[i], &resource), STORE_PENDING);
    for (unsigned i = 0; i < COUNT_OF(names); i++) {
        await(&waiters[i]);
        resource = take(names[i], &waiters[i]);
        cr_expect_eq(resource->kind, i < 2 ? RESOURCE_FILE : RESOURCE_REFUSAL);
        resource_drop(resource);
    }
}

Test(store_jobs, do_not_wake_a_waiter_that_cancelled)
{
    struct lookup_waiter waiters[3] = {{0}};
    struct resource *resource;
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(ask("file", &waiters[i], &resource), STORE_PENDING);
    store_cancel(&waiters[1]);
    store_cancel(&waiters[1]);
    cr_expect_null(waiters[1].lookup);
    await(&waiters[0]);
    cr_expect_eq(woken, 2);
    cr_expect_null(waiters[1].ready);
    store_cancel(&waiters[2]); /* ready, but not taken */
    cr_expect_null(waiters[2].ready);
    resource = take("file", &waiters[0]);
    cr_expect_eq(resource->references, 2, "the cache's and ours");
    resource_drop(resource);
}

Test(store_jobs, keep_the_result_although_all_waiters_cancelled)
{
    struct lookup_waiter waiter = {0};
    struct resource *resource;
    cr_assert_eq(ask("file", &waiter, &resource), STORE_PENDING);
    store_cancel(&waiter);
    struct pollfd event = {.fd = store_fd(files), .events = POLLIN};
    cr_assert_eq(poll(&event, 1, PATIENCE_MS), 1);
    await(&waiter);
    store_collect(files, &now, NULL, NULL); /* no waiter is woken */
    cr_assert_eq(ask("file", &waiter, &resource), STORE_READY);
    resource_drop(resource);
}

Test(store_jobs, leave_the_look_up_to_the_worker_when_the_queue_is_full)
{
    enum { MANY = 2000 };
    static struct lookup_waiter waiters[MANY];
    struct resource *resource;
    unsigned pending = 0;
    hold_jobs();
    for (unsigned i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%u", i);
        if (ask(name, &waiters[i], &resource) == STORE_PENDING)
            pending++;
        else
            resource_drop(resource);
    }
    cr_expect_gt(pending, 0);
    cr_expect_lt(pending, MANY);
    release_jobs();
    for (unsigned i = 0; i < MANY; i++) {
        await(&waiters[i]);
        store_cancel(&waiters[i]);
    }
    cr_expect_eq(woken, pending);
}

Test(store_jobs, leave_the_look_up_to_the_worker_without_a_thread)
{
    struct lookup_waiter waiter = {0};
    struct resource *resource = NULL;
    faults_fail(FAULT_THREAD, 0, FAULT_ALWAYS, EAGAIN);
    cr_assert_eq(ask("file", &waiter, &resource), STORE_READY);
    expect_content(resource, 1000, 1);
    resource_drop(resource);
}

Test(store_jobs, revalidate_a_known_file_and_keep_its_resource)
{
    faults_shift_clock(SETTLED_AFTER_SECONDS);
    struct resource *first = get("file");
    unsigned reads = faults_calls(FAULT_PREADV2);
    pass_ms(VALID_MS);
    struct resource *second = get("file");
    cr_expect_eq(first, second);
    cr_expect_eq(faults_calls(FAULT_PREADV2), reads);
    resource_drop(first);
    resource_drop(second);
}

/* The entry to revalidate is evicted before the job returns. */
Test(store_jobs, look_an_unchanged_file_up_again_if_its_entry_is_gone)
{
    tree_fill(&tree, "site/large", LARGE, 3);
    tree_fill(&tree, "site/larger", LARGE, 4);
    make_files(1 << 20, 1); /* one descriptor */
    faults_shift_clock(SETTLED_AFTER_SECONDS);
    resource_drop(get("large"));
    pass_ms(VALID_MS);
    struct lookup_waiter waiter = {0};
    struct resource *resource = NULL;
    cr_assert_eq(ask("large", &waiter, &resource), STORE_PENDING);
    faults_fail(FAULT_OPENAT2_CACHED, 0, 0, 0);
    struct lookup_waiter other = {0};
    cr_assert_eq(ask("larger", &other, &resource), STORE_READY);
    resource_drop(resource);
    await(&waiter);
    while (ask("large", &waiter, &resource) == STORE_PENDING)
        await(&waiter);
    expect_content(resource, LARGE, 3);
    resource_drop(resource);
}

Test(store_jobs, leak_nothing_when_the_store_is_destroyed)
{
    enum { MANY = 100 };
    static struct lookup_waiter waiters[MANY];
    unsigned descriptors = tree_open_descriptors();
    for (unsigned round = 0; round < 10; round++) {
        make_files(1 << 20, 10);
        tree_fill(&tree, "site/large", LARGE, 3);
        for (unsigned i = 0; i < MANY; i++) {
            char name[16];
            struct resource *resource = NULL;
            snprintf(name, sizeof name, "n%u", i);
            if (ask(i % 5 == 0 ? "large" : name, &waiters[i], &resource) == STORE_READY)
                resource_drop(resource);
        }
        if (round % 2)
            poll(NULL, 0, 5); /* some are finished by then */
        for (unsigned i = 0; i < MANY; i++)
            store_cancel(&waiters[i]);
    }
    make_files(1 << 20, 10);
    cr_expect_eq(tree_open_descriptors(), descriptors);
}

/* --- Sending from a disk ---------------------------------------------------------------------- */

/* A file that has just been written, *given*, from here on without faults. */
static struct resource *get_large(void)
{
    faults_clear();
    tree_fill(&tree, "site/large", LARGE, 3);
    return get("large");
}

Test(store_jobs, read_uncached_parts_before_they_are_sent)
{
    struct lookup_waiter waiter = {0};
    struct resource *resource = get_large();
    struct blob *file = resource->variants[0].body;
    cr_assert_geq(file->fd, 0);
    cr_expect(store_warm(files, file, 0, 100, &now, &waiter), "it has just been written");
    faults_fail(FAULT_PREADV2_NOWAIT, 0, 1, EAGAIN);
    woken = 0;
    cr_assert_not(store_warm(files, file, 5, LARGE - 5, &now, &waiter));
    cr_expect_not_null(waiter.lookup);
    await(&waiter);
    cr_expect_eq(woken, 1);
    cr_expect(!waiter.lookup && !waiter.ready);
    cr_expect(store_warm(files, file, 5, LARGE - 5, &now, &waiter));
    resource_drop(resource);
}

Test(store_jobs, do_not_sample_cached_files_each_time)
{
    struct lookup_waiter waiter = {0};
    struct resource *resource = get_large();
    struct blob *file = resource->variants[0].body;
    cr_expect(store_warm(files, file, 0, LARGE, &now, &waiter));
    unsigned calls = faults_calls(FAULT_PREADV2_NOWAIT);
    cr_expect_gt(calls, 0);
    cr_expect(store_warm(files, file, 0, LARGE, &now, &waiter));
    cr_expect_eq(faults_calls(FAULT_PREADV2_NOWAIT), calls);
    pass_ms(2000);
    cr_expect(store_warm(files, file, 0, LARGE, &now, &waiter));
    cr_expect_gt(faults_calls(FAULT_PREADV2_NOWAIT), calls);
    resource_drop(resource);
}

/* A connection that was woken after a look-up may have to send first, and to wait for a disk. */
Test(store_jobs, keep_the_result_of_a_look_up_during_a_wait_for_a_disk)
{
    struct lookup_waiter waiter = {0};
    struct resource *resource = NULL;
    tree_fill(&tree, "site/large", LARGE, 3);
    struct resource *large = get("large");
    cr_assert_eq(ask("file", &waiter, &resource), STORE_PENDING);
    await(&waiter);
    cr_assert_not_null(waiter.ready);
    faults_fail(FAULT_PREADV2_NOWAIT, 0, FAULT_ALWAYS, EAGAIN);
    cr_expect_not(store_warm(files, large->variants[0].body, 0, LARGE, &now, &waiter));
    await(&waiter);
    cr_expect_not_null(waiter.ready);
    faults_fail(FAULT_PREADV2_NOWAIT, 0, 0, EAGAIN);
    resource = take("file", &waiter);
    expect_content(resource, 1000, 1);
    resource_drop(resource);
    resource_drop(large);
}

/* With a file system that cannot say, or without a job, the send itself waits for the disk. */
Test(store_jobs, count_files_as_cached_where_the_kernel_cannot_say)
{
    static const int errors[] = {EOPNOTSUPP, EINVAL, EIO};
    struct lookup_waiter waiter = {0};
    struct resource *resource = get_large();
    struct blob *file = resource->variants[0].body;
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        faults_fail(FAULT_PREADV2_NOWAIT, 0, FAULT_ALWAYS, errors[i]);
        cr_expect(store_warm(files, file, 1, 100, &now, &waiter), "%d", errors[i]);
    }
    faults_fail(FAULT_PREADV2_NOWAIT, 0, FAULT_ALWAYS, EAGAIN);
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    cr_expect(store_warm(files, file, 1, 100, &now, &waiter));
    cr_expect_null(waiter.lookup);
    resource_drop(resource);
}

/* --- ROOT ------------------------------------------------------------------------------------- */

static sem_t stat_reached, stat_resumed;

static void hang(void *argument)
{
    (void)argument;
    sem_post(&stat_reached);
    sem_wait(&stat_resumed);
}

/* A file system that hangs must not keep the event loop: what is fresh is served meanwhile, and one
 * job waits, however many requests do. */
Test(store_jobs, wait_for_a_root_that_hangs)
{
    struct lookup_waiter waiters[3] = {{0}}, hit = {0};
    struct resource *resource = NULL;
    faults_clear();
    sem_init(&stat_reached, 0, 0);
    sem_init(&stat_resumed, 0, 0);
    expect_file("file", 1000, 1);
    pass_ms(STILL_VALID_MS);
    faults_fail(FAULT_OPENAT2_ROOT, 0, FAULT_ALWAYS, EAGAIN);
    faults_act(FAULT_STAT, 0, hang, NULL);
    for (unsigned i = 0; i < COUNT_OF(waiters); i++)
        cr_assert_eq(ask("other", &waiters[i], &resource), STORE_PENDING);
    sem_wait(&stat_reached);
    cr_assert_eq(ask("file", &hit, &resource), STORE_READY, "it is fresh");
    resource_drop(resource);
    store_cancel(&waiters[2]);
    cr_expect(lookup_waiter_is_unused(&waiters[2]));
    sem_post(&stat_resumed);
    await(&waiters[0]);
    cr_expect_eq(faults_calls(FAULT_STAT), 1);
    cr_expect_eq(woken, 2);
    for (unsigned i = 0; i < 2; i++) {
        while (ask("other", &waiters[i], &resource) == STORE_PENDING)
            await(&waiters[i]);
        expect_content(resource, 500, 2);
        resource_drop(resource);
    }
    cr_expect_eq(faults_calls(FAULT_STAT), 1);
}

/* The job that waits for ROOT brings the directory that it means now. */
Test(store_jobs, follow_a_root_that_takes_a_wait)
{
    faults_clear();
    tree_dir(&tree, "next");
    tree_fill(&tree, "next/file", 100, 3);
    expect_file("file", 1000, 1);
    faults_fail(FAULT_OPENAT2_ROOT, 0, FAULT_ALWAYS, EAGAIN);
    tree_rename(&tree, "site", "former");
    tree_rename(&tree, "next", "site");
    pass_ms(VALID_MS);
    expect_file("file", 100, 3);
    tree_rename(&tree, "site", "gone");
    pass_ms(VALID_MS);
    expect_file("file", 100, 3);
    tree_rename(&tree, "former", "site");
    pass_ms(VALID_MS);
    expect_file("file", 1000, 1);
}

/* Without a thread, the worker itself waits. */
Test(store_jobs, follow_a_root_without_threads)
{
    faults_clear();
    tree_dir(&tree, "next");
    tree_fill(&tree, "next/file", 100, 3);
    faults_fail(FAULT_THREAD, 0, FAULT_ALWAYS, EAGAIN);
    expect_file("file", 1000, 1);
    tree_rename(&tree, "site", "former");
    tree_rename(&tree, "next", "site");
    pass_ms(VALID_MS);
    expect_file("file", 100, 3);
}
