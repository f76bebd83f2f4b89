/* fetch: files that have changed since the last time, and files that change while they are read. */
#include "support/fetch_rig.h"

#include <poll.h>

enum { LIMIT = LOAD_READ_BYTES_MAX, SETTLED_AFTER_SECONDS = 10 };

/* Longer than the resolution of a file system's clock. */
enum { TICK_MS = 12 };

TestSuite(fetch_changes, .init = set_up, .fini = tear_down, .timeout = 120);

static struct str content_of(const struct fetched *fetched)
{
    return (struct str){fetched->files[0].body->bytes, fetched->files[0].body->length};
}

Test(fetch_changes, does_not_read_an_unchanged_file_again)
{
    static const size_t lengths[] = {0, 100, LIMIT + 1};
    for (size_t row = 0; row < COUNT_OF(lengths); row++) {
        tree_fill(&tree, "file", lengths[row], 1);
        struct fetched first = get("file"), second;
        faults_clear();
        unsigned descriptors = tree_open_descriptors();
        cr_assert_eq(fetch_named("file", IO_WAITING, &first.state, &second), 0);
        cr_expect_eq(second.kind, FETCH_UNCHANGED);
        cr_expect(second.cacheable);
        cr_expect(fetch_state_equal(&second.state, &first.state));
        cr_expect_eq(faults_calls(FAULT_PREADV2), 0);
        cr_expect_eq(tree_open_descriptors(), descriptors);
        first.state.plain.inode++;
        cr_assert_eq(fetch_named("file", IO_WAITING, &first.state, &second), 0);
        cr_assert_eq(second.kind, FETCH_FILE);
        fetched_fini(&first);
        fetched_fini(&second);
    }
}

Test(fetch_changes, settles_old_changes_only)
{
    tree_fill(&tree, "file", 10, 1);
    struct fetched fetched = get("file");
    cr_expect_not(fetched.settled);
    fetched_fini(&fetched);
    faults_shift_clock(SETTLED_AFTER_SECONDS);
    fetched = get("file");
    cr_expect(fetched.settled);
    fetched_fini(&fetched);
    faults_shift_clock(-SETTLED_AFTER_SECONDS); /* a time in the future */
    fetched = get("file");
    cr_expect_not(fetched.settled);
    fetched_fini(&fetched);
}

struct rewrite {
    size_t length;
    uint64_t seed;
    unsigned again;     /* how many more times */
    enum fault at_call; /* before which call */
};

static void rewrite_file(void *argument)
{
    struct rewrite *rewrite = argument;
    poll(NULL, 0, TICK_MS);
    tree_fill(&tree, "file", rewrite->length, rewrite->seed++);
    if (rewrite->again-- > 0)
        faults_act(rewrite->at_call, 0, rewrite_file, rewrite);
}

/* Rewritten once, before or after the read: the result is the file after that. */
Test(fetch_changes, reads_a_file_that_changes_meanwhile_again)
{
    static const size_t lengths[] = {0, 1, 999, 1000, 1001, LIMIT};
    static const struct {
        enum fault call;
        unsigned skip;
    } moments[] = {{FAULT_PREADV2, 0}, {FAULT_FSTAT, 1}};
    for (size_t row = 0; row < COUNT_OF(lengths) * COUNT_OF(moments); row++) {
        size_t moment = row % COUNT_OF(moments);
        struct rewrite rewrite = {.length = lengths[row / COUNT_OF(moments)], .seed = 200 + row};
        tree_fill(&tree, "file", 1000, 100);
        faults_act(moments[moment].call, moments[moment].skip, rewrite_file, &rewrite);
        struct fetched fetched = get("file");
        cr_assert_eq(fetched.kind, FETCH_FILE);
        cr_expect(tree_filled(content_of(&fetched), rewrite.length, 200 + row), "row %zu", row);
        cr_expect(fetched.cacheable);
        cr_expect_eq(fetched.state.plain.bytes, rewrite.length);
        fetched_fini(&fetched);
    }
}

/* It becomes large enough to be sent from its descriptor: a part of it must not be given. */
Test(fetch_changes, never_truncates_a_file_that_grows_large_meanwhile)
{
    struct rewrite rewrite = {.length = 300000, .seed = 7};
    tree_fill(&tree, "file", 1000, 1);
    faults_act(FAULT_PREADV2, 0, rewrite_file, &rewrite);
    struct fetched fetched = get("file");
    if (fetched.kind == FETCH_FILE) {
        cr_expect_eq(fetched.files[0].body->length, 300000);
        cr_expect_eq(fetched.state.plain.bytes, 300000);
        fetched_fini(&fetched);
    } else {
        cr_expect_not(fetched.cacheable);
    }
}

static void append_to_file(void *argument)
{
    unsigned *left = argument;
    int fd = openat(tree.fd, "file", O_WRONLY | O_APPEND | O_CLOEXEC);
    cr_assert_eq(write(fd, "a line\n", 7), 7);
    close(fd);
    if ((*left)-- > 0)
        faults_act(FAULT_PREADV2, 0, append_to_file, left);
}

/* A busy log grows during every try, and its first bytes stay valid. */
Test(fetch_changes, gives_a_file_that_keeps_growing_as_it_was)
{
    unsigned left = 1000;
    tree_fill(&tree, "file", 1000, 1);
    faults_act(FAULT_PREADV2, 0, append_to_file, &left);
    struct fetched fetched = get("file");
    cr_assert_eq(fetched.kind, FETCH_FILE);
    struct str content = content_of(&fetched);
    cr_expect_geq(content.length, 1000);
    cr_expect(tree_filled(str_first(content, 1000), 1000, 1));
    cr_expect_eq(content.length, fetched.state.plain.bytes);
    cr_expect_not(fetched.settled, "it is checked again when its time is over");
    cr_expect_lt(faults_calls(FAULT_PREADV2), 100, "it ends");
    fetched_fini(&fetched);
}

/* Touches the file during the first two tries, and appends to it during the third. */
static void touch_or_append(void *argument)
{
    unsigned *call = argument;
    if (++*call < 3) {
        const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1700000000 + *call}};
        cr_assert_eq(utimensat(tree.fd, "file", times, 0), 0);
        faults_act(FAULT_PREADV2, 0, touch_or_append, call);
    } else {
        unsigned once = 0;
        append_to_file(&once);
    }
}

/* A read of a byte checks that it is empty, and may get the first byte that is appended. */
Test(fetch_changes, gives_an_empty_file_that_begins_to_grow_as_it_was)
{
    unsigned call = 0;
    tree_fill(&tree, "file", 0, 1);
    faults_act(FAULT_PREADV2, 0, touch_or_append, &call);
    struct fetched fetched = get("file");
    cr_assert_eq(fetched.kind, FETCH_FILE);
    cr_expect_eq(call, 3);
    cr_expect_eq(content_of(&fetched).length, 0);
    cr_expect_eq(fetched.state.plain.bytes, 0);
    fetched_fini(&fetched);
}

/* No content and no validator would be right for it. */
Test(fetch_changes, refuses_a_file_that_is_rewritten_during_every_try)
{
    struct rewrite rewrite = {.length = 500, .seed = 7, .again = 1000, .at_call = FAULT_PREADV2};
    tree_fill(&tree, "file", 1000, 1);
    faults_act(FAULT_PREADV2, 0, rewrite_file, &rewrite);
    struct fetched fetched = get("file");
    cr_assert_eq(fetched.kind, FETCH_REFUSED);
    cr_expect_eq(fetched.status, HTTP_UNAVAILABLE);
    cr_expect_not(fetched.cacheable);
    cr_expect_lt(faults_calls(FAULT_PREADV2), 100, "it ends");
}

static void swap_for_fifo(void *argument)
{
    (void)argument;
    tree_unlink(&tree, "file");
    cr_assert_eq(mkfifoat(tree.fd, "file", 0644), 0);
}

/* To open a FIFO without O_NONBLOCK would wait for a writer. */
Test(fetch_changes, neither_waits_for_nor_reads_a_fifo_that_takes_the_place_of_a_file)
{
    tree_fill(&tree, "file", 100, 1);
    faults_act(FAULT_OPENAT2, 1, swap_for_fifo, NULL);
    struct fetched fetched = get("file");
    cr_expect_eq(fetched.kind, FETCH_REFUSED);
    cr_expect_eq(fetched.status, HTTP_NOT_FOUND);
}
