/* precompress_walk: which files of a tree are worth compressing, and directories that fail. */
#include "precompress/precompress_walk.h"
#include "support/faults.h"
#include "support/tree.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct tree tree;
static struct site_settings site = {.rules_name = STR_INIT("_headers")};
static struct precompress_walk walk;
/* The entries: " PATH  " of a file, "(PATH) " of an orphan, "{PATH} " of a temporary file. */
static char found[1024];
static unsigned failures;

static void set_up(void)
{
    tree_init(&tree);
    site.mime = mime_create();
    cr_assert(site.mime);
}

static void tear_down(void)
{
    faults_clear();
    mime_destroy(site.mime);
    tree_fini(&tree);
}

TestSuite(precompress_walk, .init = set_up, .fini = tear_down, .timeout = 60);

static void walk_all(void)
{
    static const char *const braces[] = {
        [PRECOMPRESS_FILE] = "  ",
        [PRECOMPRESS_ORPHAN] = "()",
        [PRECOMPRESS_TEMPORARY] = "{}",
    };
    static struct precompress_entry entry;
    int result;
    found[0] = '\0';
    failures = 0;
    cr_assert_eq(precompress_walk_init(&walk, tree.fd, &site, 10), 0);
    while ((result = precompress_walk_next(&walk, &entry)) != 0) {
        failures += result < 0;
        if (result < 0)
            continue;
        const size_t length = strlen(found);
        const char *brace = braces[entry.kind];
        snprintf(found + length, sizeof found - length, "%c%.99s%c ", brace[0], entry.path,
                 brace[1]);
        const char *slash = strrchr(entry.path, '/');
        cr_expect_eq(entry.name_at, slash ? (size_t)(slash + 1 - entry.path) : 0);
    }
    precompress_walk_fini(&walk);
}

static bool was_found(const char *what)
{
    const char *at = strstr(found, what);
    return at && (at == found || at[-1] == ' ') && at[strlen(what)] == ' ';
}

Test(precompress_walk, takes_what_is_served_and_compresses)
{
    static const struct {
        const char *name;
        bool taken;
    } rows[] = {
        {"a.html", true},         {"b.CSS", true},
        {"c.svg", true},          {"d.wasm", true},
        {"a.jpg", false},         {"b.woff2", false},
        {"c.pdf", false},         {"d.docx", false},
        {"noext", false},         {"e.zip", false},
        {"f.unknown", false},     {".a.html", false},
        {".git/a.html", false},   {".well-known/a.txt", true},
        {"_headers", false},      {"_redirects", false},
        {"_Redirects", false},    {"x/a.txt", true},
        {"x/y/z/a.txt", true},    {"x/.well-known/a.txt", false},
        {"x/_headers.txt", true}, {"a.html.br", false},
    };
    static const char *const directories[] = {".git", ".well-known", "x",
                                              "x/y",  "x/y/z",       "x/.well-known"};
    for (size_t i = 0; i < COUNT_OF(directories); i++)
        tree_dir(&tree, directories[i]);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        tree_write(&tree, rows[i].name, STR("ten bytes."));
    tree_write(&tree, "small.txt", STR("9 bytes.."));
    tree_link(&tree, "link.txt", "a.html");
    tree_link(&tree, "link", "x");
    walk_all();
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_expect_eq(was_found(rows[i].name), rows[i].taken, "%s in %s", rows[i].name, found);
    cr_expect(!strstr(found, "small") && !strstr(found, "link"), "%s", found);
    cr_expect_eq(failures, 0);
}

Test(precompress_walk, shows_siblings_without_a_file)
{
    tree_dir(&tree, "x");
    tree_write(&tree, "a.css", STR("ten bytes."));
    tree_write(&tree, "a.css.gz", STR("x"));
    tree_write(&tree, "b.css.br", STR("x"));
    tree_write(&tree, "x/a.css.zst", STR("x"));
    walk_all();
    cr_expect(!was_found("(a.css.gz)") && was_found("(b.css.br)") && was_found("(x/a.css.zst)"),
              "%s", found);
}

Test(precompress_walk, shows_temporary_files)
{
    tree_dir(&tree, "x");
    tree_dir(&tree, ".precompress-7-8");
    tree_write(&tree, ".precompress-7-8/a.txt", STR("ten bytes."));
    tree_write(&tree, ".precompress-1-2", STR("a"));
    tree_write(&tree, "x/.precompress-3-4", STR(""));
    tree_write(&tree, ".precompress-notes.txt", STR("ten bytes."));
    tree_link(&tree, ".precompress-5-6", ".precompress-1-2");
    walk_all();
    cr_expect(was_found("{.precompress-1-2}") && was_found("{x/.precompress-3-4}"), "%s", found);
    cr_expect_eq(strlen(found), strlen("{.precompress-1-2} {x/.precompress-3-4} "), "%s", found);
}

Test(precompress_walk, opens_the_directory_of_an_entry)
{
    static const char *const names[] = {"a.txt", "x/b.txt", "x/y/c.txt"};
    static struct precompress_entry entry;
    tree_dir(&tree, "x");
    tree_dir(&tree, "x/y");
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *slash = strrchr(names[i], '/');
        tree_write(&tree, names[i], STR("ten bytes."));
        memcpy(entry.path, names[i], strlen(names[i]) + 1);
        entry.name_at = slash ? (size_t)(slash + 1 - names[i]) : 0;
        const int directory = precompress_entry_open_directory(tree.fd, &entry);
        cr_expect_eq(faccessat(directory, entry.path + entry.name_at, F_OK, 0), 0, "%s", names[i]);
        close(directory);
    }
}

Test(precompress_walk, goes_on_after_a_directory_that_fails)
{
    static const struct {
        enum fault fault;
        int error;
    } rows[] = {
        {FAULT_OPENAT2, EMFILE},
        {FAULT_FDOPENDIR, ENOMEM},
        {FAULT_READDIR, EIO},
    };
    tree_write(&tree, "a.txt", STR("ten bytes."));
    tree_dir(&tree, "x");
    tree_write(&tree, "x/b.txt", STR("ten bytes."));
    const unsigned descriptors = tree_open_descriptors();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        /* In ROOT there are 4 names and the end. */
        faults_fail(rows[i].fault, rows[i].fault == FAULT_READDIR ? 5 : 1, 1, rows[i].error);
        walk_all();
        faults_clear();
        cr_expect_eq(failures, 1, "row %zu", i);
        cr_expect(was_found("a.txt") && !was_found("x/b.txt"), "row %zu: %s", i, found);
        cr_expect_eq(tree_open_descriptors(), descriptors);
    }
}
