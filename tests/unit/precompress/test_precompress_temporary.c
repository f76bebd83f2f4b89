/* precompress_temporary: which files are left over and removed, and that a file in use stays. */
#include "precompress/precompress_temporary.h"
#include "support/faults.h"
#include "support/tree.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct tree tree;
static char name[PRECOMPRESS_TEMPORARY_BYTES];

static void set_up(void)
{
    tree_init(&tree);
}

static void tear_down(void)
{
    faults_clear();
    tree_fini(&tree);
}

TestSuite(precompress_temporary, .init = set_up, .fini = tear_down, .timeout = 60);

static bool exists(const char *path)
{
    return faccessat(tree.fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Creates one, and leaves it as a process that is killed would. */
static void leave_one(void)
{
    const int fd = precompress_temporary_create(tree.fd, name);
    cr_assert_geq(fd, 0);
    close(fd);
}

Test(precompress_temporary, names_are_distinguished_from_others)
{
    static const struct {
        const char *name;
        bool own;
    } rows[] = {
        {".precompress-1-0", true},     {".precompress-4194304-12", true},
        {".precompress-1", false},      {".precompress--1", false},
        {".precompress-1-", false},     {".precompress-1-2x", false},
        {".precompress-x-2", false},    {".precompress-1-2-3", false},
        {"precompress-1-2", false},     {".precompress-", false},
        {".precompress-1-2.br", false}, {"", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_expect_eq(precompress_temporary_is_name(rows[i].name), rows[i].own, "%s", rows[i].name);
    leave_one();
    cr_expect(precompress_temporary_is_name(name), "%s", name);
}

Test(precompress_temporary, file_is_removed_only_when_no_process_writes_it)
{
    const int fd = precompress_temporary_create(tree.fd, name);
    cr_assert_geq(fd, 0);
    cr_expect_eq(precompress_temporary_remove(tree.fd, name, false), 0);
    cr_expect(exists(name));
    close(fd);
    cr_expect_eq(precompress_temporary_remove(tree.fd, name, true), 1);
    cr_expect(exists(name), "a dry run removes nothing");
    cr_expect_eq(precompress_temporary_remove(tree.fd, name, false), 1);
    cr_expect_not(exists(name));
    cr_expect_eq(precompress_temporary_remove(tree.fd, name, false), 0, "it is gone");
}

Test(precompress_temporary, names_of_other_kinds_of_files_are_left)
{
    tree_link(&tree, ".precompress-1-1", "target");
    cr_assert_eq(mkfifoat(tree.fd, ".precompress-1-2", 0600), 0);
    cr_expect_eq(precompress_temporary_remove(tree.fd, ".precompress-1-1", false), 0);
    cr_expect_eq(precompress_temporary_remove(tree.fd, ".precompress-1-2", false), 0);
    cr_expect(exists(".precompress-1-1") && exists(".precompress-1-2"));
}

/* What another run does that finds the file before its process has locked it. */
static void remove_it_first(void *argument)
{
    char expected[PRECOMPRESS_TEMPORARY_BYTES];
    (void)argument;
    snprintf(expected, sizeof expected, ".precompress-%ld-1", (long)getpid());
    tree_unlink(&tree, expected);
}

Test(precompress_temporary, file_that_another_run_removes_gets_another_name)
{
    leave_one(); /* number 0 */
    faults_act(FAULT_FLOCK, 0, remove_it_first, NULL);
    const int fd = precompress_temporary_create(tree.fd, name);
    cr_assert_geq(fd, 0);
    cr_expect(exists(name), "%s", name);
    close(fd);
}

/* Its run is about to remove it. */
Test(precompress_temporary, file_that_another_run_has_locked_is_given_up)
{
    char expected[PRECOMPRESS_TEMPORARY_BYTES];
    const unsigned descriptors = tree_open_descriptors();
    faults_fail(FAULT_FLOCK, 0, 1, EWOULDBLOCK);
    const int fd = precompress_temporary_create(tree.fd, name);
    cr_assert_geq(fd, 0);
    snprintf(expected, sizeof expected, ".precompress-%ld-1", (long)getpid());
    cr_expect_str_eq(name, expected);
    close(fd);
    cr_expect_eq(tree_open_descriptors(), descriptors);
}

static void rename_it(void *argument)
{
    (void)argument;
    tree_rename(&tree, name, "a.txt.br");
}

/* Its process has given the file its name between our open and our lock. */
Test(precompress_temporary, file_that_has_become_a_sibling_is_left)
{
    leave_one();
    faults_act(FAULT_FLOCK, 0, rename_it, NULL);
    cr_expect_eq(precompress_temporary_remove(tree.fd, name, false), 0);
    cr_expect(exists("a.txt.br"));
}

Test(precompress_temporary, file_is_left_when_a_call_fails)
{
    static const struct {
        enum fault fault;
        int error, result;
    } rows[] = {
        {FAULT_OPENAT, EMFILE, -EMFILE}, {FAULT_OPENAT, EACCES, 0},       {FAULT_FLOCK, ENOLCK, 0},
        {FAULT_FSTAT, EIO, 0},           {FAULT_UNLINKAT, EROFS, -EROFS},
    };
    leave_one();
    const unsigned descriptors = tree_open_descriptors();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        faults_fail(rows[i].fault, 0, 1, rows[i].error);
        cr_expect_eq(precompress_temporary_remove(tree.fd, name, false), rows[i].result, "row %zu",
                     i);
        cr_expect(exists(name), "row %zu", i);
        cr_expect_eq(tree_open_descriptors(), descriptors, "row %zu", i);
        faults_clear();
    }
}

Test(precompress_temporary, file_is_not_created_when_no_name_is_free)
{
    faults_fail(FAULT_OPENAT, 0, FAULT_ALWAYS, EEXIST);
    cr_expect_eq(precompress_temporary_create(tree.fd, name), -EEXIST);
    faults_fail(FAULT_OPENAT, 0, 1, ENOSPC);
    cr_expect_eq(precompress_temporary_create(tree.fd, name), -ENOSPC);
}
