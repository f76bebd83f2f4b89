/* folders: every name that comes or goes is told, nothing else is, and the kernel is asked no more often than
 * it must. */
#include "site/directory_state.h"
#include "support/faults.h"
#include "support/paths.h"
#include "support/tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <time.h>

enum { AGE_MS = 100, SETTLED_SECONDS = 3 };

static struct tree tree;
static struct directory_states folders;
static struct date_now now;

/* All that has been done is long ago. */
static void settle(void)
{
    date_now_set(&now, now.ms + AGE_MS, time(NULL) + SETTLED_SECONDS);
}

static void set_up(void)
{
    folders = (struct directory_states){0};
    now = (struct date_now){0};
    date_now_set(&now, 50000, 0);
    tree_init(&tree);
    tree_dir(&tree, "d");
    tree_dir(&tree, "d/e");
    tree_fill(&tree, "d/file", 10, 1);
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
    uint64_t seen_ms = 0;
    uint64_t found = directory_states_get(&folders, tree.fd, &path, &now, AGE_MS, &seen_ms);
    cr_expect(found == 0 || now.ms - seen_ms < AGE_MS);
    return found;
}

/* The same, which has to be told sooner or later: others who change names may keep the kernel from telling
 * without a wait. */
static uint64_t told(const char *name)
{
    uint64_t found = 0;
    for (unsigned i = 0; i < 100 && (found = state(name)) == 0; i++)
        settle();
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

Test(directory_state, names_that_come_or_go_are_told)
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
        uint64_t before = told("d/file");
        rows[i].act();
        settle();
        cr_expect_eq(told("d/file") == before, rows[i].same, "%s", rows[i].label);
        tear_down();
    }
    set_up();
}

/* The next change might have the same time. */
Test(directory_state, what_has_just_changed_can_not_be_told)
{
    date_now_set(&now, now.ms, time(NULL));
    cr_expect_eq(state("d/file"), 0);
    told("d/file");
}

Test(directory_state, what_is_no_directory_can_not_be_told)
{
    cr_expect_eq(state("none/file"), 0);
    cr_expect_eq(state("d/file/file"), 0);
    told("d/file");
    faults_fail(FAULT_OPEN_CACHED, 0, 1, EAGAIN);
    cr_expect_eq(state("d/e/file"), 0, "that would wait for a disk");
    char name[DIRECTORY_STATE_NAME_BYTES_MAX + 4];
    memset(name, 'a', sizeof name);
    memcpy(name + DIRECTORY_STATE_NAME_BYTES_MAX + 1, "/b", 3);
    cr_expect_eq(state(name), 0);
}

Test(directory_state, a_path_is_in_its_directory)
{
    uint64_t root = told("file"), d = told("d/file"), e = told("d/e/file");
    cr_expect_neq(root, d);
    cr_expect_neq(d, e);
    cr_expect_eq(state("d/none"), d, "whatever is asked for");
    cr_expect_eq(state("d/e"), d);
    struct path path = path_named("d/e");
    uint64_t seen_ms;
    path.directory = true;
    cr_expect_eq(directory_states_get(&folders, tree.fd, &path, &now, AGE_MS, &seen_ms), e,
                 "a directory's index is in it");
}

Test(directory_state, the_kernel_is_asked_once_in_a_while)
{
    unsigned asked = faults_calls(FAULT_OPEN_CACHED);
    for (unsigned i = 0; i < 3; i++) {
        state("d/file");
        state("d/other");
        date_now_set(&now, now.ms + AGE_MS / 4, now.seconds);
    }
    cr_expect_eq(faults_calls(FAULT_OPEN_CACHED), asked + 1);
    date_now_set(&now, now.ms + AGE_MS / 4, now.seconds);
    state("d/file");
    cr_expect_eq(faults_calls(FAULT_OPEN_CACHED), asked + 2);
    directory_states_forget(&folders);
    state("d/file");
    cr_expect_eq(faults_calls(FAULT_OPEN_CACHED), asked + 3);
    date_now_set(&now, now.ms + AGE_MS, time(NULL));
    state("d/file");
    state("d/file");
    cr_expect_eq(faults_calls(FAULT_OPEN_CACHED), asked + 4,
                 "what can't be told isn't asked again");
}

/* More directories than are kept, in any order: each has its own state. */
Test(directory_state, many_are_told_apart)
{
    enum { COUNT = 3 * DIRECTORY_STATES_COUNT };

    uint64_t states[COUNT];
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
        uint64_t found = told(name);
        if (i < COUNT)
            states[i] = found;
        cr_assert_eq(found, states[number]);
    }
    for (unsigned i = 1; i < COUNT; i++)
        cr_expect_neq(states[i], states[i - 1]);
}
