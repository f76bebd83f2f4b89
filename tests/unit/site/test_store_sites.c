/* store: several sites in one store share its cache and its jobs, and nothing else. */
#include "support/store_rig.h"

#include <string.h>

enum { SITES = RIG_SITES };

/* FILES with all sites, a store of SHARED. SHARES may be NULL: it is the only one. */
static void make_sites(struct store_shared *shared, struct site_share *const *shares)
{
    static struct site_settings hosts[SITES];
    static const struct site_settings *sites[SITES];
    for (unsigned i = 0; i < SITES; i++) {
        hosts[i] = site_at(i);
        sites[i] = &hosts[i];
    }
    make_files_of(&(struct store_sites_config){.settings = sites, .count = SITES, .shares = shares},
                  shared);
}

static void set_up(void)
{
    store_rig_init();
    make_site_roots();
    make_sites(NULL, NULL);
}

TestSuite(store_sites, .init = set_up, .fini = store_rig_fini, .timeout = 120);

/* The resource of SITE at NAME; waits for it if necessary. Drop it. */
static struct found find(unsigned site, const char *name)
{
    struct path path = path_named(name);
    struct store_query query = {store_site(files, site), &path, STORE_PAGE_ERROR, &now, STR_ABSENT};
    struct lookup_waiter waiter = {0};
    struct found found;
    while (store_lookup(files, &query, &waiter, &found) == STORE_PENDING)
        await(&waiter);
    return found;
}

static struct resource *find_resource(unsigned site, const char *name)
{
    struct found found = find(site, name);
    resource_drop(found.page);
    return found.resource;
}

/* Expects the content of SEED at NAME of SITE. */
static void expect_at(unsigned site, const char *name, uint64_t seed)
{
    struct resource *resource = find_resource(site, name);
    expect_content(resource, RIG_FILE_BYTES, seed);
    resource_drop(resource);
}

Test(store_sites, keeps_equal_paths_of_two_sites_apart)
{
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < SITES; i++)
            expect_at(i, "file", i);
    }
    cr_expect_eq(store_usage(files).entries, SITES);
    cr_expect_eq(counters_cache_hits(&counters), SITES);
}

Test(store_sites, keeps_equal_paths_apart_while_jobs_look_them_up)
{
    struct lookup_waiter waiters[SITES] = {{0}};
    struct path path = path_named("file");
    struct found found;
    faults_fail(FAULT_OPENAT2_CACHED, 0, FAULT_ALWAYS, EAGAIN);
    for (unsigned i = 0; i < SITES; i++) {
        struct store_query query = {store_site(files, i), &path, STORE_PAGE_ERROR, &now,
                                    STR_ABSENT};
        cr_assert_eq(store_lookup(files, &query, &waiters[i], &found), STORE_PENDING);
    }
    for (unsigned i = 0; i < SITES; i++) {
        struct store_query query = {store_site(files, i), &path, STORE_PAGE_ERROR, &now,
                                    STR_ABSENT};
        do
            await(&waiters[i]);
        while (store_lookup(files, &query, &waiters[i], &found) == STORE_PENDING);
        expect_content(found.resource, 100, i);
        found_drop(&found);
    }
}

Test(store_sites, finds_the_page_of_its_own_site)
{
    tree_fill(&tree, "h1/404.html", 100, 7);
    struct found found = find(1, "none");
    cr_assert_not_null(found.page);
    expect_content(found.page, 100, 7);
    found_drop(&found);
    found = find(0, "none");
    cr_expect(!found.page || found.page->kind == RESOURCE_REFUSAL);
    found_drop(&found);
}

static bool has_line(const struct resource *resource, const char *line)
{
    struct str lines = field_block_lines(&resource->variants[0].fields);
    return memmem(lines.at, lines.length, line, strlen(line)) != NULL;
}

Test(store_sites, keeps_the_entries_of_others_when_the_rules_of_one_change)
{
    pass_ms(VALID_MS);
    struct resource *before = find_resource(0, "file");
    expect_at(2, "file", 2);
    expect_at(1, "file", 1);
    tree_write(&tree, "h1/_headers", STR("/*\n X-A: 1\n"));
    store_site(files, 1)->rules_fresh_until_ms = 0;
    resource_drop(find_resource(1, "none"));
    uint64_t hits = counters_cache_hits(&counters);
    struct resource *after = find_resource(0, "file");
    cr_expect_eq(after, before);
    expect_at(2, "file", 2);
    cr_expect_eq(counters_cache_hits(&counters), hits + 2);
    resource_drop(before);
    resource_drop(after);
    after = find_resource(1, "file");
    cr_expect(has_line(after, "X-A: 1\r\n"));
    cr_expect_eq(counters_cache_hits(&counters), hits + 2);
    resource_drop(after);
    after = find_resource(0, "file");
    cr_expect_not(has_line(after, "X-A: 1\r\n"));
    resource_drop(after);
}

Test(store_sites, follows_the_root_of_one_site_alone)
{
    tree_dir(&tree, "next");
    tree_fill(&tree, "next/file", 100, 9);
    expect_at(0, "file", 0);
    expect_at(1, "file", 1);
    tree_rename(&tree, "h1", "old");
    tree_rename(&tree, "next", "h1");
    pass_ms(VALID_MS);
    expect_at(0, "file", 0);
    expect_at(1, "file", 9);
}

Test(store_sites, needs_one_descriptor_for_a_root_in_all_stores_of_a_process)
{
    struct store_shared *shared =
        store_shared_create(&(struct store_shared_config){.store_count = 2, .paths_max = 100});
    struct site_share *shares[SITES];
    for (unsigned i = 0; i < SITES; i++)
        shares[i] = site_share_create();
    make_sites(shared, shares);
    unsigned descriptors = tree_open_descriptors();
    struct store *first = files;
    files = NULL;
    make_sites(shared, shares);
    cr_expect_eq(tree_open_descriptors(), descriptors + 1, "the eventfd of its jobs");
    expect_at(1, "file", 1);
    tree_dir(&tree, "next");
    tree_fill(&tree, "next/file", 100, 9);
    tree_rename(&tree, "h1", "old");
    tree_rename(&tree, "next", "h1");
    pass_ms(VALID_MS);
    expect_at(1, "file", 9);
    cr_expect_eq(tree_open_descriptors(), descriptors + 2,
                 "the other store has the old root still");
    struct store *second = files;
    files = first;
    expect_at(1, "file", 9);
    cr_expect_eq(tree_open_descriptors(), descriptors + 1);
    store_destroy(first);
    files = second;
    expect_at(1, "file", 9);
    store_destroy(files);
    files = NULL;
    for (unsigned i = 0; i < SITES; i++)
        site_share_unref(shares[i]);
    store_shared_destroy(shared);
}

Test(store_sites, checks_everything_again_when_it_is_revalidated)
{
    faults_shift_clock(SETTLED_AFTER_SECONDS);
    pass_ms(VALID_MS);
    struct resource *before = find_resource(0, "file");
    expect_at(1, "file", 1);
    tree_dir(&tree, "next");
    tree_fill(&tree, "next/file", 100, 9);
    tree_write(&tree, "h0/_headers", STR("/*\n X-A: 1\n"));
    tree_rename(&tree, "h1", "old");
    tree_rename(&tree, "next", "h1");
    store_revalidate(files);
    struct resource *after = find_resource(0, "file");
    cr_expect(has_line(after, "X-A: 1\r\n"));
    expect_at(1, "file", 9);
    resource_drop(before);
    store_revalidate(files);
    struct resource *unchanged = find_resource(0, "file");
    cr_expect_eq(unchanged, after, "unchanged entries stay");
    resource_drop(after);
    resource_drop(unchanged);
}

/* A job that started before may have seen the old file: its result is not kept. */
Test(store_sites, keeps_nothing_of_jobs_that_ran_before_it_was_revalidated)
{
    struct lookup_waiter waiter = {0}, other = {0};
    struct path path = path_named("file");
    struct store_query query = {store_site(files, 0), &path, STORE_PAGE_ERROR, &now, STR_ABSENT};
    struct found found;
    faults_fail(FAULT_OPENAT2_CACHED, 0, FAULT_ALWAYS, EAGAIN);
    pass_ms(VALID_MS / 2);
    cr_assert_eq(store_lookup(files, &query, &waiter, &found), STORE_PENDING);
    store_revalidate(files);
    cr_assert_eq(store_lookup(files, &query, &other, &found), STORE_PENDING);
    await(&waiter);
    while (store_lookup(files, &query, &waiter, &found) == STORE_PENDING)
        await(&waiter);
    found_drop(&found);
    await(&other);
    while (store_lookup(files, &query, &other, &found) == STORE_PENDING)
        await(&other);
    expect_content(found.resource, 100, 0);
    found_drop(&found);
}

/* They are found unchanged when they are checked, so they would keep the former fields. */
Test(store_sites, applies_changed_rules_to_files_that_have_not_changed)
{
    faults_shift_clock(SETTLED_AFTER_SECONDS);
    resource_drop(find_resource(1, "file"));
    tree_write(&tree, "h1/_headers", STR("/*\n X-A: 1\n"));
    store_site(files, 1)->rules_fresh_until_ms = 0;
    resource_drop(find_resource(1, "none"));
    struct resource *after = find_resource(1, "file");
    cr_expect(has_line(after, "X-A: 1\r\n"));
    resource_drop(after);
}
