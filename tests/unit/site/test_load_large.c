/* load: large files, whose digests come later. */
#include "support/load_rig.h"

TestSuite(load_large, .init = set_up, .fini = tear_down, .timeout = 120);

/* A file of 4 GiB without blocks: to hash it takes seconds. */
static void make_huge(void)
{
    tree_write(&tree, "huge", STR(""));
    int fd = openat(tree.fd, "huge", O_WRONLY | O_CLOEXEC);
    cr_assert(ftruncate(fd, (off_t)4 << 30) == 0);
    close(fd);
    set_time("huge", 1, 0);
}

Test(load_large, waits_for_no_hash_of_a_large_file)
{
    make_huge();
    faults_shift_clock(10);
    unsigned descriptors = tree_open_descriptors();
    for (unsigned i = 0; i < 3; i++) {
        struct loaded loaded = get("huge");
        cr_expect(loaded.pending);
        cr_expect_not(loaded.digested);
        cr_expect_eq(loaded.body->length, (size_t)4 << 30);
        blob_drop(loaded.body);
        cr_expect_eq(tree_open_descriptors(), descriptors + 1, "the thread's, once");
    }
    cr_expect_eq(faults_calls(FAULT_THREAD), 1);
    digests_destroy(shared.digests); /* at once, though the hash would take seconds */
    cr_expect_eq(tree_open_descriptors(), descriptors);
    shared.digests = NULL;
}

/* The digest of a file that might change unnoticed would be of no use. */
Test(load_large, has_no_hash_computed_of_a_file_that_has_just_changed)
{
    make_huge();
    struct loaded loaded = get("huge");
    cr_expect(loaded.pending);
    cr_expect_eq(faults_calls(FAULT_THREAD), 0);
    blob_drop(loaded.body);
}

/* Loads "file" until it has a digest; it must in time. */
static struct loaded await_digest(void)
{
    struct loaded loaded = get("file");
    for (unsigned i = 0; i < 10000 && !loaded.digested; i++) {
        blob_drop(loaded.body);
        usleep(1000);
        loaded = get("file");
    }
    cr_assert(loaded.digested);
    return loaded;
}

Test(load_large, finds_the_digest_of_a_large_file_later)
{
    char expected[DIGEST_TAG_DIGITS];
    struct blob *bytes = blob_create_bytes(COPY_LIMIT + 1);
    char *content = tree_bytes(COPY_LIMIT + 1, 1);
    memcpy(bytes->bytes, content, COPY_LIMIT + 1);
    load_digest(bytes, expected);
    tree_fill(&tree, "file", COPY_LIMIT + 1, 1);
    set_time("file", 1, 0);
    faults_shift_clock(10);
    struct loaded loaded = await_digest();
    cr_expect_not(loaded.pending);
    cr_expect(str_equal(digest_of(&loaded), (struct str){expected, sizeof expected}));
    cr_expect_not(blob_is_copy(loaded.body));
    blob_drop(loaded.body);
    blob_drop(bytes);
    free(content);
}
