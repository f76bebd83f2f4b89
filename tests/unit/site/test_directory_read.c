/* directory_read: which entries of a directory are listed, whatever else it contains. */
#include "site/directory_read.h"
#include "support/faults.h"
#include "support/paths.h"
#include "support/tree.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct tree tree;

static void set_up(void)
{
    tree_init(&tree);
    tree_dir(&tree, "d");
    tree_dir(&tree, "d/sub");
    tree_write(&tree, "d/file", STR("12345"));
    tree_write(&tree, "d/_headers", STR("/a"));
    tree_write(&tree, "d/.hidden", STR("x"));
    tree_write(&tree, "_headers", STR("/a"));
    tree_link(&tree, "d/inner", "file");
    tree_link(&tree, "d/outer", "../../../../etc/passwd");
    tree_link(&tree, "d/dangling", "nowhere");
    tree_must(mkfifoat(tree.fd, "d/fifo", 0644) == 0, "mkfifo");
}

static void tear_down(void)
{
    faults_clear();
    tree_fini(&tree);
}

TestSuite(directory_read, .init = set_up, .fini = tear_down, .timeout = 120);

static int list(const char *name, struct blob **ret_html, struct blob **ret_json)
{
    static const struct site_settings settings = {.rules_name = STR_INIT("_headers")};
    struct path path = path_named(name);
    return directory_read(tree.fd, &path, &settings, ret_html, ret_json);
}

static bool has(const struct blob *page, const char *text)
{
    return memmem(page->bytes, page->length, text, strlen(text)) != NULL;
}

Test(directory_read, lists_entries_that_can_be_requested)
{
    static const struct {
        const char *name;
        bool listed;
    } rows[] = {
        {"\"file\"", true},      {"\"sub\"", true},      {"\"inner\"", true},
        {"\"_headers\"", true},  {"\".hidden\"", false}, {"\"outer\"", false},
        {"\"dangling\"", false}, {"\"fifo\"", false},    {"\".\"", false},
        {"\"..\"", false},       {"\"size\":5", true},
    };
    struct blob *html, *json;
    unsigned descriptors = tree_open_descriptors();
    cr_assert_eq(list("d/", &html, &json), 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_expect_eq(has(json, rows[i].name), rows[i].listed, "%s", rows[i].name);
    cr_expect(has(html, ">file<") && has(html, "sub/"));
    blob_drop(html);
    blob_drop(json);
    cr_expect_eq(tree_open_descriptors(), descriptors);
}

Test(directory_read, omits_files_in_the_root_that_configure_the_site)
{
    struct blob *html, *json;
    tree_write(&tree, "_Redirects", STR("/a /b"));
    cr_assert_eq(list("", &html, &json), 0);
    cr_expect(has(json, "\"d\"") && !has(json, "_headers") && !has(html, "_headers"));
    cr_expect(!has(json, "_Redirects") && !has(html, "_Redirects"));
    blob_drop(html);
    blob_drop(json);
}

Test(directory_read, does_not_depend_on_the_order_of_the_directory)
{
    struct blob *html[2], *json[2];
    cr_assert_eq(list("d/", &html[0], &json[0]), 0);
    tree_rename(&tree, "d/file", "x");
    tree_write(&tree, "d/aaa", STR(""));
    tree_rename(&tree, "x", "d/file");
    tree_unlink(&tree, "d/aaa");
    cr_assert_eq(list("d/", &html[1], &json[1]), 0);
    for (unsigned i = 0; i < 2; i++) {
        const struct blob *a = i ? html[0] : json[0], *b = i ? html[1] : json[1];
        cr_expect(a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        blob_drop(html[i]);
        blob_drop(json[i]);
    }
}

Test(directory_read, fails_for_anything_but_a_directory)
{
    static const struct {
        const char *name;
        int error;
    } rows[] = {{"none/", -ENOENT}, {"d/file/", -ENOTDIR}, {"d/outer/", -EXDEV}};
    struct blob *html, *json;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_expect_eq(list(rows[i].name, &html, &json), rows[i].error, "%s", rows[i].name);
}

/* The names of a page in JSON, in its order, one after another. Returns their number. */
static size_t names_of(const struct blob *json, struct str *names, size_t count_max)
{
    struct str rest = {json->bytes, json->length};
    const struct str begin = STR("{\"name\":\"");
    size_t count = 0;
    const char *at;
    while ((at = memmem(rest.at, rest.length, begin.at, begin.length)) && count < count_max) {
        rest = str_from(rest, (size_t)(at - rest.at) + begin.length);
        names[count++] = str_first(rest, str_find(rest, '"'));
    }
    return count;
}

/* Whatever the order of the directory, the first ones in the order of listings are kept: a
 * directory, then files by number. */
Test(directory_read, keeps_the_first_entries_of_a_large_directory)
{
    enum { FILES = 2 * DIRECTORY_READ_ENTRIES_MAX + 5000 };
    static struct str names[DIRECTORY_READ_ENTRIES_MAX + 1];
    struct blob *html, *json;
    char name[32];
    tree_dir(&tree, "many");
    for (unsigned i = 0; i < FILES; i++) {
        unsigned number = (unsigned)((uint64_t)i * 17389 % FILES); /* each of them once */
        snprintf(name, sizeof name, "many/%u", number);
        tree_must(linkat(tree.fd, "d/file", tree.fd, name, 0) == 0, name);
    }
    tree_dir(&tree, "many/zzz");
    tree_link(&tree, "many/zz-link", "zzz");
    cr_assert_eq(list("many/", &html, &json), 0);
    cr_expect(has(json, "\"truncated\":true"));
    cr_expect(has(html, "only the first 20000 are listed"));
    cr_assert_eq(names_of(json, names, COUNT_OF(names)), DIRECTORY_READ_ENTRIES_MAX);
    cr_expect(str_equal(names[0], STR("zz-link")) && str_equal(names[1], STR("zzz")));
    for (unsigned i = 2; i < DIRECTORY_READ_ENTRIES_MAX; i++) {
        snprintf(name, sizeof name, "%u", i - 2);
        cr_assert(str_equal(names[i], str_of(name)), "%.*s in place of %s", (int)names[i].length,
                  names[i].at, name);
    }
    blob_drop(html);
    blob_drop(json);
}

/* As many as are listed: none is missing, and the page does not claim it. */
Test(directory_read, lists_a_directory_that_just_fits)
{
    struct blob *html, *json;
    char name[32];
    tree_dir(&tree, "many");
    for (unsigned i = 0; i < DIRECTORY_READ_ENTRIES_MAX; i++) {
        snprintf(name, sizeof name, "many/%u", i);
        tree_must(linkat(tree.fd, "d/file", tree.fd, name, 0) == 0, name);
    }
    cr_assert_eq(list("many/", &html, &json), 0);
    cr_expect(has(json, "\"truncated\":false"));
    cr_expect(has(json, "\"19999\""));
    blob_drop(html);
    blob_drop(json);
}

Test(directory_read, leaks_nothing_when_memory_or_descriptors_run_out)
{
    struct blob *html, *json;
    unsigned descriptors = tree_open_descriptors();
    for (unsigned skip = 0; skip < 16; skip++) {
        faults_fail(FAULT_MEMORY, skip, 1, ENOMEM);
        int error = list("d/", &html, &json);
        faults_clear();
        cr_expect(error == 0 || error == -ENOMEM, "%d", error);
        if (error == 0) {
            blob_drop(html);
            blob_drop(json);
        }
    }
    for (unsigned skip = 0; skip < 6; skip++) {
        faults_fail(FAULT_OPENAT2, skip, 1, EMFILE);
        cr_expect_eq(list("d/", &html, &json), -EMFILE, "%u", skip);
    }
    faults_clear();
    cr_expect_eq(tree_open_descriptors(), descriptors);
}
