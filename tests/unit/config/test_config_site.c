/* config_site: what a site names is checked before it is served, and each mistake says what to
 * do. */
#include "config/settings.h"
#include "support/tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

static struct tree tree;
static struct settings *settings;
static struct site_settings *site;

static void prepare(void)
{
    tree_init(&tree);
    tree_fill(&tree, "page.html", 10, 1);
    settings = settings_create();
    site = settings_add_site(settings);
    site->root_text = str_of(tree.path);
}

static void clean(void)
{
    settings_unref(settings);
    tree_fini(&tree);
}

TestSuite(config_site, .init = prepare, .fini = clean);

static void expect_problem(int error, const char *what)
{
    struct problem problem;
    char text[PROBLEM_TEXT_BYTES];
    cr_assert_eq(settings_prepare(settings, &problem), error, "%s", what);
    problem_text(&problem, text);
    cr_expect(strstr(text, what), "%s is not in: %s", what, text);
    cr_expect(problem.remedy[0] != '\0', "%s", text);
}

Test(config_site, makes_what_the_workers_use)
{
    struct problem problem;
    site->fallback = STR("page.html");
    cr_assert_eq(arena_list_append(&site->headers, &settings->arena, STR("/*: X-A: 1")), 0);
    cr_assert_eq(settings_prepare(settings, &problem), 0, "%s", problem.what);
    cr_expect_str_eq(site->root, tree.path);
    cr_expect_not_null(site->mime);
    cr_expect_not_null(site->rules);
}

static void expect_immutable(const char *word, bool names_ignored, bool rules)
{
    struct problem problem;
    cr_assert_eq(arena_list_append(&site->immutable, &settings->arena, str_of(word)), 0);
    cr_assert_eq(settings_prepare(settings, &problem), 0, "%s", problem.what);
    cr_expect_eq(site->names_ignored, names_ignored, "%s", word);
    cr_expect_eq(site->immutable_rules != NULL, rules, "%s", word);
}

Test(config_site, lets_the_last_word_decide_whether_names_count)
{
    expect_immutable("auto", false, false);
    expect_immutable("none", true, false);
    expect_immutable("/assets/*", true, true);
    expect_immutable("auto", false, true);
}

Test(config_site, makes_a_relative_root_absolute)
{
    struct problem problem;
    char wanted[512];
    cr_assert_eq(chdir(tree.path), 0);
    cr_assert_eq(mkdir("dir", 0777), 0);
    site->root_text = STR("././dir//");
    cr_assert_eq(settings_prepare(settings, &problem), 0, "%s", problem.what);
    snprintf(wanted, sizeof wanted, "%s/dir", tree.path);
    cr_expect_str_eq(site->root, wanted);
    cr_assert_eq(chdir("/"), 0);
    cr_expect_null(site->rules, "there are no header rules");
}

Test(config_site, refuses_a_root_that_cannot_be_served)
{
    char file[512];
    site->root_text = STR("/nonexistent/root");
    expect_problem(-ENOENT, "ROOT '/nonexistent/root' does not exist");
    snprintf(file, sizeof file, "%s/page.html", tree.path);
    site->root_text = str_of(file);
    expect_problem(-ENOTDIR, "is not a directory");
}

Test(config_site, refuses_pages_that_are_never_served)
{
    const char *index[] = {"index.html", "_HEADERS"};
    site->indexes = (struct arena_list){.items = index, .count = COUNT_OF(index)};
    expect_problem(-EINVAL, "--index '_HEADERS' is never served");
    index[1] = "_redirects";
    expect_problem(-EINVAL, "--index '_redirects' is never served");
    site->indexes.count = 0;
    static const char *const names[] = {"_headers", "_HEADERS", "_Redirects"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char expected[64];
        tree_write(&tree, names[i], STR("/a")); /* it exists, so nothing else is wrong */
        site->fallback = str_of(names[i]);
        snprintf(expected, sizeof expected, "--spa '%s' is never served", names[i]);
        expect_problem(-EINVAL, expected);
    }
}

Test(config_site, refuses_a_fallback_that_is_not_a_file_in_root)
{
    site->fallback = STR("missing.html");
    expect_problem(-ENOENT, "--spa 'missing.html' is not a file in ROOT (No such file");
    site->fallback = STR("../outside");
    expect_problem(-EXDEV, "--spa '../outside' is not a file in ROOT");
    static const char *const names[] = {".", "./_headers", ".//_headers"};
    tree_write(&tree, "_headers", STR("/a"));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        site->fallback = str_of(names[i]);
        expect_problem(-EINVAL, "it has an empty segment, . or ..");
    }
}

Test(config_site, names_file_and_line_of_a_wrong_media_type)
{
    char path[512];
    snprintf(path, sizeof path, "%s/my.types", tree.path);
    FILE *file = fopen(path, "we");
    cr_assert(file && fputs("text/plain txt\nwrong wrong\n", file) >= 0 && fclose(file) == 0);
    site->mime_types_path = str_of(path);
    expect_problem(-EINVAL, "/my.types, line 2: not a media type");
}

Test(config_site, refuses_media_types_that_cannot_be_read, .timeout = 120)
{
    char path[512];
    site->mime_types_path = STR("/nonexistent/types");
    expect_problem(-ENOENT, "--mime-types '/nonexistent/types' cannot be read: No such file");
    site->mime_types_path = str_of(tree.path);
    expect_problem(-EISDIR, "cannot be read: Is a directory");
    site->mime_types_path = STR("/dev/zero");
    expect_problem(-EFBIG, "--mime-types '/dev/zero' cannot be read: File too large");
    snprintf(path, sizeof path, "%s/fifo", tree.path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    site->mime_types_path = str_of(path);
    expect_problem(-ETIMEDOUT, "cannot be read: it is a pipe, and its end has not come");
}
