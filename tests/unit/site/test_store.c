/* store: its system calls, the changes it notices, and shortages. */
#include "support/store_rig.h"

#include <sys/resource.h>

TestSuite(store, .init = store_rig_init, .fini = store_rig_fini, .timeout = 120);

/* --- The cache and the clock ------------------------------------------------------------------ */

Test(store, makes_no_system_call_for_a_hit_within_its_lease)
{
    tree_fill(&tree, "site/small", 1000, 1);
    tree_fill(&tree, "site/large", LARGE, 2);
    expect_file("small", 1000, 1);
    expect_file("large", LARGE, 2);
    unsigned calls = opens();
    pass_ms(STILL_VALID_MS);
    faults_fail(FAULT_FSTAT, 0, FAULT_ALWAYS, EIO);
    for (unsigned i = 0; i < 10; i++)
        expect_file("small", 1000, 1);
    faults_fail(FAULT_FSTAT, 0, 0, 0);
    for (unsigned i = 0; i < 10; i++) /* a file sent by descriptor costs an fstat */
        expect_file("large", LARGE, 2);
    cr_expect_eq(opens(), calls);
    cr_expect_eq(counters_cache_hits(&counters), 20);
    cr_expect_eq(counters_read(&counters, COUNTER_CACHE_MISSES), 2);
    pass_ms(VALID_MS - STILL_VALID_MS);
    expect_file("small", 1000, 1);
    cr_expect_eq(opens(), calls + 2, "it is looked at, and read, again");
    expect_file("small", 1000, 1);
    cr_expect_eq(opens(), calls + 2, "and good for another while");
}

/* sendfile would send the file as it is now, so a change must be noticed at once. */
Test(store, notices_a_large_file_changed_in_place_at_once)
{
    tree_fill(&tree, "site/large", LARGE, 1);
    expect_file("large", LARGE, 1);
    tree_fill(&tree, "site/large", LARGE + 1, 2);
    expect_file("large", LARGE + 1, 2);
}

/* Other variants than the one sent do not matter. */
Test(store, checks_only_the_variant_that_is_sent)
{
    codings = CONTENT_CODING_ALL_CODED;
    make_files(1 << 20, 10);
    tree_fill(&tree, "site/large", LARGE, 1);
    tree_fill(&tree, "site/large.br", LARGE, 2);
    struct resource *resource = get("large");
    cr_assert_eq(resource->variant_count, 2);
    now.turn++;
    unsigned calls = faults_calls(FAULT_FSTAT);
    expect_file("large", LARGE, 1);
    cr_expect_eq(faults_calls(FAULT_FSTAT), calls + 1);
    expect_file("large", LARGE, 1);
    cr_expect_eq(faults_calls(FAULT_FSTAT), calls + 1, "and once a turn");
    resource_drop(resource);
}

Test(store, keeps_the_resource_of_an_unchanged_file)
{
    static const size_t lengths[] = {1000, LARGE};
    faults_shift_clock(SETTLED_AFTER_SECONDS);
    for (size_t row = 0; row < COUNT_OF(lengths); row++) {
        tree_fill(&tree, "site/file", lengths[row], row);
        pass_ms(VALID_MS);
        struct resource *first = get("file");
        unsigned reads = faults_calls(FAULT_PREADV2) + faults_calls(FAULT_PREADV2_NOWAIT);
        pass_ms(VALID_MS);
        struct resource *second = get("file");
        cr_expect_eq(first, second);
        cr_expect_eq(faults_calls(FAULT_PREADV2) + faults_calls(FAULT_PREADV2_NOWAIT), reads);
        resource_drop(first);
        resource_drop(second);
    }
}

/* A change right after this one might leave the same times, so equal times are not enough. */
Test(store, reads_a_recently_changed_file_again)
{
    tree_fill(&tree, "site/file", 1000, 1);
    expect_file("file", 1000, 1);
    unsigned reads = faults_calls(FAULT_PREADV2) + faults_calls(FAULT_PREADV2_NOWAIT);
    pass_ms(VALID_MS);
    expect_file("file", 1000, 1);
    cr_expect_gt(faults_calls(FAULT_PREADV2) + faults_calls(FAULT_PREADV2_NOWAIT), reads);
}

Test(store, notices_a_change_when_the_lease_is_over)
{
    tree_fill(&tree, "site/file", 1000, 1);
    struct resource *before = get("file");
    tree_fill(&tree, "site/new", 1000, 2);
    tree_rename(&tree, "site/new", "site/file"); /* replaced */
    pass_ms(VALID_MS);
    expect_file("file", 1000, 2);
    expect_content(before, 1000, 1); /* a published resource stays as it was */
    resource_drop(before);
    tree_fill(&tree, "site/file", 1000, 3); /* rewritten, same size, perhaps the same tick */
    pass_ms(VALID_MS);
    expect_file("file", 1000, 3);
    tree_fill(&tree, "site/file", LARGE, 4);
    pass_ms(VALID_MS);
    expect_file("file", LARGE, 4);
    tree_fill(&tree, "site/file", 0, 5);
    pass_ms(VALID_MS);
    expect_file("file", 0, 5);
    tree_unlink(&tree, "site/file");
    pass_ms(VALID_MS);
    expect_refusal("file", HTTP_NOT_FOUND);
}

Test(store, notices_a_settled_file_rewritten_in_place)
{
    static const size_t lengths[] = {1000, LARGE};
    for (size_t row = 0; row < COUNT_OF(lengths); row++) {
        faults_shift_clock(SETTLED_AFTER_SECONDS);
        tree_fill(&tree, "site/file", lengths[row], 1);
        pass_ms(VALID_MS);
        expect_file("file", lengths[row], 1);
        poll(NULL, 0, 12); /* by then the file system's clock has ticked */
        tree_fill(&tree, "site/file", lengths[row], 2);
        pass_ms(VALID_MS);
        expect_file("file", lengths[row], 2);
    }
}

Test(store, looks_missing_files_up_again)
{
    expect_refusal("file", HTTP_NOT_FOUND);
    unsigned calls = opens();
    tree_fill(&tree, "site/file", 10, 1);
    pass_ms(STILL_VALID_MS);
    expect_refusal("file", HTTP_NOT_FOUND);
    cr_expect_eq(opens(), calls);
    pass_ms(VALID_MS - STILL_VALID_MS);
    expect_file("file", 10, 1);
}

Test(store, keeps_content_in_a_flood_of_missing_files)
{
    enum { FILES = 60, MISSING = 1000 };
    char name[24];
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "site/%u", i);
        tree_fill(&tree, name, 10, i);
        expect_file(name + strlen("site/"), 10, i);
    }
    for (unsigned i = 0; i < MISSING; i++) {
        snprintf(name, sizeof name, "missing%u", i);
        expect_refusal(name, HTTP_NOT_FOUND);
    }
    unsigned calls = opens();
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "%u", i);
        expect_file(name, 10, i);
    }
    cr_expect_eq(opens(), calls);
}

Test(store, keeps_only_404_of_all_refusals)
{
    tree_fill(&tree, "site/file", 10, 1);
    static const int errors[] = {EACCES, EIO, ENOMEM};
    static const enum http_status statuses[] = {HTTP_FORBIDDEN, HTTP_INTERNAL_ERROR,
                                                HTTP_UNAVAILABLE};
    for (size_t row = 0; row < COUNT_OF(errors); row++) {
        faults_fail(FAULT_OPENAT2_CACHED, 0, 1, errors[row]);
        expect_refusal("file", statuses[row]);
        cr_expect_eq(store_usage(files).entries, 0);
    }
    expect_file("file", 10, 1);
    pass_ms(VALID_MS);
    faults_fail(FAULT_OPENAT2_CACHED, 0, 1, EACCES);
    expect_refusal("file", HTTP_FORBIDDEN); /* not the one in the cache */
    expect_file("file", 10, 1);
}

Test(store, redirects_to_directories_and_sends_their_index)
{
    tree_dir(&tree, "site/d");
    tree_fill(&tree, "site/d/index.html", 20, 1);
    tree_fill(&tree, "site/index.html", 30, 2);
    struct resource *resource = get("d");
    cr_assert_eq(resource->kind, RESOURCE_REDIRECT);
    cr_expect(str_equal(resource->location, STR("d/")));
    resource_drop(resource);
    expect_file("d/", 20, 1);
    expect_file("", 30, 2);
    resource = get("d/");
    cr_expect(str_equal(resource->variants[0].media_type, STR("text/html; charset=utf-8")));
    resource_drop(resource);
    expect_refusal("d/index.html/", HTTP_NOT_FOUND);
}

Test(store, follows_a_root_that_is_switched)
{
    tree_dir(&tree, "one");
    tree_dir(&tree, "two");
    tree_fill(&tree, "one/file", 100, 1);
    tree_fill(&tree, "two/file", 100, 2);
    tree_fill(&tree, "two/new", 100, 3);
    tree_link(&tree, "current", "one");
    snprintf(root, sizeof root, "%s/current", tree.path);
    make_files(1 << 20, 10);
    unsigned descriptors = tree_open_descriptors();
    expect_file("file", 100, 1);
    tree_link(&tree, "next", "two");
    tree_rename(&tree, "next", "current");
    expect_file("file", 100, 1); /* it was checked a moment ago */
    expect_file("new", 100, 3);  /* a missing file is looked up where ROOT is now */
    pass_ms(VALID_MS);
    expect_file("file", 100, 2);
    tree_unlink(&tree, "current");
    pass_ms(VALID_MS);
    expect_file("file", 100, 2); /* meanwhile the old one is used */
    tree_link(&tree, "current", "one");
    pass_ms(VALID_MS);
    expect_file("file", 100, 1);
    cr_expect_eq(tree_open_descriptors(), descriptors);
}

/* ROOT cannot be followed without descriptors; it is as soon as there are some. */
Test(store, follows_root_later_without_descriptors)
{
    struct rlimit limit, none;
    tree_dir(&tree, "one");
    tree_dir(&tree, "two");
    tree_fill(&tree, "one/file", 100, 1);
    tree_fill(&tree, "two/file", 100, 2);
    tree_link(&tree, "current", "one");
    tree_link(&tree, "next", "two");
    snprintf(root, sizeof root, "%s/current", tree.path);
    make_files(1 << 20, 10);
    expect_file("file", 100, 1);
    tree_rename(&tree, "next", "current");
    pass_ms(VALID_MS);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = (struct rlimit){.rlim_max = limit.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct resource *resource = get("file");
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_expect_eq(resource->status, HTTP_UNAVAILABLE);
    resource_drop(resource);
    expect_file("file", 100, 2);
}

Test(store, checks_everything_every_time_without_a_cache)
{
    make_files(0, 0);
    tree_fill(&tree, "site/small", 100, 1);
    tree_fill(&tree, "site/large", LARGE, 2);
    unsigned descriptors = tree_open_descriptors();
    for (unsigned i = 0; i < 3; i++) {
        expect_file("small", 100, 1);
        expect_file("large", LARGE, 2);
        expect_refusal("none", HTTP_NOT_FOUND);
    }
    cr_expect_eq(counters_cache_hits(&counters), 0);
    cr_expect_eq(store_usage(files).entries, 0);
    cr_expect_eq(tree_open_descriptors(), descriptors);
}

/* A path whose file was seen later than ROOT may be of a directory that ROOT no longer means. */
Test(store, keeps_nothing_longer_than_root_was_seen)
{
    char name[16];
    for (unsigned i = 0; i < 8; i++) {
        snprintf(name, sizeof name, "site/file%u", i);
        tree_fill(&tree, name, 100, i);
        expect_file(name + 5, 100, i);
    }
    pass_ms(VALID_MS - 100);
    expect_refusal("none", HTTP_NOT_FOUND); /* ROOT is checked for a path without an entry */
    pass_ms(VALID_MS / 4 - 50);
    uint64_t seen_ms = store_site(files, 0)->root_seen_ms;
    cr_expect_lt(seen_ms, now.ms);
    for (unsigned i = 0; i < 8; i++) {
        snprintf(name, sizeof name, "file%u", i);
        struct resource *resource = get(name);
        cr_expect_leq(resource->lease->fresh_until_ms, seen_ms + VALID_MS, "%u", i);
        resource_drop(resource);
    }
    cr_expect_eq(store_site(files, 0)->root_seen_ms, seen_ms);
}

/* --- Shortages -------------------------------------------------------------------------------- */

Test(store, takes_a_descriptor_from_the_cache_when_out_of_them)
{
    tree_fill(&tree, "site/a", LARGE, 1);
    tree_fill(&tree, "site/b", LARGE, 2);
    tree_fill(&tree, "site/c", 100, 3);
    expect_file("a", LARGE, 1);
    expect_file("b", LARGE, 2);
    cr_expect_eq(store_usage(files).files, 2);
    faults_fail(FAULT_OPENAT2_CACHED, 0, 1, EMFILE);
    expect_file("c", 100, 3);
    cr_expect_eq(store_usage(files).files, 1);
    pass_ms(VALID_MS);
    faults_fail(FAULT_OPENAT2_CACHED, 0, FAULT_ALWAYS, ENFILE);
    faults_fail(FAULT_OPENAT2, 0, FAULT_ALWAYS, ENFILE);
    expect_refusal("c", HTTP_UNAVAILABLE);
    cr_expect_eq(store_usage(files).files, 0);
    expect_refusal("c", HTTP_UNAVAILABLE);
    faults_clear();
    expect_file("c", 100, 3);
}

/* The only descriptor that can be freed belongs to the file that is being revalidated. */
Test(store, may_shed_the_entry_itself_when_out_of_descriptors)
{
    faults_shift_clock(SETTLED_AFTER_SECONDS);
    tree_fill(&tree, "site/a", LARGE, 1);
    expect_file("a", LARGE, 1);
    pass_ms(VALID_MS);
    faults_fail(FAULT_OPENAT2_CACHED, 0, 1, EMFILE);
    expect_file("a", LARGE, 1);
    cr_expect_eq(store_usage(files).files, 1);
}

Test(store, survives_a_failure_of_each_allocation)
{
    tree_fill(&tree, "site/file", 100, 1);
    tree_dir(&tree, "site/d");
    unsigned descriptors = tree_open_descriptors();
    for (unsigned skip = 0; skip < 12; skip++) {
        static const char *const names[] = {"file", "d", "none"};
        for (size_t i = 0; i < COUNT_OF(names); i++) {
            faults_fail(FAULT_MEMORY, skip, 1, ENOMEM);
            struct resource *resource = get(names[i]); /* or NULL */
            resource_drop(resource);
        }
        faults_clear();
        pass_ms(VALID_MS);
        expect_file("file", 100, 1);
        pass_ms(VALID_MS);
    }
    for (unsigned skip = 0; skip < 4; skip++) {
        const struct site_settings *const sites[] = {&settings};
        struct store_config config = {.sites = {.settings = sites, .count = COUNT_OF(sites)}};
        struct store *other = NULL;
        faults_fail(FAULT_MEMORY, skip, 1, ENOMEM);
        int error = store_create(&other, &config);
        cr_expect(error == 0 || error == -ENOMEM);
        store_destroy(other);
    }
    cr_expect_eq(tree_open_descriptors(), descriptors);
}

Test(store, fails_if_root_is_not_a_directory)
{
    struct store *other = NULL;
    struct site_settings none = {.root = "/nonexistent/root", .mime = mime};
    const struct site_settings *const sites[] = {&none};
    struct store_config config = {.sites = {.settings = sites, .count = COUNT_OF(sites)}};
    unsigned descriptors = tree_open_descriptors();
    cr_expect_eq(store_create(&other, &config), -ENOENT);
    cr_expect_null(other);
    cr_expect_eq(tree_open_descriptors(), descriptors);
    store_destroy(NULL);
}
