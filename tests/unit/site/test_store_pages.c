/* store: the site's page for errors and its rules are looked up by jobs, too, and so is another
 * root that a link leads to. */
#include "support/store_rig.h"

static void set_up(void)
{
    store_rig_init();
    tree_fill(&tree, "site/file", 1000, 1);
    faults_fail(FAULT_OPENAT2_CACHED, 0, FAULT_ALWAYS, EAGAIN); /* nothing is in the page cache */
}

TestSuite(store_pages, .init = set_up, .fini = store_rig_fini, .timeout = 120);

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
Test(store_pages, find_the_error_page_of_a_missing_file)
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

Test(store_pages, find_the_nearest_error_page)
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
Test(store_pages, look_up_no_error_page_that_does_not_exist)
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

Test(store_pages, leak_nothing_when_cancelled_between_path_and_page)
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

Test(store_pages, make_resources_anew_for_new_rules)
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
Test(store_pages, keep_the_rules_while_descriptors_are_out)
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

/* --- Another root ----------------------------------------------------------------------------- */

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
Test(store_pages, do_not_keep_results_of_a_former_root)
{
    struct lookup_waiter waiter = {0}, other = {0};
    struct found found;
    make_two_roots();
    hold_jobs();
    begin_to_find(&waiter);
    tree_rename(&tree, "next", "current");
    pass_ms(VALID_MS / 4); /* ROOT is checked from time to time */
    cr_assert_eq(find("other", &other, &found), STORE_PENDING);
    await(&other);
    store_cancel(&other);
    cr_assert_not_null(waiter.lookup, "it is still being looked up");
    release_jobs();
    expect_version(&waiter, 1);
    expect_version(&waiter, 2);
}

/* Of a file that is looked up when ROOT is switched the former version may be found. */
Test(store_pages, serve_a_former_root_for_the_time_of_a_lease_at_most)
{
    struct lookup_waiter waiter = {0};
    make_two_roots();
    begin_to_find(&waiter);
    tree_rename(&tree, "next", "current");
    expect_version(&waiter, 1);
    pass_ms(VALID_MS);
    expect_version(&waiter, 2);
}

Test(store_pages, apply_the_rules_of_another_root_at_once)
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
