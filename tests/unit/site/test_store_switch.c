/* store: a reload replaces the sites of a store, and those with the same settings stay. */
#include "support/store_rig.h"

enum { SITES = RIG_SITES };

static struct site_settings hosts[2 * SITES]; /* those from SITES on equal those before */
static struct site_share *shares[SITES];
static unsigned released; /* generations */

static void release(void *context)
{
    (void)context;
    released++;
}

/* What a generation has. */
struct sites {
    const struct site_settings *settings[SITES];
    struct site_share *shares[SITES];
    uint32_t former[SITES];
    uint32_t count;
};

static struct store_sites_config config_of(const struct sites *sites)
{
    return (struct store_sites_config){
        .settings = sites->settings,
        .shares = sites->shares,
        .former = sites->former,
        .count = sites->count,
        .release = release,
    };
}

static struct sites all = {.count = SITES};

static void set_up(void)
{
    store_rig_init();
    make_site_roots();
    for (unsigned i = 0; i < SITES; i++) {
        shares[i] = all.shares[i] = site_share_create();
        hosts[i] = hosts[SITES + i] = site_at(i);
        all.settings[i] = &hosts[i];
        all.former[i] = STORE_SITES_NEW;
    }
    const struct store_sites_config sites = config_of(&all);
    make_files_of(&sites, NULL);
}

static void tear_down(void)
{
    for (unsigned i = 0; i < SITES; i++)
        site_share_unref(shares[i]);
    store_rig_fini();
}

TestSuite(store_switch, .init = set_up, .fini = tear_down, .timeout = 120);

static enum store_result ask_site(unsigned site, struct lookup_waiter *waiter, struct found *ret)
{
    struct path path = path_named("file");
    struct store_query query = {store_site(files, site), &path, STORE_PAGE_ERROR, &now, STR_ABSENT};
    return store_lookup(files, &query, waiter, ret);
}

static struct resource *find(unsigned site)
{
    struct lookup_waiter waiter = {0};
    struct found found;
    while (ask_site(site, &waiter, &found) == STORE_PENDING)
        await(&waiter);
    return found.resource;
}

static void expect_at(unsigned site, uint64_t seed)
{
    struct resource *resource = find(site);
    expect_content(resource, RIG_FILE_BYTES, seed);
    resource_drop(resource);
}

/* Switches to sites that move on: that with the new number i has had FORMER[i]. */
static void switch_to(struct sites *sites, const uint32_t *former, uint32_t count)
{
    sites->count = count;
    for (uint32_t i = 0; i < count; i++) {
        sites->former[i] = former[i];
        sites->settings[i] = &hosts[SITES + former[i]];
        sites->shares[i] = shares[former[i]];
    }
    struct store_sites_config config = config_of(sites);
    struct store_sites *next = store_sites_create(&config);
    cr_assert_not_null(next);
    store_switch(files, next);
}

/* Opens the root of SHARE, as the main thread does. */
static struct site_share *opened_share(const char *path)
{
    struct site_share *share = site_share_create();
    struct root *found;
    cr_assert_eq(root_slot_get(&share->root, path, &found), 0);
    root_drop(found);
    return share;
}

Test(store_switch, keeps_the_entries_of_sites_that_move_to_other_numbers)
{
    static struct sites next;
    pass_ms(SETTLED_AFTER_SECONDS * 1000);
    for (unsigned i = 0; i < SITES; i++)
        expect_at(i, i);
    const struct site *first = store_site(files, 0);
    switch_to(&next, (const uint32_t[]){2, 0}, 2);
    cr_expect_eq(store_site(files, 1), first);
    cr_expect_eq(first->settings, &hosts[SITES]);
    cr_expect_eq(first->number, 1);
    cr_expect_eq(store_usage(files).entries, 2, "that of the removed site is gone");
    expect_at(0, 2);
    expect_at(1, 0);
    cr_expect_eq(store_usage(files).entries, 2);
    cr_expect_eq(released, 1);
}

Test(store_switch, gives_a_new_site_its_directory_and_rules)
{
    static struct sites next = {.former = {STORE_SITES_NEW}, .count = 1};
    tree_write(&tree, "h1/_headers", STR("/file\n  X-Rule: new\n"));
    expect_at(0, 0);
    next.settings[0] = &hosts[1];
    next.shares[0] = opened_share(site_roots[1]);
    struct store_sites_config config = config_of(&next);
    store_switch(files, store_sites_create(&config));
    expect_at(0, 1);
    cr_expect_not_null(store_site(files, 0)->rules);
    site_share_unref(next.shares[0]);
    cr_expect_eq(store_usage(files).entries, 1);
}

Test(store_switch, a_response_keeps_the_resource_of_a_removed_site)
{
    static struct sites next;
    struct resource *resource = find(1);
    switch_to(&next, (const uint32_t[]){0}, 1);
    expect_content(resource, 100, 1);
    cr_expect_eq(resource->references, 1, "only this one is left");
    cr_expect_not(lease_is_fresh(resource->lease, now.ms));
    resource_drop(resource);
}

/* The job reads the former settings, so they are released when it has ended. */
Test(store_switch, a_look_up_under_way_keeps_what_it_uses)
{
    static struct sites next;
    struct lookup_waiter waiter = {0};
    struct found found;
    faults_fail(FAULT_OPENAT2_CACHED, 0, FAULT_ALWAYS, EAGAIN);
    cr_assert_eq(ask_site(1, &waiter, &found), STORE_PENDING);
    switch_to(&next, (const uint32_t[]){0, 1, 2}, 3);
    cr_expect_eq(released, 0);
    do
        await(&waiter);
    while (ask_site(1, &waiter, &found) == STORE_PENDING);
    expect_content(found.resource, 100, 1);
    found_drop(&found);
    cr_expect_eq(released, 1);
    expect_at(0, 0);
}

Test(store_switch, a_waiter_of_a_removed_site_looks_again)
{
    static struct sites next;
    struct lookup_waiter waiter = {0};
    struct found found;
    faults_fail(FAULT_OPENAT2_CACHED, 0, FAULT_ALWAYS, EAGAIN);
    cr_assert_eq(ask_site(1, &waiter, &found), STORE_PENDING);
    switch_to(&next, (const uint32_t[]){2}, 1);
    await(&waiter);
    cr_expect_null(waiter.ready);
    while (ask_site(0, &waiter, &found) == STORE_PENDING)
        await(&waiter);
    expect_content(found.resource, 100, 2);
    found_drop(&found);
    cr_expect_eq(released, 1);
}

Test(store_switch, a_result_of_a_removed_site_is_not_used_for_another)
{
    static struct sites next;
    struct lookup_waiter waiter = {0};
    struct found found;
    for (unsigned i = 0; i < SITES; i++)
        expect_at(i, i);
    pass_ms(VALID_MS);
    faults_fail(FAULT_OPENAT2_CACHED, 0, FAULT_ALWAYS, EAGAIN);
    cr_assert_eq(ask_site(1, &waiter, &found), STORE_PENDING);
    do
        await(&waiter);
    while (!waiter.ready && ask_site(1, &waiter, &found) == STORE_PENDING);
    cr_assert_not_null(waiter.ready);
    switch_to(&next, (const uint32_t[]){2}, 1);
    while (ask_site(0, &waiter, &found) == STORE_PENDING)
        await(&waiter);
    expect_content(found.resource, 100, 2);
    found_drop(&found);
}

Test(store_switch, entries_that_were_made_with_older_types_go)
{
    static struct sites next;
    struct mime *newer = mime_create();
    expect_at(0, 0);
    expect_at(1, 1);
    hosts[0].mime = newer; /* read again; this worker has not noticed yet */
    hosts[SITES].mime = newer;
    switch_to(&next, (const uint32_t[]){0, 1}, 2);
    cr_expect_eq(store_usage(files).entries, 1);
    cr_expect_eq(store_site(files, 0)->mime, newer);
    store_destroy(files);
    files = NULL;
    mime_destroy(newer);
}

Test(store_switch, switches_a_thousand_times)
{
    static struct sites next[2];
    for (unsigned i = 0; i < 1000; i++) {
        const uint32_t forward[] = {1, 2, 0};
        expect_at(0, i % SITES);
        struct sites *sites = &next[i % 2];
        sites->count = SITES;
        for (uint32_t k = 0; k < SITES; k++) {
            sites->former[k] = forward[k];
            sites->settings[k] = &hosts[(k + i + 1) % SITES + SITES * (i % 2)];
            sites->shares[k] = shares[(k + i + 1) % SITES];
        }
        struct store_sites_config config = config_of(sites);
        store_switch(files, store_sites_create(&config));
        cr_expect_eq(released, i + 1);
    }
    cr_expect_eq(store_usage(files).entries, SITES);
}

Test(store_switch, what_is_not_used_after_all_is_dropped)
{
    static struct sites next = {.former = {STORE_SITES_NEW, 1}, .count = 2};
    for (unsigned i = 0; i < 2; i++) {
        next.settings[i] = &hosts[i];
        next.shares[i] = shares[i];
    }
    struct store_sites_config config = config_of(&next);
    store_sites_abandon(store_sites_create(&config));
    store_sites_abandon(NULL);
    cr_expect_eq(released, 1);
    cr_expect_eq(atomic_load(&shares[0]->references), 2, "this test's and the store's");
}

/* A site with other settings is another site, which goes on counting. */
Test(store_switch, what_a_site_has_counted_outlives_its_settings)
{
    static struct sites next;
    site_count_add(site_counts_class(store_site(files, 1)->counts, 200), 5);
    struct site_share *share = site_share_create_after(shares[1]);
    cr_assert_not_null(share);
    next = all;
    next.shares[1] = share;
    struct store_sites_config config = config_of(&next);
    struct store_sites *sites = store_sites_create(&config);
    cr_assert_not_null(sites);
    store_switch(files, sites);
    site_count_add(site_counts_class(store_site(files, 1)->counts, 200), 5);
    cr_expect_eq(site_counts_sum(share->counts).requests[0], 2);
    cr_expect_eq(site_counts_sum(share->counts).body_bytes, 10);
    cr_expect_eq(site_counts_sum(shares[0]->counts).requests[0], 0);
    site_share_unref(share);
}
