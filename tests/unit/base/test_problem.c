/* problem: a mistake in words, from its parts. */
#include "base/problem.h"

#include <criterion/criterion.h>
#include <string.h>

static void expect_text(const struct problem *problem, const char *wanted)
{
    char text[PROBLEM_TEXT_BYTES];
    size_t length = problem_text(problem, text);
    cr_expect_str_eq(text, wanted);
    cr_expect_eq(length, strlen(text));
}

Test(problem, names_the_option_by_its_dashes_on_the_command_line)
{
    struct problem problem;
    problem_set(&problem, "'%s' is not a number", "two");
    problem_remedy(&problem, "give one from %d to %d", 1, 9);
    problem_of_option(&problem, "threads");
    expect_text(&problem, "--threads 'two' is not a number; give one from 1 to 9");
}

Test(problem, names_file_line_and_column_and_the_option_as_files_write_it)
{
    struct problem problem;
    problem_set(&problem, "is empty");
    problem_of_option(&problem, "spa");
    problem_in_file(&problem, "sluice.conf", 0, 5);
    expect_text(&problem, "sluice.conf: spa is empty");
    problem_in_file(&problem, "sluice.conf", 3, 0);
    expect_text(&problem, "sluice.conf, line 3: spa is empty");
    problem_in_file(&problem, "sluice.conf", 3, 5);
    problem_remedy(&problem, "name a file");
    expect_text(&problem, "sluice.conf, line 3, column 5: spa is empty; name a file");
}

Test(problem, keeps_nothing_of_the_one_before)
{
    struct problem problem;
    problem_set(&problem, "first");
    problem_remedy(&problem, "do this");
    problem_of_option(&problem, "threads");
    problem_in_file(&problem, "file", 1, 2);
    problem_set(&problem, "second");
    expect_text(&problem, "second");
    problem_set_no_memory(&problem);
    expect_text(&problem, "out of memory; make more memory available to this process");
}

Test(problem, takes_a_prefix_and_keeps_the_rest)
{
    struct problem problem;
    problem_set(&problem, "no memory");
    problem_remedy(&problem, "add some");
    problem_prefix(&problem, "cannot use %s: ", "it");
    expect_text(&problem, "cannot use it: no memory; add some");
}

Test(problem, cuts_long_text_visibly)
{
    static char longest[2 * PROBLEM_TEXT_BYTES];
    char text[PROBLEM_TEXT_BYTES];
    struct problem problem;
    memset(longest, 'x', sizeof longest - 1);
    problem_set(&problem, "%s", longest);
    cr_expect_eq(strlen(problem.what), PROBLEM_WHAT_BYTES - 1);
    cr_expect_str_eq(problem.what + PROBLEM_WHAT_BYTES - 5, "x...");
    problem_remedy(&problem, "%s", longest);
    problem_of_option(&problem, longest);
    problem_in_file(&problem, longest, UINT32_MAX, UINT32_MAX);
    size_t length = problem_text(&problem, text);
    cr_expect_eq(length, strlen(text));
    cr_expect_gt(length, PROBLEM_WHAT_BYTES + PROBLEM_REMEDY_BYTES + PROBLEM_FILE_BYTES);
    cr_expect_str_eq(text + length - 4, "x...", "nothing is cut a second time");
}

Test(problem, keeps_text_that_just_fits)
{
    char exact[PROBLEM_REMEDY_BYTES];
    struct problem problem;
    memset(exact, 'y', sizeof exact - 1);
    exact[sizeof exact - 1] = '\0';
    problem_set(&problem, "a");
    problem_remedy(&problem, "%s", exact);
    cr_expect_str_eq(problem.remedy, exact);
}
