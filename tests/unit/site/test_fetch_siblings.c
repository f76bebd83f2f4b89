/* fetch_regular: the compressed siblings of a file. */
#include "support/fetch_rig.h"

#include <errno.h>

enum { LIMIT = LOAD_READ_BYTES_MAX, SETTLED_AFTER_SECONDS = 10 };

TestSuite(fetch_siblings, .init = set_up, .fini = tear_down, .timeout = 120);

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

Test(fetch_siblings, loads_siblings_that_are_not_older)
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
Test(fetch_siblings, compares_times_at_the_granularity_of_the_sibling)
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
Test(fetch_siblings, skips_a_sibling_that_becomes_older_meanwhile)
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

Test(fetch_siblings, settles_only_when_all_forms_are_settled)
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

Test(fetch_siblings, does_not_read_known_siblings_again)
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

/* A shortage must not count as absence: the published resource would lack a form. */
Test(fetch_siblings, distinguishes_errors_of_siblings_from_absence)
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
