/* hashed_files: a file whose content was seen to change does not have a hash in its name. */
#include "site/hashed_files.h"
#include "support/faults.h"
#include "support/paths.h"
#include "support/tree.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct tree tree;
static struct hashed_files *files;

static void set_up(void)
{
    tree_init(&tree);
    tree_dir(&tree, "assets");
    tree_write(&tree, "assets/index-BfJk3x9Q.js", STR("1"));
    tree_write(&tree, "assets/index-DX3kQ9vL.css", STR("2"));
    files = hashed_files_create();
    cr_assert_not_null(files);
}

static void tear_down(void)
{
    faults_clear();
    hashed_files_destroy(files);
    tree_fini(&tree);
}

TestSuite(hashed_files, .init = set_up, .fini = tear_down);

static const char script[] = "assets/index-BfJk3x9Q.js";
static const char style[] = "assets/index-DX3kQ9vL.css";

static bool is_hashed_below(const char *root, const char *name)
{
    struct path path = path_named(name);
    struct hashed_query query = {tree.fd, &path, root, IO_BY_JOB};
    bool hashed = false;
    cr_assert_eq(hashed_files_ask(files, &query, &hashed), 0);
    return hashed;
}

static bool is_hashed(const char *name)
{
    return is_hashed_below(tree.path, name);
}

/* Notes that the digest of NAME consists of DIGIT. */
static bool note(const char *name, char digit)
{
    struct path path = path_named(name);
    struct hashed_query query = {tree.fd, &path, tree.path, IO_BY_JOB};
    struct loaded loaded = {.digested = true};
    memset(loaded.digest, digit, sizeof loaded.digest);
    return hashed_files_note(files, &query, &loaded);
}

/* Notes that NAME, which is large, has BYTES and a time. */
static bool note_large(const char *name, uint64_t bytes, int64_t seconds)
{
    struct path path = path_named(name);
    struct hashed_query query = {tree.fd, &path, tree.path, IO_BY_JOB};
    struct loaded loaded = {.identity = {.bytes = bytes, .modified = {seconds, 0}}};
    return hashed_files_note(files, &query, &loaded);
}

Test(hashed_files, is_hashed_while_its_content_is_the_same)
{
    cr_expect(is_hashed(script));
    cr_expect(note(script, '1'));
    cr_expect(note(script, '1'));
    cr_expect(is_hashed(script));
}

Test(hashed_files, is_never_hashed_again_once_it_has_changed)
{
    cr_expect(note(script, '1'));
    cr_expect_not(note(script, '2'));
    cr_expect_not(is_hashed(script));
    cr_expect_not(note(script, '1'), "the first content once more");
    cr_expect_not(note(script, '1'));
    cr_expect_not(is_hashed(script));
    cr_expect(is_hashed(style), "another file");
    cr_expect(is_hashed_below("/other", script), "the same name below another root");
}

Test(hashed_files, compares_large_files_by_size_and_time)
{
    cr_expect(note_large(script, 1, 1));
    cr_expect(note_large(script, 1, 1));
    cr_expect(note(script, '1'), "a digest says nothing about that");
    cr_expect(is_hashed(script));
    cr_expect_not(note_large(script, 1, 2));
    cr_expect_not(is_hashed(script));
    cr_expect(note_large(style, 1, 1));
    cr_expect_not(note_large(style, 2, 1));
}

Test(hashed_files, remembers_changed_files_longest)
{
    char name[64];
    note(script, '1');
    note(script, '2');
    for (unsigned i = 0; i < 4 * HASHED_FILES_MAX; i++) {
        snprintf(name, sizeof name, "a%u-BfJk3x9Q.js", i);
        cr_assert(note(name, '1'), "%s", name);
    }
    cr_expect_not(is_hashed(script));
}

Test(hashed_files, remembers_only_names_that_may_have_a_hash)
{
    cr_expect(note("app.js", '1'));
    cr_expect(note("app.js", '2'));
    cr_expect(note("assets/", '1'));
    cr_expect(note("assets/", '2'));
    cr_expect(note("_astro/about.B7xK2mQp.css", '1'));
    cr_expect_not(note("_astro/about.B7xK2mQp.css", '2'));
}

Test(hashed_files, says_no_without_a_memory)
{
    struct path path = path_named(script);
    struct hashed_query query = {tree.fd, &path, tree.path, IO_WITHOUT_WAITING};
    struct loaded loaded = {.digested = true};
    bool hashed = true;
    cr_expect_eq(hashed_files_ask(NULL, &query, &hashed), 0);
    cr_expect_not(hashed);
    cr_expect(hashed_files_note(NULL, &query, &loaded));
    for (unsigned skip = 0; skip < 2; skip++) {
        faults_fail(FAULT_MEMORY, skip, 1, ENOMEM);
        cr_expect_null(hashed_files_create());
    }
}
