/* fetch: what has changed since, and what changes while it is read. */
#include "faults.h"
#include "fetch.h"
#include "paths.h"
#include "tree.h"

#include <criterion/criterion.h>
#include <poll.h>

enum { LIMIT = FETCH_READ_BYTES_MAX, SETTLED_AFTER_SECONDS = 10 };

/* Longer than the ticks of a file system's clock. */
enum { TICK_MS = 12 };

static struct tree tree;
static int root_fd;
static const struct str index_name = STR_INIT("index.html");

static void set_up(void)
{
    tree_init(&tree);
    root_fd = fetch_open_root(tree.path);
    cr_assert_geq(root_fd, 0);
}

static void tear_down(void)
{
    faults_clear();
    close(root_fd);
    tree_fini(&tree);
}

TestSuite(fetch_changes, .init = set_up, .fini = tear_down, .timeout = 120);

/* Fetches TEXT, which ends in a slash for a directory's index. */
static struct fetched get(const char *text)
{
    struct path path = path_named(text);
    struct fetched fetched = {.kind = FETCH_REFUSED};
    cr_assert_eq(fetch(root_fd, &path, index_name, FETCH_WAITING, NULL, &fetched), 0, "%s", text);
    return fetched;
}

static struct str content_of(const struct fetched *fetched)
{
    return (struct str){fetched->body->bytes, fetched->body->length};
}

Test(fetch_changes, what_is_known_is_not_read_again)
{
    static const size_t lengths[] = {0, 100, LIMIT + 1};
    for (size_t row = 0; row < COUNT_OF(lengths); row++) {
        tree_fill(&tree, "file", lengths[row], 1);
        struct fetched first = get("file"), second;
        struct path path = path_named("file");
        faults_clear();
        unsigned descriptors = tree_open_descriptors();
        cr_assert_eq(fetch(root_fd, &path, index_name, FETCH_WAITING, &first.identity, &second), 0);
        cr_expect_eq(second.kind, FETCH_UNCHANGED);
        cr_expect(second.cacheable);
        cr_expect(blob_identity_equal(&second.identity, &first.identity));
        cr_expect_eq(faults_calls(FAULT_PREADV2), 0);
        cr_expect_eq(tree_open_descriptors(), descriptors);
        first.identity.inode++;
        cr_assert_eq(fetch(root_fd, &path, index_name, FETCH_WAITING, &first.identity, &second), 0);
        cr_assert_eq(second.kind, FETCH_FILE);
        blob_drop(first.body);
        blob_drop(second.body);
    }
}

Test(fetch_changes, a_fresh_change_is_not_settled_an_old_one_is)
{
    tree_fill(&tree, "file", 10, 1);
    struct fetched fetched = get("file");
    cr_expect_not(fetched.settled);
    blob_drop(fetched.body);
    faults_shift_clock(SETTLED_AFTER_SECONDS);
    fetched = get("file");
    cr_expect(fetched.settled);
    blob_drop(fetched.body);
    faults_shift_clock(-SETTLED_AFTER_SECONDS); /* a change in the future */
    fetched = get("file");
    cr_expect_not(fetched.settled);
    blob_drop(fetched.body);
}

struct rewrite {
    size_t length;
    uint64_t seed;
    unsigned again;     /* how often more */
    enum fault at_call; /* before which */
};

static void rewrite_file(void *argument)
{
    struct rewrite *rewrite = argument;
    poll(NULL, 0, TICK_MS);
    tree_fill(&tree, "file", rewrite->length, rewrite->seed++);
    if (rewrite->again-- > 0)
        faults_act(rewrite->at_call, 0, rewrite_file, rewrite);
}

/* Rewritten once, before the read or behind it: what is given is the file after it. */
Test(fetch_changes, a_file_that_changes_while_it_is_read_is_read_again)
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
        cr_expect_eq(fetched.identity.bytes, rewrite.length);
        blob_drop(fetched.body);
    }
}

/* It has become one that is sent from its descriptor: a part of it is no answer. */
Test(fetch_changes, a_file_that_grows_large_while_it_is_read_is_never_cut)
{
    struct rewrite rewrite = {.length = 300000, .seed = 7};
    tree_fill(&tree, "file", 1000, 1);
    faults_act(FAULT_PREADV2, 0, rewrite_file, &rewrite);
    struct fetched fetched = get("file");
    if (fetched.kind == FETCH_FILE) {
        cr_expect_eq(fetched.body->length, 300000);
        cr_expect_eq(fetched.identity.bytes, 300000);
        blob_drop(fetched.body);
    } else {
        cr_expect_not(fetched.cacheable);
    }
}

/* No content and no validator would be true of it. */
Test(fetch_changes, what_keeps_changing_is_refused_for_the_moment)
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
