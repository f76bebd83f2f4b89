/* store: look-ups that would block are done by jobs, and their waiters are woken. */
#include "support/store_rig.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/stat.h>

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

static pthread_t main_thread;
static atomic_bool gate_open;

/* Blocks the look-ups of jobs until the gate is open. */
static void hold(void *argument)
{
    if (atomic_load(&gate_open))
        return;
    faults_act(FAULT_OPENAT2, 0, hold, argument);
    while (!pthread_equal(pthread_self(), main_thread) && !atomic_load(&gate_open))
        poll(NULL, 0, 1);
}

Test(store_jobs, leave_the_look_up_to_the_worker_when_the_queue_is_full)
{
    enum { MANY = 2000 };
    static struct lookup_waiter waiters[MANY];
    struct resource *resource;
    unsigned pending = 0;
    main_thread = pthread_self();
    faults_act(FAULT_OPENAT2, 0, hold, NULL);
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
    atomic_store(&gate_open, true);
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

/* --- The page for errors, the site's rules ---------------------------------------------------- */

static enum store_result find(const char *name, struct lookup_waiter *waiter, struct found *ret)
{
    struct path path = path_named(name);
    struct store_query query = {store_site(files, 0), &path, STORE_PAGE_ERROR, &now, STR_ABSENT};
    return store_lookup(files, &query, waiter, ret);
}

static void make_site(uint64_t bytes_max)
{
    settings = (struct site_settings){
        .root = root,
        .error_page = STR("404.html"),
        .rules_name = STR("_headers"),
        .cache_valid_ms = bytes_max > 0 ? VALID_MS : 0,
        .mime = mime,
    };
    const struct site_settings *const sites[] = {&settings};
    struct store_config config = {
        .sites = {.settings = sites, .count = COUNT_OF(sites)},
        .cache = {.bytes_max = bytes_max, .entries_max = 100, .files_max = 10},
        .counters = &counters,
    };
    store_destroy(files);
    cr_assert_eq(store_create(&files, &config), 0);
}

/* Nothing is cached by the kernel or the store: a client waits a bounded number of times. */
Test(store_jobs, find_the_error_page_of_a_missing_file)
{
    tree_fill(&tree, "site/404.html", 70, 3);
    for (unsigned cached = 0; cached < 2; cached++) {
        struct lookup_waiter waiter = {0};
        struct found found;
        unsigned waits = 0;
        make_site(cached ? 1 << 20 : 0);
        while (find("none", &waiter, &found) == STORE_PENDING) {
            cr_assert_lt(waits++, 4);
            await(&waiter);
        }
        cr_expect_eq(waits, 3, "for the rules, for the path, for the page");
        cr_assert(found.resource && found.page);
        cr_expect_eq(found.resource->status, HTTP_NOT_FOUND);
        expect_content(found.page, 70, 3);
        found_drop(&found);
        cr_expect(!waiter.lookup && !waiter.ready && !waiter.missing);
    }
}

Test(store_jobs, find_the_nearest_error_page)
{
    static const struct {
        const char *path;
        size_t bytes; /* of the page; 0: none */
    } rows[] = {{"none", 70}, {"d/none", 80}, {"d/e/f/none", 80}, {"e/none", 70}, {"d.html", 70}};
    tree_fill(&tree, "site/404.html", 70, 3);
    tree_dir(&tree, "site/d");
    tree_fill(&tree, "site/d/404.html", 80, 3);
    make_site(1 << 20);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct lookup_waiter waiter = {0};
        struct found found;
        while (find(rows[i].path, &waiter, &found) == STORE_PENDING)
            await(&waiter);
        cr_assert(found.resource && found.page, "%s", rows[i].path);
        expect_content(found.page, rows[i].bytes, 3);
        found_drop(&found);
    }
}

/* A site without such a page: no look-up of one, once a path is known to be missing. */
Test(store_jobs, look_up_no_error_page_that_does_not_exist)
{
    struct lookup_waiter waiter = {0};
    struct found found;
    make_site(1 << 20);
    while (find("d/none", &waiter, &found) == STORE_PENDING)
        await(&waiter);
    cr_expect_null(found.page);
    found_drop(&found);
    uint64_t misses = counters_read(&counters, COUNTER_CACHE_MISSES);
    cr_expect_eq(find("d/none", &waiter, &found), STORE_READY);
    cr_expect_null(found.page);
    found_drop(&found);
    cr_expect_eq(counters_read(&counters, COUNTER_CACHE_MISSES), misses);
}

Test(store_jobs, leak_nothing_when_cancelled_between_path_and_page)
{
    struct lookup_waiter waiter = {0};
    struct found found;
    tree_fill(&tree, "site/404.html", 70, 3);
    make_site(1 << 20);
    while (!waiter.missing) {
        cr_assert_eq(find("none", &waiter, &found), STORE_PENDING);
        if (!waiter.missing)
            await(&waiter);
    }
    store_cancel(&waiter);
    cr_expect(!waiter.lookup && !waiter.ready && !waiter.missing);
}

Test(store_jobs, make_resources_anew_for_new_rules)
{
    struct lookup_waiter waiter = {0};
    struct found found;
    make_site(1 << 20);
    for (unsigned round = 0; round < 3; round++) {
        static const char *const rules[] = {"", "/*\n X-A: 1\n", "/*\n X-A: 2\n"};
        static const char *const expected[] = {"\r\n", "\r\nX-A: 1\r\n", "\r\nX-A: 2\r\n"};
        tree_write(&tree, "site/_headers", str_of(rules[round]));
        pass_ms(VALID_MS);
        while (find("file", &waiter, &found) == STORE_PENDING)
            await(&waiter);
        struct str lines = field_block_lines(&found.resource->variants[0].fields);
        cr_expect_not_null(memmem(lines.at, lines.length, expected[round], strlen(expected[round])),
                           "%u", round);
        found_drop(&found);
        while (find("_headers", &waiter, &found) == STORE_PENDING)
            await(&waiter);
        cr_expect_eq(found.resource->status, HTTP_NOT_FOUND);
        found_drop(&found);
    }
}

/* Whether FOUND's file has LINE among its fields. */
static bool has_line(const struct found *found, const char *line)
{
    struct str lines = field_block_lines(&found->resource->variants[0].fields);
    return memmem(lines.at, lines.length, line, strlen(line)) != NULL;
}

/* An error in reading the rules must not count as their absence: a policy would be lost. */
Test(store_jobs, keep_the_rules_while_descriptors_are_out)
{
    struct lookup_waiter waiter = {0};
    struct found found;
    tree_write(&tree, "site/_headers", STR("/*\n X-A: 1\n"));
    make_site(1 << 20);
    pass_ms(VALID_MS);
    faults_fail(FAULT_OPENAT2, 0, 1, EMFILE);
    while (find("file", &waiter, &found) == STORE_PENDING)
        await(&waiter);
    cr_assert_eq(found.resource->kind, RESOURCE_FILE);
    cr_expect(has_line(&found, "X-A: 1\r\n"));
    found_drop(&found);
}

/* Looks NAME up, which does not exist. */
static void find_nothing(const char *name)
{
    struct lookup_waiter waiter = {0};
    struct found found;
    while (find(name, &waiter, &found) == STORE_PENDING)
        await(&waiter);
    cr_expect_eq(found.resource->status, HTTP_NOT_FOUND);
    found_drop(&found);
}

/* ROOT is a link to the directory "one", and "two" is next to it, each with a file. The rules of
 * "one", which has no rules file, are known. */
static void make_two_roots(void)
{
    tree_dir(&tree, "one");
    tree_dir(&tree, "two");
    tree_fill(&tree, "one/file", 100, 1);
    tree_fill(&tree, "two/file", 100, 2);
    tree_write(&tree, "two/_headers", STR("/*\n X-A: 1\n"));
    tree_link(&tree, "current", "one");
    tree_link(&tree, "next", "two");
    snprintf(root, sizeof root, "%s/current", tree.path);
    make_site(1 << 20);
    find_nothing("none");
}

/* Has "file" looked up below the directory that ROOT is now. */
static void begin_to_find(struct lookup_waiter *waiter)
{
    struct found found;
    cr_assert_eq(find("file", waiter, &found), STORE_PENDING);
    if (!store_site(files, 0)->root_lookup)
        return;
    await(waiter); /* a busy kernel may say at times that ROOT can't be checked without a wait */
    cr_assert_eq(find("file", waiter, &found), STORE_PENDING);
}

/* Waits for "file", of which the content must have SEED. */
static void expect_version(struct lookup_waiter *waiter, uint64_t seed)
{
    struct found found;
    do
        await(waiter);
    while (find("file", waiter, &found) == STORE_PENDING);
    expect_content(found.resource, 100, seed);
    found_drop(&found);
}

/* The switch is known already when the look-up returns: its result is good for its waiters only. */
Test(store_jobs, do_not_keep_results_of_a_former_root)
{
    struct lookup_waiter waiter = {0}, other = {0};
    struct found found;
    make_two_roots();
    main_thread = pthread_self();
    faults_act(FAULT_OPENAT2, 0, hold, NULL);
    begin_to_find(&waiter);
    tree_rename(&tree, "next", "current");
    pass_ms(VALID_MS / 4); /* ROOT is checked from time to time */
    cr_assert_eq(find("other", &other, &found), STORE_PENDING);
    await(&other);
    store_cancel(&other);
    cr_assert_not_null(waiter.lookup, "it is still being looked up");
    atomic_store(&gate_open, true);
    expect_version(&waiter, 1);
    expect_version(&waiter, 2);
}

/* Of a file that is looked up when ROOT is switched the former version may be found. */
Test(store_jobs, serve_a_former_root_for_the_time_of_a_lease_at_most)
{
    struct lookup_waiter waiter = {0};
    make_two_roots();
    begin_to_find(&waiter);
    tree_rename(&tree, "next", "current");
    expect_version(&waiter, 1);
    pass_ms(VALID_MS);
    expect_version(&waiter, 2);
}

Test(store_jobs, apply_the_rules_of_another_root_at_once)
{
    struct lookup_waiter waiter = {0};
    struct found found;
    make_two_roots();
    tree_rename(&tree, "next", "current");
    pass_ms(VALID_MS / 2); /* the known ones are still valid */
    while (find("file", &waiter, &found) == STORE_PENDING)
        await(&waiter);
    cr_expect(has_line(&found, "X-A: 1\r\n"));
    found_drop(&found);
}

/* --- Sending from a disk ---------------------------------------------------------------------- */

Test(store_jobs, read_uncached_parts_before_they_are_sent)
{
    struct lookup_waiter waiter = {0};
    faults_clear();
    tree_fill(&tree, "site/large", LARGE, 3);
    struct resource *resource = get("large");
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
    faults_clear();
    tree_fill(&tree, "site/large", LARGE, 3);
    struct resource *resource = get("large");
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
    faults_clear();
    tree_fill(&tree, "site/large", LARGE, 3);
    struct resource *resource = get("large");
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
