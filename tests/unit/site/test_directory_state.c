/* directory_state: each added or removed name changes the state, nothing else does, and the kernel
 * is asked no more often than needed. */
#include "site/directory_state.h"
#include "support/faults.h"
#include "support/paths.h"
#include "support/tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <time.h>

enum { AGE_MS = 100, SETTLED_SECONDS = 3, PATIENCE_MS = 20000 };

static struct tree tree;
static struct directory_states states;
static struct root top;
static struct date_now now;

/* Moves the clock so that all changes so far are old. */
static void settle(void)
{
    date_now_set(&now, now.ms + AGE_MS, time(NULL) + SETTLED_SECONDS);
}

/* Gives a directory an old time, so that its next change shows even in the same tick of the clock
 * that the file system takes its times from. */
static void age(const char *name)
{
    struct timespec times[2] = {{0, UTIME_OMIT}, {1000000000, 0}};
    cr_assert_eq(utimensat(tree.fd, name, times, 0), 0);
}

static void set_up(void)
{
    states = (struct directory_states){0};
    now = (struct date_now){0};
    date_now_set(&now, 50000, 0);
    tree_init(&tree);
    top.fd = tree.fd;
    tree_dir(&tree, "d");
    tree_dir(&tree, "d/e");
    tree_fill(&tree, "d/file", 10, 1);
    age("d");
    settle();
}

static void tear_down(void)
{
    faults_clear();
    tree_fini(&tree);
}

TestSuite(directory_state, .init = set_up, .fini = tear_down, .timeout = 120);

static uint64_t state(const char *name)
{
    struct path path = path_named(name);
    struct directory_query query = {&top, &path, &now, AGE_MS};
    uint64_t seen_ms = 0;
    uint64_t found = directory_states_get(&states, &query, &seen_ms);
    cr_expect(found == 0 || now.ms - seen_ms < AGE_MS);
    return found;
}

/* The state, which must be known sooner or later: processes that rename files, or need the memory
 * of the kernel's caches, may keep it from answering without a wait. */
static uint64_t known(const char *name)
{
    uint64_t found = 0;
    for (unsigned i = 0; i < PATIENCE_MS && (found = state(name)) == 0; i++) {
        struct stat status;
        fstatat(tree.fd, name, &status, 0); /* brings the directory into the cache */
        poll(NULL, 0, 1);
        settle();
    }
    cr_assert_neq(found, 0, "%s", name);
    return found;
}

static void leave(void)
{
}

static void create(void)
{
    tree_fill(&tree, "d/file.br", 10, 1);
}

static void link_it(void)
{
    cr_assert_eq(symlinkat("nowhere", tree.fd, "d/file.gz"), 0);
}

static void rename_it(void)
{
    cr_assert_eq(renameat(tree.fd, "d/file", tree.fd, "d/other"), 0);
}

static void remove_it(void)
{
    cr_assert_eq(unlinkat(tree.fd, "d/file", 0), 0);
}

static void rewrite(void)
{
    tree_fill(&tree, "d/file", 20, 2);
}

static void create_deeper(void)
{
    tree_fill(&tree, "d/e/file", 10, 1);
}

static void swap(void)
{
    tree_dir(&tree, "new");
    cr_assert_eq(renameat(tree.fd, "d", tree.fd, "old"), 0);
    cr_assert_eq(renameat(tree.fd, "new", tree.fd, "d"), 0);
}

Test(directory_state, changes_when_an_entry_is_added_or_removed)
{
    static const struct {
        const char *label;
        void (*act)(void);
        bool same;
    } rows[] = {
        {"nothing happens", leave, true},
        {"a file comes", create, false},
        {"a link comes", link_it, false},
        {"a file is renamed", rename_it, false},
        {"a file goes", remove_it, false},
        {"a file is written", rewrite, true},
        {"a file comes into a directory in it", create_deeper, true},
        {"it is another directory", swap, false},
    };
    tear_down();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        set_up();
        uint64_t before = known("d/file");
        rows[i].act();
        settle();
        cr_expect_eq(known("d/file") == before, rows[i].same, "%s", rows[i].label);
        tear_down();
    }
    set_up();
}

/* The next change might leave the times as they are. */
Test(directory_state, is_unknown_just_after_a_change)
{
    date_now_set(&now, now.ms, time(NULL));
    cr_expect_eq(state("d/file"), 0);
    known("d/file");
}

/* Times may be as coarse as two seconds, and are compared in whole seconds. */
Test(directory_state, is_known_three_seconds_after_a_change)
{
    struct stat status;
    cr_assert_eq(fstatat(tree.fd, "d", &status, 0), 0);
    for (int64_t seconds = 0; seconds < 5; seconds++) {
        date_now_set(&now, now.ms + 10000, status.st_ctim.tv_sec + seconds);
        cr_expect_eq(state("d/file") != 0, seconds > 2, "%d s", (int)seconds);
    }
}

Test(directory_state, is_unknown_where_there_is_no_directory)
{
    cr_expect_eq(state("none/file"), 0);
    cr_expect_eq(state("d/file/file"), 0);
    known("d/file");
    faults_fail(FAULT_OPENAT2_CACHED, 0, 1, EAGAIN);
    cr_expect_eq(state("d/e/file"), 0, "that would wait for a disk");
    char name[DIRECTORY_STATE_NAME_BYTES_MAX + 4];
    memset(name, 'a', sizeof name);
    memcpy(name + DIRECTORY_STATE_NAME_BYTES_MAX + 1, "/b", 3);
    cr_expect_eq(state(name), 0);
}

Test(directory_state, belongs_to_the_directory_of_the_path)
{
    uint64_t root = known("file"), d = known("d/file"), e = known("d/e/file");
    cr_expect_neq(root, d);
    cr_expect_neq(d, e);
    cr_expect_eq(state("d/none"), d, "of any file");
    cr_expect_eq(state("d/e"), d);
    struct path path = path_named("d/e");
    struct directory_query query = {&top, &path, &now, AGE_MS};
    uint64_t seen_ms;
    path.directory = true;
    cr_expect_eq(directory_states_get(&states, &query, &seen_ms), e,
                 "a directory's index is in it");
}

Test(directory_state, asks_the_kernel_again_after_its_age_only)
{
    unsigned asked = faults_calls(FAULT_OPENAT2_CACHED);
    for (unsigned i = 0; i < 3; i++) {
        state("d/file");
        state("d/other");
        date_now_set(&now, now.ms + AGE_MS / 4, now.seconds);
    }
    cr_expect_eq(faults_calls(FAULT_OPENAT2_CACHED), asked + 1);
    date_now_set(&now, now.ms + AGE_MS / 4, now.seconds);
    state("d/file");
    cr_expect_eq(faults_calls(FAULT_OPENAT2_CACHED), asked + 2);
    directory_states_forget(&states, &top);
    state("d/file");
    cr_expect_eq(faults_calls(FAULT_OPENAT2_CACHED), asked + 3);
    date_now_set(&now, now.ms + AGE_MS, time(NULL));
    state("d/file");
    state("d/file");
    cr_expect_eq(faults_calls(FAULT_OPENAT2_CACHED), asked + 4,
                 "an unknown state isn't asked for again");
}

/* More directories than are kept, in any order: each has its own state. */
Test(directory_state, is_kept_apart_for_each_directory)
{
    enum { COUNT = 3 * DIRECTORY_STATES_COUNT };

    uint64_t expected[COUNT];
    char name[32];
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "n%u", i);
        tree_dir(&tree, name);
    }
    settle();
    struct prng prng = {1};
    for (unsigned i = 0; i < COUNT + 2000; i++) {
        unsigned number = i < COUNT ? i : (unsigned)prng_below(&prng, COUNT);
        snprintf(name, sizeof name, "n%u/file", number);
        uint64_t found = known(name);
        if (i < COUNT)
            expected[i] = found;
        cr_assert_eq(found, expected[number]);
    }
    for (unsigned i = 1; i < COUNT; i++)
        cr_expect_neq(expected[i], expected[i - 1]);
}
