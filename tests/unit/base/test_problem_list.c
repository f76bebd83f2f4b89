/* problem_list: mistakes are kept once, up to a bound, where they do not end the search. */
#include "base/problem_list.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct problem_list list;

static void clear(void)
{
    list = (struct problem_list){.count = 0};
}

TestSuite(problem_list, .init = clear);

static struct problem problem_at(unsigned line)
{
    struct problem problem;
    problem_set(&problem, "wrong");
    problem_in_file(&problem, "a.conf", line, 0);
    return problem;
}

Test(problem_list, ends_the_search_without_a_list)
{
    const struct problem problem = problem_at(1);
    cr_expect_eq(problem_list_keep(NULL, -EINVAL, &problem), -EINVAL);
    cr_expect_eq(problem_list_keep(NULL, 0, NULL), 0);
    cr_expect_not(problem_list_has_any(NULL));
}

Test(problem_list, ends_the_search_when_memory_is_out)
{
    const struct problem problem = problem_at(1);
    cr_expect_eq(problem_list_keep(&list, -ENOMEM, &problem), -ENOMEM);
    cr_expect_not(problem_list_has_any(&list));
}

Test(problem_list, keeps_a_mistake_once)
{
    struct problem problem = problem_at(1), other = problem_at(2);
    cr_expect_eq(problem_list_keep(&list, 0, &problem), 0);
    cr_expect_eq(list.count, 0);
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(problem_list_keep(&list, -EINVAL, &problem), 0);
        cr_expect_eq(problem_list_keep(&list, -ENOENT, &other), 0);
    }
    cr_expect_eq(list.count, 2);
    problem_of_option(&problem, "root");
    problem_list_keep(&list, -EINVAL, &problem);
    cr_expect_eq(list.count, 3, "it is about another option");
}

Test(problem_list, says_that_there_are_more_than_it_keeps)
{
    for (unsigned i = 1; i <= PROBLEM_LIST_MAX + 1; i++) {
        const struct problem problem = problem_at(i), first = problem_at(1);
        cr_expect_not(list.has_more);
        cr_expect_eq(problem_list_keep(&list, -EINVAL, &problem), 0);
        cr_expect_eq(problem_list_keep(&list, -EINVAL, &first), 0);
    }
    cr_expect(list.has_more);
    cr_expect_eq(list.count, PROBLEM_LIST_MAX);
}
