/* load: the content, and the facts from which the entity tag is made. */
#include "support/load_rig.h"

#include <errno.h>

TestSuite(load, .init = set_up, .fini = tear_down, .timeout = 120);

/* A time in the future makes a file neither fresh nor unsettled: an archive, or a machine whose
 * clock is ahead, may have dated it. */
Test(load, reports_a_recent_change_as_fresh_whatever_its_date)
{
    static const struct {
        const char *label;
        int64_t modified, now; /* both relative to the change of its inode */
        bool fresh, settled;
    } rows[] = {
        {"just written", 0, 0, true, false},
        {"two seconds ago", 0, 2, true, false},
        {"three seconds ago", 0, 3, false, true},
        {"written in the last second", -2, 0, true, false},
        {"renamed, or its time was set", -1000000, 0, false, false},
        {"and that is a while ago", -1000000, 3, false, true},
        {"dated in the future", 1000, 0, true, false},
        {"two seconds ago", 1000, 2, true, false},
        {"three seconds ago", 1000, 3, false, true},
        {"when that time has come", 1000, 1000, false, true},
        {"before the clock was set back", 0, -1000, true, false},
    };
    tree_fill(&tree, "file", 100, 1);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t modified;
        do { /* until both happen in the same second */
            modified = changed("file") + rows[i].modified;
            set_time("file", modified, 0);
        } while (changed("file") + rows[i].modified != modified);
        faults_stop_clock(changed("file") + rows[i].now);
        struct loaded loaded = get("file");
        cr_expect_eq(loaded.fresh, rows[i].fresh, "%s", rows[i].label);
        cr_expect_eq(loaded.settled, rows[i].settled, "%s", rows[i].label);
        cr_expect_not(loaded.undated, "%s", rows[i].label);
        blob_drop(loaded.body);
    }
}

/* Files up to the limit always; of larger ones a digest is needed if the time is one that tools set
 * by habit. */
Test(load, hashes_content_where_the_time_may_mean_nothing)
{
    static const struct {
        const char *label;
        int64_t seconds;
        long nanoseconds;
        bool undated;
    } rows[] = {
        {"the epoch, as OSTree", 0, 0, true},
        {"a second after, as Nix", 1, 0, true},
        {"before the epoch", -100, 0, true},
        {"1980-01-01, as ZIP", 315532800, 0, true},
        {"1980-01-01 in New York", 315550800, 0, true},
        {"1980-02-01, as Gradle", 318211200, 0, true},
        {"1985-10-26 08:15, as npm", 499162500, 0, true},
        {"1989-12-31 23:59:59", 631151999, 999999999, true},
        {"1990-01-01 00:00:01", 631152001, 0, false},
        {"2000-01-01", 946684800, 0, true},
        {"a nanosecond after", 946684800, 1, false},
        {"2000-01-02", 946771200, 0, false},
        {"2000-01-01 01:00", 946688400, 0, false},
        {"2010-01-01, as Bazel", 1262304000, 0, true},
        {"2024-12-31", 1735603200, 0, false},
        {"2025-01-01", 1735689600, 0, true},
        {"an ordinary time", 784111777, 5, false},
    };
    static const size_t lengths[] = {0, 1, LIMIT, LIMIT + 1, COPY_LIMIT, COPY_LIMIT + 1};
    for (size_t i = 0; i < COUNT_OF(rows) * COUNT_OF(lengths); i++) {
        size_t length = lengths[i / COUNT_OF(rows)], row = i % COUNT_OF(rows);
        tree_fill(&tree, "file", length, 1);
        set_time("file", rows[row].seconds, rows[row].nanoseconds);
        struct loaded loaded = get("file");
        cr_expect_eq(loaded.undated, rows[row].undated, "%s, %zu", rows[row].label, length);
        cr_expect_eq(loaded.digested, length <= COPY_LIMIT, "%s, %zu", rows[row].label, length);
        cr_expect_eq(loaded.pending, length > COPY_LIMIT && rows[row].undated, "%s, %zu",
                     rows[row].label, length);
        blob_drop(loaded.body);
    }
}

/* The digest is the same for content in memory and for a descriptor. */
Test(load, computes_the_digest_from_the_content_alone)
{
    static const size_t lengths[] = {5, LIMIT, LIMIT + 1, LARGE, COPY_LIMIT};
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        size_t length = lengths[i];
        tree_fill(&tree, "a", length, 1);
        tree_fill(&tree, "b", length, 1);
        tree_fill(&tree, "other", length, 2);
        set_time("a", 1, 0);
        set_time("b", 0, 0);
        set_time("other", 1, 0);
        struct loaded a = get("a"), b = get("b"), other = get("other");
        char expected[DIGEST_TAG_DIGITS];
        struct blob *bytes = blob_create_bytes(length);
        char *content = tree_bytes(length, 1);
        memcpy(bytes->bytes, content, length);
        load_digest(bytes, expected);
        cr_expect(str_equal(digest_of(&a), digest_of(&b)), "%zu", length);
        cr_expect(str_equal(digest_of(&a), (struct str){expected, sizeof expected}), "%zu", length);
        cr_expect_not(str_equal(digest_of(&a), digest_of(&other)), "%zu", length);
        free(content);
        blob_drop(bytes);
        blob_drop(a.body);
        blob_drop(b.body);
        blob_drop(other.body);
    }
}

/* An event loop must not block for a hash. */
Test(load, leaves_copying_and_hashing_to_a_job)
{
    static const struct {
        size_t length;
        enum io_mode mode;
        int error;
    } rows[] = {
        {100, IO_WITHOUT_WAITING, 0},
        {100, IO_WAITING, 0},
        {LIMIT, IO_WITHOUT_WAITING, 0},
        {LIMIT + 1, IO_WITHOUT_WAITING, -EAGAIN},
        {LIMIT + 1, IO_WAITING, 0},
        {LARGE, IO_WITHOUT_WAITING, -EAGAIN},
        {LARGE, IO_WAITING, 0},
        {COPY_LIMIT, IO_BY_JOB, 0},
        {COPY_LIMIT + 1, IO_WITHOUT_WAITING, 0}, /* that hash is nothing to wait for */
        {COPY_LIMIT + 1, IO_BY_JOB, 0},
    };
    unsigned descriptors = tree_open_descriptors();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct loaded loaded = {0};
        tree_fill(&tree, "file", rows[i].length, 1);
        set_time("file", 1, 0);
        cr_expect_eq(load("file", rows[i].mode, &loaded), rows[i].error, "%zu", i);
        blob_drop(loaded.body);
    }
    cr_expect_eq(tree_open_descriptors(), descriptors);
}

/* The bytes that sendfile would send of BODY. */
static bool has_content(const struct blob *body, size_t length, uint64_t seed)
{
    char *bytes = malloc(length + 1);
    ssize_t got = pread(body->fd, bytes, length + 1, 0);
    bool same = got == (ssize_t)length && tree_filled((struct str){bytes, length}, length, seed);
    free(bytes);
    return same;
}

/* A response must not be mixed of two versions. */
Test(load, keeps_the_content_of_files_that_are_rewritten_in_place)
{
    static const size_t lengths[] = {LIMIT + 1, LARGE, COPY_LIMIT};
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        tree_fill(&tree, "file", lengths[i], 1);
        struct loaded loaded = get("file");
        cr_expect(blob_is_copy(loaded.body));
        tree_fill(&tree, "file", lengths[i], 2);
        cr_expect(has_content(loaded.body, lengths[i], 1), "%zu", lengths[i]);
        cr_expect_eq(blob_check_file(loaded.body, 1, 0), BLOB_UNCHANGED);
        blob_drop(loaded.body);
    }
}

Test(load, copies_no_file_for_which_the_cache_has_no_room)
{
    struct loaded loaded = {0}, copy;
    const struct load_order order = {tree.fd, "file", IO_BY_JOB, &shared, LARGE - 1};
    tree_fill(&tree, "file", LARGE, 1);
    cr_assert_eq(load_file(&order, &loaded), 0);
    copy = get("file");
    cr_expect_not(blob_is_copy(loaded.body));
    cr_expect(blob_is_copy(copy.body));
    cr_expect(str_equal(digest_of(&loaded), digest_of(&copy)));
    blob_drop(loaded.body);
    blob_drop(copy.body);
}

/* Memory is bounded: what would exceed it is sent as it is, with the same tag. */
Test(load, copies_no_more_than_its_account_allows)
{
    struct loaded first, second, third;
    tree_fill(&tree, "file", LARGE, 1);
    shared.copies.bytes_max = 2 * LARGE - 1;
    first = get("file");
    cr_expect_eq(shared.copies.bytes, LARGE);
    second = get("file");
    cr_expect_not(blob_is_copy(second.body));
    cr_expect(has_content(second.body, LARGE, 1));
    cr_expect(str_equal(digest_of(&first), digest_of(&second)));
    cr_expect_eq(shared.copies.bytes, LARGE);
    blob_drop(first.body);
    cr_expect_eq(shared.copies.bytes, 0);
    third = get("file");
    cr_expect(blob_is_copy(third.body));
    blob_drop(second.body);
    blob_drop(third.body);
}

static void rewrite(void *argument)
{
    tree_fill(&tree, "file", LARGE, 2);
    if (argument)
        set_time("file", 1, 0);
}

Test(load, reads_a_file_again_that_changes_while_it_is_copied)
{
    struct loaded loaded = {0};
    tree_fill(&tree, "file", LARGE, 1);
    unsigned descriptors = tree_open_descriptors();
    faults_act(FAULT_PREADV2, 2, rewrite, NULL);
    loaded = get("file");
    cr_expect(has_content(loaded.body, LARGE, 2));
    blob_drop(loaded.body);
    faults_fail(FAULT_PREADV2, 2, 1, EIO);
    cr_expect_eq(load("file", IO_BY_JOB, &loaded), -EIO);
    faults_fail(FAULT_PREADV2, 0, 3, EINTR);
    cr_expect_eq(load("file", IO_BY_JOB, &loaded), 0);
    blob_drop(loaded.body);
    cr_expect_eq(tree_open_descriptors(), descriptors);
}

static void rewrite_each_time(void *argument)
{
    static int64_t seconds = 1000000000;
    tree_fill(&tree, "file", LARGE, 2);
    set_time("file", seconds++, 0);
    faults_act(FAULT_PREADV2, 1, rewrite_each_time, argument);
}

static void touch(void *argument)
{
    (void)argument;
    set_time("file", 1000000000, 0);
}

/* As an append does first, which may be held up then. */
Test(load, hashes_a_file_again_of_which_only_the_mtime_changes_meanwhile)
{
    shared.copies.bytes_max = 0;
    tree_fill(&tree, "file", LARGE, 1);
    struct loaded before = get("file");
    faults_act(FAULT_PREADV2, 1, touch, NULL);
    struct loaded during = get("file");
    cr_expect(str_equal(digest_of(&before), digest_of(&during)));
    cr_expect_eq(during.identity.modified.tv_sec, 1000000000);
    cr_expect(blob_identity_equal(&during.identity, &during.body->identity));
    blob_drop(before.body);
    blob_drop(during.body);
}

Test(load, gives_no_mixture_of_a_file_that_changes_while_it_is_hashed_where_it_is)
{
    struct loaded loaded = {0}, after;
    shared.copies.bytes_max = 0;
    tree_fill(&tree, "file", LARGE, 1);
    faults_act(FAULT_PREADV2, 1, rewrite, &tree);
    loaded = get("file");
    after = get("file");
    cr_expect(str_equal(digest_of(&loaded), digest_of(&after)));
    blob_drop(loaded.body);
    blob_drop(after.body);
}

Test(load, gives_no_file_that_changes_each_time_it_is_hashed_where_it_is)
{
    struct loaded loaded = {0};
    shared.copies.bytes_max = 0;
    tree_fill(&tree, "file", LARGE, 1);
    unsigned descriptors = tree_open_descriptors();
    faults_act(FAULT_PREADV2, 1, rewrite_each_time, NULL);
    cr_expect_eq(load("file", IO_BY_JOB, &loaded), -EAGAIN);
    faults_clear();
    faults_fail(FAULT_PREADV2, 2, 1, EIO);
    cr_expect_eq(load("file", IO_BY_JOB, &loaded), -EIO);
    cr_expect_eq(tree_open_descriptors(), descriptors);
}

/* Neither by another worker nor after it has left the cache. */
Test(load, hashes_a_settled_file_once)
{
    struct loaded first, second;
    tree_fill(&tree, "file", LARGE, 1);
    faults_shift_clock(10);
    first = get("file");
    unsigned calls = faults_calls(FAULT_PREADV2);
    second = get("file");
    cr_expect_lt(faults_calls(FAULT_PREADV2) - calls, calls, "it is copied, but not hashed");
    cr_expect(str_equal(digest_of(&first), digest_of(&second)));
    blob_drop(first.body);
    blob_drop(second.body);
}

static void append_with_the_same_time(void *argument)
{
    (void)argument;
    int fd = openat(tree.fd, "file", O_WRONLY | O_APPEND | O_CLOEXEC);
    cr_assert_eq(write(fd, "more", 4), 4);
    close(fd);
    set_time("file", 1, 0);
}

Test(load, hashes_exactly_the_given_bytes_of_a_growing_file)
{
    shared.copies.bytes_max = 0;
    tree_fill(&tree, "file", LARGE, 1);
    set_time("file", 1, 0);
    struct loaded before = get("file");
    faults_act(FAULT_PREADV2, 0, append_with_the_same_time, NULL);
    struct loaded during = get("file");
    cr_expect_eq(during.body->length, LARGE);
    cr_expect(str_equal(digest_of(&before), digest_of(&during)));
    blob_drop(before.body);
    blob_drop(during.body);
}

/* Their content changes while their identity stays: no check would find a copy out of date. */
Test(load, refuses_files_that_are_not_as_long_as_their_size_says)
{
    static const struct {
        const char *directory;
        const char *name;
    } rows[] = {
        {"/proc", "version"},             /* of size 0 */
        {"/sys/kernel", "uevent_seqnum"}, /* of size 4096 */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct loaded loaded = {0};
        int root_fd = open(rows[i].directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root_fd < 0 || faccessat(root_fd, rows[i].name, R_OK, 0) < 0)
            cr_skip_test("%s is not mounted", rows[i].directory);
        unsigned descriptors = tree_open_descriptors();
        const struct load_order order = {root_fd, rows[i].name, IO_BY_JOB, &shared, UINT64_MAX};
        int error = load_file(&order, &loaded);
        cr_expect_eq(error, -EACCES, "%s: %d", rows[i].name, error);
        cr_expect_eq(tree_open_descriptors(), descriptors);
        close(root_fd);
    }
}

Test(load, loads_an_empty_file)
{
    tree_fill(&tree, "file", 0, 1);
    struct loaded loaded = get("file");
    cr_expect_eq(loaded.body->length, 0);
    blob_drop(loaded.body);
}
