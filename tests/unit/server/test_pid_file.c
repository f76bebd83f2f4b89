/* pid_file: which files it leaves, when one process follows another. */
#include "server/pid_file.h"

#include "support/tree.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

enum { NEXT = 4711 }; /* the number of the process that follows */

static struct tree tree;
static struct pid_file file;
static struct problem problem;
static char path[sizeof tree.path + 16], prepared[sizeof path + 16];

static void set_up(void)
{
    tree_init(&tree);
    snprintf(path, sizeof path, "%s/pid", tree.path);
    snprintf(prepared, sizeof prepared, "%s.%d", path, NEXT);
    cr_assert_eq(pid_file_prepare(&file, path, &problem), 0, "%s", problem.what);
    cr_assert_eq(pid_file_publish(&file, &problem), 0, "%s", problem.what);
}

static void tear_down(void)
{
    pid_file_remove(&file);
    tree_fini(&tree);
}

TestSuite(pid_file, .init = set_up, .fini = tear_down, .timeout = 20);

static bool exists(const char *name)
{
    return access(name, F_OK) == 0;
}

Test(pid_file, of_an_upgrade_that_has_failed_is_removed)
{
    tree_write(&tree, "pid.4711", STR("4711\n"));
    pid_file_clean(&file, NEXT);
    cr_expect_not(exists(prepared));
    cr_expect(exists(path), "that of this process stays");
    pid_file_clean(&file, NEXT);
    pid_file_clean(&(struct pid_file){.path = NULL}, NEXT);
}

Test(pid_file, is_removed_at_the_end_if_the_next_process_has_none_there)
{
    pid_file_leave(&file, NEXT);
    pid_file_remove(&file);
    cr_expect_not(exists(path));
}

/* Else a reader would find none for a moment. */
Test(pid_file, is_left_if_the_next_process_is_about_to_replace_it)
{
    tree_write(&tree, "pid.4711", STR("4711\n"));
    pid_file_leave(&file, NEXT);
    pid_file_remove(&file);
    cr_expect(exists(path));
    cr_expect(exists(prepared));
}

Test(pid_file, of_the_next_process_is_left)
{
    tree_write(&tree, "pid.4711", STR("4711\n"));
    pid_file_leave(&file, NEXT);
    cr_assert_eq(rename(prepared, path), 0);
    pid_file_remove(&file);
    cr_expect(exists(path));
}
