/* cache: its bounds, its evictions, and the references it holds. */
#include "support/cache_rig.h"
#include "support/faults.h"

#include <criterion/criterion.h>
#include <errno.h>

/* The bytes that an entry with a name of one letter and LENGTH bytes counts for. */
static uint64_t bytes_of_entry(size_t length)
{
    struct cache *cache = cache_create_fresh(&roomy);
    put(cache, "x", length, false);
    uint64_t bytes = cache_usage(cache).bytes;
    cache_destroy(cache);
    return bytes;
}

Test(cache, finds_an_entry_that_was_put)
{
    struct cache *cache = cache_create_fresh(&roomy);
    cr_expect_null(find(cache, "a"));
    struct cache_entry *entry = put(cache, "a", 5, false);
    cr_assert_not_null(entry);
    cr_expect_eq(find(cache, "a"), entry);
    cr_expect_null(find(cache, "b"));
    cr_expect_null(find(cache, "aa"));
    cr_expect_null(find(cache, ""));
    put(cache, "", 5, false);
    cr_expect_not_null(find(cache, ""));
    cr_expect_eq(cache_usage(cache).entries, 2);
    cache_remove(cache, find(cache, "a"));
    cr_expect_null(find(cache, "a"));
    cr_expect_not_null(find(cache, ""));
    cache_destroy(cache);
}

Test(cache, evicts_what_is_beyond_a_lower_limit)
{
    const uint64_t bytes = bytes_of_entry(5);
    struct cache *cache = cache_create_fresh(&roomy);
    for (unsigned i = 0; i < 8; i++)
        put(cache, (const char[]){(char)('a' + i), '\0'}, 5, i % 2);
    cache_limit(cache, 4 * bytes, ANY);
    cr_expect_leq(cache_usage(cache).bytes, 4 * bytes);
    cr_expect_leq(cache_usage(cache).file_bytes, 2 * bytes);
    cr_expect_geq(cache_usage(cache).entries, 3);
    cache_limit(cache, ANY, 2);
    cr_expect_eq(cache_usage(cache).entries, 2);
    cache_limit(cache, ANY, ANY);
    put(cache, "x", 5, false);
    cr_expect_eq(cache_usage(cache).entries, 3, "there is room again");
    cache_limit(cache, 0, 0);
    cr_expect_eq(cache_usage(cache).entries, 0);
    cr_expect_null(put(cache, "y", 5, false));
    cache_destroy(cache);
}

Test(cache, distinguishes_names_with_and_without_slash)
{
    struct cache *cache = cache_create_fresh(&roomy);
    struct path path = path_named("a/b");
    struct cache_key file = cache_key_of(cache, &group, &path);
    path.directory = true;
    struct cache_key directory = cache_key_of(cache, &group, &path);
    struct resource *resource = make(1, false);
    struct cache_entry *entry = cache_put(cache, &file, resource);
    cr_expect_null(cache_find(cache, &directory));
    cache_put(cache, &directory, resource);
    cr_expect_eq(cache_find(cache, &file), entry);
    cr_expect_eq(cache_usage(cache).entries, 2);
    cr_expect_eq(resource->references, 3);
    cache_destroy(cache);
    cr_expect_eq(resource->references, 1);
    resource_drop(resource);
}

Test(cache, drops_a_replaced_resource_once)
{
    struct cache *cache = cache_create_fresh(&roomy);
    struct path path = path_named("a");
    struct cache_key key = cache_key_of(cache, &group, &path);
    struct resource *first = make(10, false), *second = make(20, true);
    cache_put(cache, &key, first);
    cr_expect_eq(first->references, 2);
    cache_put(cache, &key, second);
    cr_expect_eq(first->references, 1);
    cr_expect_eq(second->references, 2);
    cr_expect_eq(cache_find(cache, &key)->resource, second);
    cr_expect_eq(cache_usage(cache).entries, 1);
    cr_expect_eq(cache_usage(cache).files, 1);
    cache_put(cache, &key, second); /* itself */
    cr_expect_eq(second->references, 2);
    cache_put(cache, &key, first);
    cr_expect_eq(cache_usage(cache).files, 0);
    cache_destroy(cache);
    cr_expect_eq(first->references, 1);
    cr_expect_eq(second->references, 1);
    resource_drop(first);
    resource_drop(second);
}

/* Responses that are given without asking the cache keep their resources in it. */
Test(cache, keeps_resources_that_memos_use)
{
    struct cache_limits limits = {.bytes_max = ANY, .entries_max = 4, .files_max = ANY};
    struct cache *cache = cache_create_fresh(&limits);
    struct lease *lease = resource_lease(put(cache, "hot", 1, false)->resource);
    for (unsigned i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "flood%u", i);
        lease->marks = LEASE_MARKS;
        put(cache, name, 1, false);
    }
    cr_expect_not_null(find(cache, "hot"));
    lease_drop(lease);
    cache_destroy(cache);
}

Test(cache, ends_the_lease_of_a_removed_resource)
{
    enum { REMOVED, REPLACED, REPLACING, EVICTED, SHED, CLEARED, COUNT };
    static const char names[] = "abbcde";
    struct cache_limits limits = {.bytes_max = ANY, .entries_max = 4, .files_max = ANY};
    struct cache *cache = cache_create_fresh(&limits);
    struct resource *resources[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        struct path path = path_named((const char[]){names[i], '\0'});
        struct cache_key key = cache_key_of(cache, &group, &path);
        resources[i] = make(1, i == SHED);
        cache_put(cache, &key, resources[i]);
        resources[i]->lease->fresh_until_ms = 1000;
        if (i == REMOVED)
            cache_remove(cache, cache_find(cache, &key));
        if (i == REPLACING)
            find(cache, "b"); /* it stays when the hand passes */
    }
    cr_expect_eq(resources[REMOVED]->lease->fresh_until_ms, 0);
    cr_expect_eq(resources[REPLACED]->lease->fresh_until_ms, 0);
    cr_expect_eq(resources[EVICTED]->lease->fresh_until_ms, 1000, "not yet");
    put(cache, "f", 1, false);
    cr_expect_eq(resources[EVICTED]->lease->fresh_until_ms, 0);
    cr_expect_eq(resources[SHED]->lease->fresh_until_ms, 1000);
    cache_shed_file(cache);
    cr_expect_eq(resources[SHED]->lease->fresh_until_ms, 0);
    cr_expect_eq(resources[REPLACING]->lease->fresh_until_ms, 1000);
    cache_remove_group(cache, &group);
    cr_expect_eq(resources[CLEARED]->lease->fresh_until_ms, 0);
    cache_destroy(cache);
    for (unsigned i = 0; i < COUNT; i++)
        resource_drop(resources[i]);
}

Test(cache, refuses_large_resources_without_evicting_others)
{
    uint64_t bytes = bytes_of_entry(100);
    struct cache_limits limits = {.bytes_max = bytes, .entries_max = 4, .files_max = 0};
    struct cache *cache = cache_create_fresh(&limits);
    cr_expect_not_null(put(cache, "a", 100, false), "exactly the whole cache");
    cr_expect_null(put(cache, "b", 101, false));
    cr_expect_null(put(cache, "c", 0, true), "no descriptor may be kept");
    cr_expect_not_null(find(cache, "a"));
    cr_expect_eq(cache_usage(cache).bytes, bytes);
    cr_expect_null(put(cache, "a", 101, false));
    cr_expect_null(find(cache, "a"), "its replacement could not be kept");
    cr_expect_eq(cache_usage(cache).bytes, 0);
    cache_destroy(cache);
}

Test(cache, keeps_nothing_with_a_limit_of_0)
{
    struct cache_limits limits = {.bytes_max = 0, .entries_max = 10, .files_max = 10};
    struct cache *cache = cache_create_fresh(&limits);
    cr_expect_null(put(cache, "a", 0, false));
    cr_expect_not(cache_shed_file(cache));
    cache_destroy(cache);
    limits = (struct cache_limits){.bytes_max = ANY, .entries_max = 0, .files_max = 10};
    cache = cache_create_fresh(&limits);
    cr_expect_null(put(cache, "a", 0, false));
    cache_destroy(cache);
}

Test(cache, evicts_the_oldest_entries_without_hits)
{
    struct cache_limits limits = {.bytes_max = ANY, .entries_max = 4, .files_max = 4};
    struct cache *cache = cache_create_fresh(&limits);
    put(cache, "a", 1, false);
    put(cache, "b", 1, false);
    put(cache, "c", 1, false);
    put(cache, "d", 1, false);
    find(cache, "a");
    find(cache, "c");
    put(cache, "e", 1, false);
    cr_expect_null(find(cache, "b"), "the oldest without a hit");
    put(cache, "f", 1, false);
    cr_expect_null(find(cache, "d"), "the hand goes on from where it was");
    cr_expect_not_null(find(cache, "a"));
    cr_expect_not_null(find(cache, "c"));
    cr_expect_not_null(find(cache, "e"));
    cr_expect_not_null(find(cache, "f"));
    put(cache, "g", 1, false); /* all have been hit: after a full lap one is still found */
    cr_expect_eq(cache_usage(cache).entries, 4);
    cr_expect_not_null(find(cache, "g"));
    cache_destroy(cache);
}

Test(cache, keeps_used_entries_during_a_scan)
{
    struct cache_limits limits = {.bytes_max = ANY, .entries_max = 50, .files_max = 0};
    struct cache *cache = cache_create_fresh(&limits);
    for (unsigned i = 0; i < 10; i++) {
        char name[] = {(char)('a' + i), '\0'};
        put(cache, name, 10, false);
    }
    unsigned misses = 0;
    for (unsigned i = 0; i < 10000; i++) {
        char name[16], used[] = {(char)('a' + i % 10), '\0'};
        misses += find(cache, used) == NULL;
        snprintf(name, sizeof name, "scan%u", i);
        put(cache, name, 10, false);
    }
    cr_expect_eq(misses, 0);
    cache_destroy(cache);
}

Test(cache, sheds_only_entries_with_descriptors)
{
    struct cache_limits limits = {.bytes_max = ANY, .entries_max = 100, .files_max = 2};
    struct cache *cache = cache_create_fresh(&limits);
    cr_expect_not(cache_shed_file(cache));
    put(cache, "m", 1, false);
    put(cache, "a", 1, true);
    put(cache, "n", 1, false);
    put(cache, "b", 1, true);
    find(cache, "a");
    put(cache, "c", 1, true); /* the third */
    cr_expect_eq(cache_usage(cache).files, 2);
    cr_expect_null(find(cache, "b"), "the one without a hit");
    cr_expect(cache_shed_file(cache));
    cr_expect(cache_shed_file(cache));
    cr_expect_not(cache_shed_file(cache));
    cr_expect_eq(cache_usage(cache).entries, 2);
    cr_expect_not_null(find(cache, "m"));
    cr_expect_not_null(find(cache, "n"));
    cache_destroy(cache);
}

Test(cache, has_room_for_large_bodies_in_half_of_its_bytes)
{
    struct cache_limits limits = {.bytes_max = 1 << 20, .entries_max = 100, .files_max = 100};
    struct cache *cache = cache_create_fresh(&limits);
    cr_expect_eq(cache_file_room(cache), 1 << 19);
    put(cache, "m", 1, false);
    cr_expect_eq(cache_file_room(cache), 1 << 19, "small bodies do not count");
    put(cache, "a", 1, true);
    cr_expect_eq(cache_file_room(cache), (1 << 19) - cache_usage(cache).file_bytes);
    cr_expect_gt(cache_usage(cache).file_bytes, 0);
    cache_destroy(cache);
}

/* A deleted file's blocks stay on the disk as long as it is open. */
Test(cache, releases_files_that_are_not_found_any_more)
{
    struct cache *cache = cache_create_fresh(&roomy);
    cache_release_files(cache);
    put(cache, "m", 1, false);
    put(cache, "a", 1, true);
    put(cache, "b", 1, true);
    cache_release_files(cache);
    cr_expect_eq(cache_usage(cache).files, 2, "they came since the last call");
    find(cache, "b");
    find(cache, "b");
    cache_release_files(cache);
    cr_expect_eq(cache_usage(cache).files, 1);
    cr_expect_not_null(find(cache, "m"), "it holds no descriptor");
    cr_expect_null(find(cache, "a"));
    cr_expect_not_null(find(cache, "b"));
    cache_release_files(cache);
    cache_release_files(cache);
    cr_expect_eq(cache_usage(cache).files, 0);
    cr_expect_eq(cache_usage(cache).entries, 1);
    cache_destroy(cache);
}

/* One that is answered by memos alone is not found here. */
Test(cache, releases_no_file_that_memos_use)
{
    struct cache_limits limits = {.bytes_max = ANY, .entries_max = 4, .files_max = ANY};
    struct cache *cache = cache_create_fresh(&limits);
    struct lease *lease = resource_lease(put(cache, "busy", 1, true)->resource);
    cache_release_files(cache);
    for (unsigned i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof name, "flood%u", i);
        lease->marks = LEASE_MARKS;
        put(cache, name, 1, false); /* the hand passes, and clears its own mark only */
        cache_release_files(cache);
    }
    cr_expect_eq(cache_usage(cache).files, 1);
    cache_release_files(cache);
    cr_expect_eq(cache_usage(cache).files, 0);
    lease_drop(lease);
    cache_destroy(cache);
}

/* The resource of a copy of LENGTH bytes in a file in memory. */
static struct resource *make_copy(size_t length, struct blob_account *account)
{
    static const struct blob_identity identity = {.inode = 7};
    cr_assert(blob_account_take(account, length));
    struct blob *body = blob_create_copy(open("/dev/null", O_RDONLY | O_CLOEXEC), length, account);
    struct resource *resource = plain_file(body, &identity, STR("text/plain"), INT64_MAX);
    blob_drop(body);
    return resource;
}

static bool put_copy(struct cache *cache, unsigned number, size_t length,
                     struct blob_account *account)
{
    struct path path = path_numbered(number);
    struct cache_key key = cache_key_of(cache, &group, &path);
    struct resource *resource = make_copy(length, account);
    bool kept = cache_put(cache, &key, resource);
    resource_drop(resource);
    return kept;
}

Test(cache, displaces_no_small_files_for_large_copies)
{
    enum { SMALL_FILES = 100, SMALL = 100, LARGE = 10000 };
    struct blob_account account = {.bytes_max = ANY};
    struct cache_limits limits = {.entries_max = ANY, .files_max = ANY};
    limits.bytes_max = 2 * (SMALL_FILES + 1) * (bytes_of_entry(SMALL) + 8);
    struct cache *cache = cache_create_fresh(&limits);
    for (unsigned i = 0; i < SMALL_FILES; i++) {
        char name[16];
        snprintf(name, sizeof name, "small%u", i);
        put(cache, name, SMALL, false);
    }
    for (unsigned i = 0; i < 50; i++)
        cr_expect(put_copy(cache, i, LARGE, &account), "%u", i);
    struct cache_usage usage = cache_usage(cache);
    cr_expect_eq(usage.entries, SMALL_FILES + usage.files, "%u and %u", usage.entries, usage.files);
    cr_expect_geq(usage.files, 2);
    cr_expect_leq(usage.file_bytes, limits.bytes_max / 2);
    cr_expect_eq(account.bytes, usage.files * (uint64_t)LARGE);
    cr_expect_not(put_copy(cache, 99, limits.bytes_max / 2, &account), "it takes all by itself");
    cr_expect_eq(cache_usage(cache).entries, usage.entries);
    cache_destroy(cache);
    cr_expect_eq(account.bytes, 0);
}

/* It keeps no block of a deleted file, and no medium, in use. */
Test(cache, releases_no_copy)
{
    struct blob_account account = {.bytes_max = ANY};
    struct cache *cache = cache_create_fresh(&roomy);
    put_copy(cache, 1, 1000, &account);
    cr_expect_not(cache_holds_files(cache));
    for (unsigned i = 0; i < 3; i++)
        cache_release_files(cache);
    cr_expect_eq(cache_usage(cache).files, 1);
    put(cache, "a", 1, true);
    cr_expect(cache_holds_files(cache));
    cache_destroy(cache);
}

Test(cache, keeps_a_consistent_state_without_memory)
{
    struct cache *cache = cache_create_fresh(&roomy);
    struct path path = path_named("a");
    struct cache_key key = cache_key_of(cache, &group, &path);
    struct resource *resource = make(10, false);
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    cr_expect_null(cache_put(cache, &key, resource));
    cr_expect_eq(resource->references, 1);
    cr_expect_eq(cache_usage(cache).bytes, 0);
    cr_expect_not_null(cache_put(cache, &key, resource));
    resource_drop(resource);
    cache_destroy(cache);
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    cr_expect_null(cache_create_fresh(&roomy));
    cache_destroy(NULL);
}

/* A file with siblings holds a descriptor for each that is large. */
Test(cache, counts_descriptors_not_entries)
{
    static const struct cache_limits limits = {
        .bytes_max = ANY, .entries_max = ANY, .files_max = 5};
    static const struct blob_identity identity = {.bytes = 1 << 20};
    struct cache *cache = cache_create_fresh(&limits);
    for (unsigned i = 0; i < 4; i++) {
        struct representation items[2] = {{.coding = CONTENT_CODING_IDENTITY},
                                          {.coding = CONTENT_CODING_BR}};
        struct resource_fields fields = {.shared = NULL};
        struct path path = path_numbered(i);
        struct cache_key key = cache_key_of(cache, &group, &path);
        for (unsigned j = 0; j < 2; j++)
            items[j].body = blob_create_file(open("/dev/null", O_RDONLY | O_CLOEXEC), &identity);
        struct resource *resource = resource_create(RESOURCE_FILE, items, 2, &fields, 0);
        blob_drop(items[0].body);
        blob_drop(items[1].body);
        cr_expect_not_null(cache_put(cache, &key, resource));
        resource_drop(resource);
        cr_expect_eq(cache_usage(cache).files, i == 0 ? 2 : 4);
    }
    cr_expect_eq(cache_usage(cache).entries, 2);
    cr_expect(cache_shed_file(cache));
    cr_expect_eq(cache_usage(cache).files, 2);
    cache_remove_group(cache, &group);
    cr_expect_eq(cache_usage(cache).files, 0);
    cr_expect_eq(cache_usage(cache).entries, 0);
    cr_expect_eq(cache_usage(cache).bytes, 0);
    cr_expect_not_null(put(cache, "a", 1, true), "it goes on");
    cache_destroy(cache);
}
