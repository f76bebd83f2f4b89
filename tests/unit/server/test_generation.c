/* generation: which site of a generation is which of the one before, by its first name. */
#include "server/generation.h"

#include "config/command_line.h"
#include "site/store_sites.h"
#include "support/tree.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct tree tree;

static void set_up(void)
{
    tree_init(&tree);
}

static void tear_down(void)
{
    tree_fini(&tree);
}

TestSuite(generation, .init = set_up, .fini = tear_down);

/* The generation of the configuration TEXT, after FORMER, which may be NULL. */
static struct generation *make(const char *text, const struct generation *former)
{
    char word[TREE_PATH_BYTES + 32];
    char *argv[] = {(char *)(uintptr_t) "sluice", word};
    const struct command_line line = {
        .program = "sluice", .argc = 2, .argv = argv, .form = PROFILE_CONFIGURED};
    struct settings *settings = settings_create();
    struct generation *generation;
    struct problem problem;
    enum command command;
    snprintf(word, sizeof word, "--config=%s/sluice.conf", tree.path);
    tree_write(&tree, "sluice.conf", str_of(text));
    cr_assert_eq(command_line_parse(&line, settings, &command, &problem), 0, "%s", problem.what);
    cr_assert_eq(generation_create(&generation, settings, former, &problem), 0, "%s", problem.what);
    cr_assert_eq(generation_follow(generation, former, &problem), 0, "%s", problem.what);
    settings_unref(settings);
    return generation;
}

/* Expects that site NUMBER of NEXT is site NAMESAKE of the generation before, CHANGED or not. */
static void expect_site(const struct generation *next, uint32_t number, uint32_t namesake,
                        bool changed)
{
    const uint32_t former = changed ? (uint32_t)STORE_SITES_NEW : namesake;
    cr_expect_eq(next->namesakes[number], namesake, "%u: %u", number, next->namesakes[number]);
    cr_expect_eq(next->former[number], former, "%u: %u", number, next->former[number]);
}

Test(generation, pairs_sites_by_their_first_names_in_any_order)
{
    const uint32_t new = (uint32_t)STORE_SITES_NEW;
    struct generation *former = make("root = .\n[site *.b]\n[site *]\n[site a c]\n[site [::1]]\n"
                                     "[site d]\n[site e.b.]\n",
                                     NULL);
    struct generation *next = make("root = .\n[site e.b.]\n[site x.b]\n[site c]\n[site a]\n"
                                   "[site [::1]]\n[site *]\nindex = i\n[site *.b]\n",
                                   former);
    expect_site(next, 0, 5, false);
    expect_site(next, 1, new, false); /* that *.b answered for it does not make it that site */
    expect_site(next, 2, new, false); /* it was another name of a */
    expect_site(next, 3, 2, true);
    expect_site(next, 4, 3, false);
    expect_site(next, 5, 1, true);
    expect_site(next, 6, 0, false);
    cr_expect_eq(next->counts.added, 2);
    cr_expect_eq(next->counts.changed, 2);
    cr_expect_eq(next->counts.removed, 1);
    generation_unref(former);
    generation_unref(next);
}

Test(generation, pairs_a_single_site_by_its_name_too)
{
    const uint32_t new = (uint32_t)STORE_SITES_NEW;
    struct generation *first = make("root = .\n", NULL), *second = make("root = .\n", first);
    struct generation *third = make("root = .\n[site a]\n", second);
    struct generation *last = make("root = .\n[site b]\n[site a]\n", third);
    expect_site(second, 0, 0, false);
    expect_site(third, 0, new, false);
    expect_site(last, 0, new, false);
    expect_site(last, 1, 0, false);
    generation_unref(first);
    generation_unref(second);
    generation_unref(third);
    generation_unref(last);
}
