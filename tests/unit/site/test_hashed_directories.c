/* hashed_directories: the names of a directory are judged together, once, and again when it has
 * changed. */
#include "site/hashed_directories.h"
#include "support/faults.h"
#include "support/paths.h"
#include "support/tree.h"

#include <criterion/criterion.h>
#include <errno.h>

enum { NOW_MS = 5000000, SETTLED_SECONDS = 10 };

static struct tree tree;
static struct hashed_directories *directories;

static void write_empty(const char *name)
{
    tree_write(&tree, name, STR(""));
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
    tree_init(&tree);
    tree_dir(&tree, "assets");
    write_empty("assets/index-BfJk3x9Q.js");
    write_empty("assets/index-DX3kQ9vL.css");
    write_empty("assets/logo-CH7do9hT.svg");
    write_empty("assets/site-overview.js");
    directories = hashed_directories_create();
    cr_assert_not_null(directories);
}

static void tear_down(void)
{
    faults_clear();
    hashed_directories_destroy(directories);
    tree_fini(&tree);
}

TestSuite(hashed_directories, .init = set_up, .fini = tear_down);

/* Asks for NAME in MODE at MS. */
static int ask(const char *name, enum io_mode mode, uint64_t ms, bool *ret)
{
    struct path path = path_named(name);
    struct hashed_query query = {tree.fd, &path, tree.path, mode};
    return hashed_directories_ask(directories, &query, ms, ret);
}

static void expect_at(const char *name, uint64_t ms, bool hashed)
{
    bool found = !hashed;
    cr_expect_eq(ask(name, IO_BY_JOB, ms, &found), 0);
    cr_expect_eq(found, hashed, "%s", name);
}

/* Whether the directory of NAME has to be read at MS. */
static bool has_to_be_read(const char *name, uint64_t ms)
{
    bool hashed;
    int error = ask(name, IO_WITHOUT_WAITING, ms, &hashed);
    cr_expect(error == 0 || error == -EAGAIN, "%d", error);
    return error == -EAGAIN;
}

Test(hashed_directories, finds_names_with_a_hash)
{
    expect_at("assets/index-BfJk3x9Q.js", NOW_MS, true);
    expect_at("assets/logo-CH7do9hT.svg", NOW_MS, true);
    expect_at("assets/site-overview.js", NOW_MS, false);
    expect_at("assets/gone-B2xQ7kLm.js", NOW_MS, false);
    expect_at("gone/index-BfJk3x9Q.js", NOW_MS, false);
    expect_at("index-BfJk3x9Q.js", NOW_MS, false);
}

Test(hashed_directories, reads_a_directory_for_all_its_files_once)
{
    cr_expect(has_to_be_read("assets/index-BfJk3x9Q.js", NOW_MS));
    expect_at("assets/logo-CH7do9hT.svg", NOW_MS, true);
    bool hashed = false;
    cr_expect_eq(ask("assets/index-BfJk3x9Q.js", IO_WITHOUT_WAITING, NOW_MS, &hashed), 0);
    cr_expect(hashed);
}

Test(hashed_directories, reads_nothing_for_a_name_that_decides_by_itself)
{
    bool hashed = true;
    faults_clear();
    cr_expect_eq(ask("assets/app.js", IO_WITHOUT_WAITING, NOW_MS, &hashed), 0);
    cr_expect_not(hashed);
    cr_expect_eq(ask("_astro/about.B7xK2mQp.css", IO_WITHOUT_WAITING, NOW_MS, &hashed), 0);
    cr_expect(hashed);
    cr_expect_eq(faults_calls(FAULT_OPENAT2) + faults_calls(FAULT_OPENAT2_CACHED), 0);
}

Test(hashed_directories, does_not_read_where_the_event_thread_would_wait)
{
    bool hashed = true;
    cr_expect_eq(ask("assets/index-BfJk3x9Q.js", IO_WAITING, NOW_MS, &hashed), 0);
    cr_expect_not(hashed);
    cr_expect(has_to_be_read("assets/index-BfJk3x9Q.js", NOW_MS), "nothing was kept");
}

Test(hashed_directories, judges_again_when_a_name_is_added)
{
    tree_dir(&tree, "js");
    write_empty("js/main.3f2a9c1b.js");
    age("js");
    expect_at("js/main.3f2a9c1b.js", NOW_MS, false);
    write_empty("js/main.ef2371b4.css");
    expect_at("js/main.3f2a9c1b.js", NOW_MS, true);
}

Test(hashed_directories, trusts_a_directory_that_has_just_changed_for_a_second)
{
    expect_at("assets/index-BfJk3x9Q.js", NOW_MS, true);
    uint64_t end_ms = NOW_MS + HASHED_DIRECTORIES_UNSETTLED_MS;
    cr_expect_not(has_to_be_read("assets/index-BfJk3x9Q.js", end_ms - 1));
    cr_expect(has_to_be_read("assets/index-BfJk3x9Q.js", end_ms));
}

Test(hashed_directories, trusts_an_old_directory_for_a_minute)
{
    faults_shift_clock(SETTLED_SECONDS);
    expect_at("assets/index-BfJk3x9Q.js", NOW_MS, true);
    uint64_t end_ms = NOW_MS + HASHED_DIRECTORIES_AGE_MS;
    cr_expect_not(has_to_be_read("assets/index-BfJk3x9Q.js", end_ms - 1));
    cr_expect(has_to_be_read("assets/index-BfJk3x9Q.js", end_ms));
    cr_expect_not(has_to_be_read("assets/index-BfJk3x9Q.js", NOW_MS - 1), "an older turn");
}

Test(hashed_directories, asks_directories_beside)
{
    tree_dir(&tree, "static");
    tree_dir(&tree, "static/js");
    tree_dir(&tree, "static/media");
    tree_dir(&tree, "static/people");
    write_empty("static/js/main.3f2a9c1b.js");
    write_empty("static/js/2.ef2371b4.js");
    write_empty("static/media/logo.6ce24c58.svg");
    write_empty("static/people/anna.6ce24c58.svg");
    expect_at("static/media/logo.6ce24c58.svg", NOW_MS, true);
    expect_at("static/people/anna.6ce24c58.svg", NOW_MS, false);
}

Test(hashed_directories, takes_no_name_of_a_huge_directory)
{
    char name[64];
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(name, sizeof name, "assets/%u.txt", i);
        write_empty(name);
    }
    expect_at("assets/index-BfJk3x9Q.js", NOW_MS, false);
    cr_expect_not(has_to_be_read("assets/index-BfJk3x9Q.js", NOW_MS));
}

Test(hashed_directories, forgets_the_directory_that_was_not_used_for_longest)
{
    char name[64];
    for (unsigned i = 0; i <= HASHED_DIRECTORIES_MAX; i++) {
        snprintf(name, sizeof name, "d%u", i);
        tree_dir(&tree, name);
        snprintf(name, sizeof name, "d%u/index-BfJk3x9Q.js", i);
        expect_at(name, NOW_MS, false);
        cr_expect_not(has_to_be_read("d0/index-BfJk3x9Q.js", NOW_MS), "%u", i);
    }
    cr_expect(has_to_be_read("d1/index-BfJk3x9Q.js", NOW_MS));
    cr_expect_not(has_to_be_read("d2/index-BfJk3x9Q.js", NOW_MS));
}

Test(hashed_directories, takes_no_name_when_memory_is_out)
{
    bool hashed = true;
    for (unsigned skip = 0; skip < 4; skip++) {
        faults_clear();
        faults_fail(FAULT_MEMORY, skip, FAULT_ALWAYS, ENOMEM);
        cr_expect_eq(ask("assets/index-BfJk3x9Q.js", IO_BY_JOB, NOW_MS, &hashed), 0);
        cr_expect_not(hashed);
        faults_clear();
        hashed_directories_destroy(directories);
        directories = hashed_directories_create();
    }
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    cr_expect_null(hashed_directories_create());
}
