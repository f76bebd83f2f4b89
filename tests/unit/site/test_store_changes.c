/* store: once a store of the process has answered with a newer state of a path, no other answers
 * with an older one, however long its lease. */
#include "support/store_rig.h"

enum { STORES = 2, LONG_MS = 3600 * 1000 };

static struct store_shared *shared;
static struct site_share *share; /* of the site */
static struct store *stores[STORES];

/* STORES over the root, which share what they have seen. */
static void make_stores(void)
{
    settings = (struct site_settings){
        .root = root,
        .rules_name = STR("_headers"),
        .error_page = STR("404.html"),
        .cache_control = STR(""),
        .cache_valid_ms = LONG_MS,
        .codings = CONTENT_CODING_ALL_CODED,
        .listing = true,
        .mime = mime,
    };
    const struct site_settings *const sites[] = {&settings};
    shared =
        store_shared_create(&(struct store_shared_config){.store_count = STORES, .paths_max = 100});
    share = site_share_create();
    for (unsigned i = 0; i < STORES; i++) {
        struct store_config config = {
            .sites = {.settings = sites, .count = 1, .shares = &share},
            .shared = shared,
            .cache = {.bytes_max = 1 << 20, .entries_max = 100, .files_max = 10},
            .counters = &counters,
        };
        cr_assert_eq(store_create(&stores[i], &config), 0);
    }
}

static void set_up(void)
{
    store_rig_init();
    make_stores();
}

static void destroy_stores(void)
{
    for (unsigned i = 0; i < STORES; i++)
        store_destroy(stores[i]);
    site_share_unref(share);
    store_shared_destroy(shared);
}

static void tear_down(void)
{
    destroy_stores();
    store_rig_fini();
}

TestSuite(store_changes, .init = set_up, .fini = tear_down, .timeout = 120);

static void ignore(void *context, struct lookup_waiter *waiter)
{
    (void)context, (void)waiter;
}

static void collect(struct store *store)
{
    struct pollfd event = {.fd = store_fd(store), .events = POLLIN};
    cr_assert_eq(poll(&event, 1, PATIENCE_MS), 1, "the job doesn't come back");
    store_collect(store, &now, ignore, NULL);
}

/* The resource of STORE at NAME. Drop it. */
static struct found find(struct store *store, const char *name)
{
    struct path path = path_named(name);
    struct store_query query = {store_site(store, 0), &path, STORE_PAGE_ERROR, &now, STR_ABSENT};
    struct lookup_waiter waiter = {0};
    struct found found;
    while (store_lookup(store, &query, &waiter, &found) == STORE_PENDING) {
        while (waiter.lookup)
            collect(store);
    }
    return found;
}

static void look_up(struct store *store, const char *name)
{
    struct found found = find(store, name);
    found_drop(&found);
}

/* Expects at NAME, of both stores from FIRST on, a file of LENGTH from SEED; length 0: nothing. */
static void expect_both(unsigned first, const char *name, size_t length, uint64_t seed)
{
    for (unsigned i = 0; i < STORES; i++) {
        struct found found = find(stores[(first + i) % STORES], name);
        if (length > 0)
            expect_content(found.resource, length, seed);
        else
            cr_expect_eq(found.resource->status, HTTP_NOT_FOUND, "%s", name);
        found_drop(&found);
    }
}

/* Makes STORE look NAME up again, as if its lease had ended by time. */
static void expire(struct store *store, const char *name)
{
    struct found found = find(store, name);
    found.resource->lease->fresh_until_ms = 0;
    found_drop(&found);
}

Test(store_changes, shows_a_changed_file_by_all_as_soon_as_by_one)
{
    static const size_t lengths[] = {1000, LARGE};
    for (size_t row = 0; row < COUNT_OF(lengths); row++) {
        for (unsigned seen_by = 0; seen_by < STORES; seen_by++) {
            tree_fill(&tree, "site/file", lengths[row], 1);
            expire(stores[0], "file");
            expire(stores[1], "file");
            expect_both(0, "file", lengths[row], 1);
            tree_fill(&tree, "site/new", lengths[row], 2);
            tree_rename(&tree, "site/new", "site/file");
            expect_both(0, "file", lengths[row], 1);
            expire(stores[seen_by], "file");
            expect_both(seen_by, "file", lengths[row], 2);
        }
    }
}

Test(store_changes, shows_it_when_the_one_that_sees_it_had_nothing)
{
    tree_fill(&tree, "site/file", 1000, 1);
    look_up(stores[1], "file");
    tree_fill(&tree, "site/new", 1000, 2);
    tree_rename(&tree, "site/new", "site/file");
    expect_both(0, "file", 1000, 2);
}

Test(store_changes, shows_files_that_come_and_go)
{
    expect_both(0, "file", 0, 0);
    for (unsigned round = 0; round < 4; round++) {
        unsigned seen_by = round % STORES;
        tree_fill(&tree, "site/file", 1000, round);
        expect_both(0, "file", 0, 0);
        expire(stores[seen_by], "file");
        expect_both(seen_by, "file", 1000, round);
        tree_unlink(&tree, "site/file");
        expire(stores[!seen_by], "file");
        expect_both(!seen_by, "file", 0, 0);
    }
}

/* One has kept the 404 since before the file came; the other has seen the file, and then it
 * goes. */
Test(store_changes, shows_what_has_returned_to_a_state_known_before)
{
    expect_both(0, "file", 0, 0);
    tree_fill(&tree, "site/file", 1000, 1);
    expire(stores[0], "file");
    struct found found = find(stores[0], "file");
    expect_content(found.resource, 1000, 1);
    tree_unlink(&tree, "site/file");
    found_drop(&found);
    expect_both(1, "file", 0, 0);
}

Test(store_changes, shows_siblings_that_come)
{
    tree_fill(&tree, "site/file.txt", 1000, 1);
    faults_shift_clock(SETTLED_AFTER_SECONDS);
    now.seconds = time(NULL) + SETTLED_AFTER_SECONDS;
    for (unsigned i = 0; i < STORES; i++)
        look_up(stores[i], "file.txt");
    for (unsigned i = 0; i < STORES; i++) /* the directory's state is known */
        expire(stores[i], "file.txt");
    expect_both(0, "file.txt", 1000, 1);
    tree_fill(&tree, "site/file.txt.br", 500, 2);
    now.seconds = time(NULL) + 2 * SETTLED_AFTER_SECONDS;
    pass_ms(LONG_MS / 4); /* of the first store, by which it is seen */
    expire(stores[0], "file.txt");
    for (unsigned i = 0; i < STORES; i++) {
        struct found found = find(stores[i], "file.txt");
        cr_expect_eq(found.resource->variant_count, 2, "store %u", i);
        found_drop(&found);
    }
}

Test(store_changes, shows_listings_that_have_changed)
{
    tree_dir(&tree, "site/d");
    for (unsigned i = 0; i < STORES; i++)
        look_up(stores[i], "d/");
    tree_fill(&tree, "site/d/entry", 10, 1);
    expire(stores[0], "d/");
    for (unsigned i = 0; i < STORES; i++) {
        struct found found = find(stores[i], "d/");
        struct blob *page = found.resource->variants[0].body;
        cr_expect_not_null(memmem(page->bytes, page->length, "entry", 5), "store %u", i);
        found_drop(&found);
    }
}

Test(store_changes, shows_the_page_for_errors_that_has_changed)
{
    tree_fill(&tree, "site/404.html", 100, 1);
    for (unsigned i = 0; i < STORES; i++)
        look_up(stores[i], "none");
    tree_fill(&tree, "site/404.html", 200, 2);
    expire(stores[0], "404.html");
    for (unsigned i = 0; i < STORES; i++) {
        struct found found = find(stores[i], "none");
        expect_content(found.page, 200, 2);
        found_drop(&found);
    }
}

static bool has_line(struct store *store, const char *line)
{
    struct found found = find(store, "file");
    struct str lines = field_block_lines(&found.resource->variants[0].fields);
    bool has = memmem(lines.at, lines.length, line, strlen(line)) != NULL;
    found_drop(&found);
    return has;
}

Test(store_changes, shows_rules_that_have_changed)
{
    tree_fill(&tree, "site/file", 100, 1);
    expect_both(0, "file", 100, 1);
    tree_write(&tree, "site/_headers", STR("/*\n X-A: 1\n"));
    cr_expect_not(has_line(stores[0], "X-A: 1\r\n"));
    store_revalidate(stores[0]);
    cr_expect(has_line(stores[0], "X-A: 1\r\n"));
    cr_expect(has_line(stores[1], "X-A: 1\r\n"));
    tree_unlink(&tree, "site/_headers");
    store_revalidate(stores[1]);
    cr_expect_not(has_line(stores[1], "X-A: 1\r\n"));
    cr_expect_not(has_line(stores[0], "X-A: 1\r\n"));
}

Test(store_changes, shows_a_root_that_is_switched_and_switched_back)
{
    tree_dir(&tree, "one");
    tree_dir(&tree, "two");
    tree_fill(&tree, "one/file", 100, 1);
    tree_fill(&tree, "two/file", 100, 2);
    tree_link(&tree, "current", "one");
    snprintf(root, sizeof root, "%s/current", tree.path);
    destroy_stores();
    make_stores();
    expect_both(0, "file", 100, 1);
    for (unsigned round = 0; round < 4; round++) {
        unsigned seen_by = round / 2;
        tree_link(&tree, "next", round % 2 ? "one" : "two");
        tree_rename(&tree, "next", "current");
        expect_both(seen_by, "file", 100, round % 2 ? 2 : 1);
        char name[] = {'n', (char)('0' + round), '\0'}; /* is looked up where ROOT is now */
        struct found found = find(stores[seen_by], name);
        found_drop(&found);
        expect_both(!seen_by, "file", 100, round % 2 ? 1 : 2);
    }
}

/* Answers that are given by a lease alone (memos) are over, too, from the turn of the loop on. */
Test(store_changes, ends_leases_that_are_used_without_a_look_up)
{
    tree_fill(&tree, "site/file", 100, 1);
    struct found found = find(stores[1], "file");
    struct lease *lease = resource_lease(found.resource);
    found_drop(&found);
    cr_expect(lease_is_fresh(lease, now.ms));
    tree_fill(&tree, "site/file", 200, 2);
    found = find(stores[0], "file");
    found_drop(&found);
    cr_expect_not(lease_is_fresh(lease, now.ms));
    lease_drop(lease);
    found = find(stores[1], "file");
    lease = resource_lease(found.resource);
    found_drop(&found);
    cr_expect(lease_is_fresh(lease, now.ms));
    tree_write(&tree, "site/_headers", STR("/*\n X-A: 1\n"));
    store_revalidate(stores[0]);
    found = find(stores[0], "file");
    found_drop(&found);
    store_follow_changes(stores[1]);
    cr_expect_not(lease_is_fresh(lease, now.ms));
    lease_drop(lease);
}

/* A look-up that began before another worker's answer may bring something older. */
Test(store_changes, is_not_answered_by_a_job_that_began_before_the_change_was_seen)
{
    struct path path = path_named("file");
    struct store_query query = {store_site(stores[1], 0), &path, STORE_PAGE_ERROR, &now,
                                STR_ABSENT};
    struct lookup_waiter early = {0}, late = {0};
    struct found found;
    tree_fill(&tree, "site/file", 1000, 1);
    faults_fail(FAULT_OPENAT2_CACHED, 0, FAULT_ALWAYS, EAGAIN);
    while (store_lookup(stores[1], &query, &early, &found) == STORE_PENDING && early.rules_seen &&
           early.lookup->kind == LOOKUP_RULES)
        collect(stores[1]);
    cr_assert_not_null(early.lookup);
    struct pollfd event = {.fd = store_fd(stores[1]), .events = POLLIN};
    cr_assert_eq(poll(&event, 1, PATIENCE_MS), 1, "it has seen the old file");
    tree_fill(&tree, "site/new", 1000, 2);
    tree_rename(&tree, "site/new", "site/file");
    found = find(stores[0], "file");
    expect_content(found.resource, 1000, 2);
    found_drop(&found);
    cr_assert_eq(store_lookup(stores[1], &query, &late, &found), STORE_PENDING);
    cr_expect_neq(late.lookup, early.lookup);
    while (late.lookup || early.lookup)
        collect(stores[1]);
    cr_assert_eq(store_lookup(stores[1], &query, &late, &found), STORE_READY);
    expect_content(found.resource, 1000, 2);
    found_drop(&found);
    cr_assert_eq(store_lookup(stores[1], &query, &early, &found), STORE_READY);
    found_drop(&found);
    expect_both(1, "file", 1000, 2);
}

/* Workers that have the same state leave each other's leases alone: no look-up follows from
 * another. */
Test(store_changes, checks_no_file_more_often_when_nothing_changes)
{
    faults_shift_clock(SETTLED_AFTER_SECONDS);
    for (unsigned i = 0; i < 10; i++) {
        char name[32];
        snprintf(name, sizeof name, "site/n%u", i);
        tree_fill(&tree, name, 100, i);
        expect_both(0, name + 5, 100, i);
    }
    uint64_t misses = counters_read(&counters, COUNTER_CACHE_MISSES);
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < 10; i++) {
            char name[32];
            snprintf(name, sizeof name, "n%u", i);
            if (round == 5)
                expire(stores[i % STORES], name);
            expect_both(round, name, 100, i);
        }
    }
    cr_expect_eq(counters_read(&counters, COUNTER_CACHE_MISSES), misses + 10);
}
