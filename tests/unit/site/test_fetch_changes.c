/* fetch: files that have changed since the last time, and files that change while they are read. */
#include "support/fetch_rig.h"

#include <errno.h>
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

/* --- Siblings --------------------------------------------------------------------------------- */

static void set_time(const char *name, int64_t seconds, long nanoseconds)
{
    struct timespec times[2] = {{0, UTIME_OMIT}, {seconds, nanoseconds}};
    cr_assert_eq(utimensat(tree.fd, name, times, 0), 0);
}

/* The available forms of a.css, as letters: p, g, z, b; and its state. */
static const char *forms_of(struct fetch_state *ret_state)
{
    static char text[CONTENT_CODING_COUNT + 1];
    struct fetched fetched = get("a.css");
    size_t length = 0;
    cr_assert_eq(fetched.kind, FETCH_FILE);
    for (unsigned i = 0; i < CONTENT_CODING_COUNT; i++) {
        if (fetched.available & content_coding_bit((enum content_coding)i))
            text[length++] = "pgzb"[i];
    }
    text[length] = '\0';
    *ret_state = fetched.state;
    fetched_fini(&fetched);
    return text;
}

Test(fetch_changes, loads_siblings_that_are_not_older)
{
    static const struct {
        const char *label, *name; /* changed by this row */
        int64_t seconds;          /* its time; -1: removed */
        const char *forms;
    } rows[] = {
        {"alone", "a.css", 1000, "p"},
        {"one of the same time", "a.css.gz", 1000, "pg"},
        {"a later one", "a.css.br", 2000, "pgb"},
        {"an older one", "a.css.zst", 999, "pgb"},
        {"renewed", "a.css.zst", 1000, "pgzb"},
        {"gone", "a.css.gz", -1, "pzb"},
        {"the plain one changed", "a.css", 1500, "pb"},
        {"and again", "a.css", 2001, "p"},
    };
    struct fetch_state before = {0}, state;
    site.codings = CONTENT_CODING_ALL_CODED;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].seconds < 0) {
            tree_unlink(&tree, rows[i].name);
        } else {
            tree_fill(&tree, rows[i].name, 100 + i, i);
            set_time(rows[i].name, rows[i].seconds, 0);
        }
        cr_expect_str_eq(forms_of(&state), rows[i].forms, "%s", rows[i].label);
        bool same = fetch_state_equal(&state, &before);
        cr_expect_eq(same, strcmp(rows[i].label, "an older one") == 0, "%s", rows[i].label);
        before = state;
    }
}

/* Tools copy the time of their input in less than nanoseconds: Debian's brotli -k in seconds, cp to
 * FAT in two seconds, Node.js in milliseconds, calculated in floating point. */
Test(fetch_changes, compares_times_at_the_granularity_of_the_sibling)
{
    enum { SECOND = 1000000001 };
    static const struct {
        const char *label;
        struct timespec plain, sibling;
        bool used;
    } rows[] = {
        {"the same", {SECOND, 123456789}, {SECOND, 123456789}, true},
        {"seconds", {SECOND, 999999999}, {SECOND, 0}, true},
        {"a second less", {SECOND, 123456789}, {SECOND - 2, 0}, false},
        {"seconds, both", {SECOND, 0}, {SECOND - 1, 0}, false},
        {"FAT", {SECOND, 999999999}, {SECOND - 1, 0}, true},
        {"less on FAT", {SECOND, 1}, {SECOND - 3, 0}, false},
        {"next on FAT", {SECOND + 1, 1}, {SECOND - 1, 0}, false},
        {"exFAT", {SECOND, 129999999}, {SECOND, 120000000}, true},
        {"10 ms less", {SECOND, 130000000}, {SECOND, 120000000}, false},
        {"milliseconds", {SECOND, 123999999}, {SECOND, 123000000}, true},
        {"a millisecond less", {SECOND, 124000000}, {SECOND, 123000000}, false},
        {"milliseconds as floating point", {SECOND, 123999999}, {SECOND, 122999000}, true},
        {"the same, finer", {SECOND, 123999999}, {SECOND, 122999907}, true},
        {"a millisecond less than that", {SECOND, 124000000}, {SECOND, 122999000}, false},
        {"microseconds", {SECOND, 123456999}, {SECOND, 123456000}, true},
        {"a microsecond less", {SECOND, 123457000}, {SECOND, 123456000}, false},
        {"floating point", {SECOND, 123456789}, {SECOND, 123456716}, true},
        {"no coarser than microseconds", {SECOND, 123457789}, {SECOND, 123456789}, false},
        {"before the last second's end", {SECOND, 1}, {SECOND - 1, 999999999}, true},
        {"much older", {SECOND, 0}, {0, 0}, false},
        {"later", {SECOND, 1}, {2000000000, 0}, true},
    };
    struct fetch_state state;
    site.codings = CONTENT_CODING_ALL_CODED;
    tree_fill(&tree, "a.css", 100, 1);
    tree_fill(&tree, "a.css.br", 50, 2);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        set_time("a.css", rows[i].plain.tv_sec, rows[i].plain.tv_nsec);
        set_time("a.css.br", rows[i].sibling.tv_sec, rows[i].sibling.tv_nsec);
        cr_expect_str_eq(forms_of(&state), rows[i].used ? "pb" : "p", "%s", rows[i].label);
    }
}

static void renew_plain(void *argument)
{
    (void)argument;
    tree_fill(&tree, "a.css", 200, 3);
    set_time("a.css", 3000, 0);
}

/* The sibling was usable, but belongs to another version when it is loaded. */
Test(fetch_changes, skips_a_sibling_that_becomes_older_meanwhile)
{
    struct fetch_state state;
    unsigned descriptors = tree_open_descriptors();
    site.codings = CONTENT_CODING_ALL_CODED;
    tree_fill(&tree, "a.css", 100, 1);
    tree_fill(&tree, "a.css.gz", 50, 2);
    set_time("a.css", 1000, 0);
    set_time("a.css.gz", 2000, 0);
    faults_act(FAULT_OPENAT2, 4, renew_plain, NULL); /* after the checks, before it is opened */
    cr_expect_str_eq(forms_of(&state), "p");
    cr_expect_eq(state.siblings, 0);
    cr_expect_eq(state.plain.bytes, 200);
    cr_expect_eq(tree_open_descriptors(), descriptors);
}

static void let_time_pass(void *argument)
{
    (void)argument;
    faults_shift_clock(SETTLED_AFTER_SECONDS);
}

static void turn_back_the_clock(void *argument)
{
    (void)argument;
    faults_shift_clock(-SETTLED_AFTER_SECONDS); /* so the form to be loaded changed just now */
    faults_act(FAULT_OPENAT2, 1, let_time_pass, NULL);
}

Test(fetch_changes, settles_only_when_all_forms_are_settled)
{
    enum { CHECKS = 4, FORMS = 3 }; /* each opens once */

    site.codings = CONTENT_CODING_ALL_CODED;
    tree_fill(&tree, "a.css", 100, 1);
    tree_fill(&tree, "a.css.gz", 50, 2);
    tree_fill(&tree, "a.css.br", 50, 3);
    set_time("a.css", 1000, 0);
    set_time("a.css.gz", 1500, 0);
    set_time("a.css.br", 2000, 0);
    for (unsigned i = 0; i <= FORMS; i++) {
        faults_shift_clock(SETTLED_AFTER_SECONDS);
        if (i < FORMS)
            faults_act(FAULT_OPENAT2, CHECKS + i, turn_back_the_clock, NULL);
        struct fetched fetched = get("a.css");
        cr_expect(fetched.available & content_coding_bit(CONTENT_CODING_GZIP));
        cr_expect(fetched.available & content_coding_bit(CONTENT_CODING_BR));
        cr_expect_eq(fetched.settled, i == FORMS, "%u", i);
        fetched_fini(&fetched);
    }
}

Test(fetch_changes, does_not_read_known_siblings_again)
{
    struct fetch_state state;
    struct fetched fetched;
    site.codings = CONTENT_CODING_ALL_CODED;
    tree_fill(&tree, "a.css", 100, 1);
    tree_fill(&tree, "a.css.br", LIMIT + 1, 2);
    unsigned descriptors = tree_open_descriptors();
    forms_of(&state);
    cr_expect_eq(tree_open_descriptors(), descriptors);
    faults_clear();
    cr_assert_eq(fetch_named("a.css", IO_WAITING, &state, &fetched), 0);
    cr_expect_eq(fetched.kind, FETCH_UNCHANGED);
    cr_expect_eq(faults_calls(FAULT_PREADV2), 0);
    tree_unlink(&tree, "a.css.br");
    cr_assert_eq(fetch_named("a.css", IO_WAITING, &state, &fetched), 0);
    cr_expect_eq(fetched.kind, FETCH_FILE);
    fetched_fini(&fetched);
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

/* A shortage must not count as absence: the published resource would lack a form. */
Test(fetch_changes, distinguishes_errors_of_siblings_from_absence)
{
    static const struct {
        int error;
        bool refused;
    } rows[] = {{ENOENT, false}, {EACCES, false}, {ELOOP, false}, {EMFILE, true}, {EIO, true}};
    site.codings = CONTENT_CODING_ALL_CODED;
    tree_fill(&tree, "a.css", 100, 1);
    tree_fill(&tree, "a.css.gz", 50, 2);
    unsigned descriptors = tree_open_descriptors();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        /* The calls: a check of the file, 3 of siblings, 2 opens. */
        for (unsigned call = 1; call <= 5; call++) {
            faults_fail(FAULT_OPENAT2, call, 1, rows[i].error);
            struct fetched fetched = get("a.css");
            if (call != 4) /* that one is the plain file's */
                cr_expect_eq(fetched.kind == FETCH_REFUSED, rows[i].refused, "%d, %u",
                             rows[i].error, call);
            fetched_fini(&fetched);
        }
    }
    cr_expect_eq(tree_open_descriptors(), descriptors);
}
