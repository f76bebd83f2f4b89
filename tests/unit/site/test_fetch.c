/* fetch: the result for each kind of file below ROOT, row by row. */
#include "support/fetch_rig.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { LIMIT = LOAD_READ_BYTES_MAX };

TestSuite(fetch, .init = set_up, .fini = tear_down, .timeout = 120);

static int get_cached(const char *text, struct fetched *ret)
{
    return fetch_named(text, IO_WITHOUT_WAITING, NULL, ret);
}

static struct str content_of(const struct fetched *fetched)
{
    return (struct str){fetched->files[0].body->bytes, fetched->files[0].body->length};
}

static void expect_refused(const char *text, enum http_status status)
{
    struct fetched fetched = get(text);
    cr_expect_eq(fetched.kind, FETCH_REFUSED, "%s: %d", text, fetched.kind);
    cr_expect_eq(fetched.status, status, "%s: %d", text, fetched.status);
    cr_expect_eq(fetched.cacheable, status == HTTP_NOT_FOUND, "%s", text);
    if (fetched.kind == FETCH_FILE)
        fetched_fini(&fetched);
}

/* --- Kinds of files --------------------------------------------------------------------------- */

Test(fetch, reads_small_files_and_opens_larger_ones)
{
    static const size_t lengths[] = {0, 1, 4095, 4096, LIMIT - 1, LIMIT, LIMIT + 1, 300000};
    for (size_t row = 0; row < COUNT_OF(lengths); row++) {
        tree_fill(&tree, "file", lengths[row], row);
        struct fetched fetched = get("file");
        cr_assert_eq(fetched.kind, FETCH_FILE);
        cr_expect_eq(fetched.files[0].body->length, lengths[row]);
        cr_expect_eq(fetched.state.plain.bytes, lengths[row]);
        cr_expect(fetched.cacheable);
        cr_expect_eq(fetched.files[0].body->fd >= 0, lengths[row] > LIMIT, "%zu", lengths[row]);
        if (fetched.files[0].body->fd < 0)
            cr_expect(tree_filled(content_of(&fetched), lengths[row], row));
        else
            cr_expect(blob_check_file(fetched.files[0].body, 1, 0) == BLOB_UNCHANGED);
        cr_expect_eq(fetched.files[0].body->references, 1);
        fetched_fini(&fetched);
    }
}

/* --- The page for a 404 ----------------------------------------------------------------------- */

Test(fetch, finds_the_nearest_directory_with_a_page_for_404)
{
    static const struct {
        const char *path;
        int page_directory;
    } rows[] = {
        {"none", 0},         {"a/none", 1},     {"a/none/", 1},  {"a/b/none", 1},
        {"a/b/c/", 1},       {"a/b/c/none", 1}, {"x/none", 0},   {"x/y/z/none/", 0},
        {"a/404.html/x", 1}, {"odd/none", 0},   {"d/d/none", 3}, {"d/none", 0},
    };
    site.error_page = STR("404.html");
    tree_write(&tree, "404.html", STR("root's"));
    tree_dir(&tree, "a");
    tree_dir(&tree, "a/b");
    tree_write(&tree, "a/404.html", STR("a's"));
    tree_dir(&tree, "odd");
    tree_dir(&tree, "odd/404.html");
    tree_dir(&tree, "d");
    tree_dir(&tree, "d/d");
    tree_write(&tree, "d/d/404.html", STR("d's"));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fetched fetched = get(rows[i].path);
        cr_expect(fetched.kind == FETCH_REFUSED && fetched.status == HTTP_NOT_FOUND);
        cr_expect_eq(fetched.page_directory, rows[i].page_directory, "%s: %d", rows[i].path,
                     fetched.page_directory);
        cr_expect(fetched.cacheable);
    }
    tree_unlink(&tree, "404.html");
    struct fetched before = get("x/none");
    cr_expect_lt(before.page_directory, 0);
    site.error_page = STR_ABSENT;
    cr_expect_lt(get("a/none").page_directory, 0);
    site.error_page = STR("404.html");
    tree_write(&tree, "404.html", STR("root's"));
    struct fetched after = get("x/none");
    cr_expect_neq(fetched_fingerprint(&before, 7), fetched_fingerprint(&after, 7),
                  "other workers must notice");
    site.error_page = STR_ABSENT;
}

Test(fetch, searches_few_directories_for_a_page_for_404)
{
    enum { SEGMENTS = 1000 };
    static char path[2 * SEGMENTS + 1];
    for (size_t i = 0; i < SEGMENTS; i++)
        str_put(path + 2 * i, STR("d/"));
    site.error_page = STR("404.html");
    tree_write(&tree, "404.html", STR("root's"));
    unsigned calls = faults_calls(FAULT_OPENAT2);
    cr_expect_eq(get(path).page_directory, 0);
    cr_expect_leq(faults_calls(FAULT_OPENAT2) - calls, FETCH_PAGE_LEVELS_MAX + 2);
    site.error_page = STR_ABSENT;
}

Test(fetch, does_not_wait_for_a_page_for_404_when_it_must_not)
{
    struct fetched fetched;
    site.error_page = STR("404.html");
    for (unsigned skip = 0; skip < 2; skip++) {
        faults_fail(FAULT_OPENAT2_CACHED, skip, 1, EAGAIN);
        cr_expect_eq(fetch_named("none", IO_WITHOUT_WAITING, NULL, &fetched), -EAGAIN, "%u", skip);
    }
    faults_clear();
    faults_fail(FAULT_OPENAT2, 1, 1, EMFILE);
    cr_expect_eq(fetch_named("none", IO_WAITING, NULL, &fetched), 0);
    cr_expect(fetched.status == HTTP_NOT_FOUND && !fetched.cacheable, "there may be one");
    site.error_page = STR_ABSENT;
}

/* The first of the site's names that exists; a listing only without any. */
Test(fetch, finds_the_best_index_that_exists)
{
    static const struct {
        const char *path;
        const char *content; /* NULL: refused */
        unsigned index;
    } rows[] = {
        {"both/", "first", 0}, {"second/", "second", 1}, {"third/", "third", 2}, {"none/", NULL, 0},
        {"odd/", "second", 1}, {"broken/", "second", 1}, {"onlyodd/", NULL, 0},
    };
    const char *names[] = {"home.htm", "index.html", "readme"};
    site.indexes = (struct arena_list){.items = names, .count = COUNT_OF(names)};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        tree_dir(&tree, rows[i].path);
    tree_write(&tree, "both/index.html", STR("second"));
    tree_write(&tree, "both/home.htm", STR("first"));
    tree_write(&tree, "second/index.html", STR("second"));
    tree_write(&tree, "second/readme", STR("third"));
    tree_write(&tree, "third/readme", STR("third"));
    tree_dir(&tree, "odd/home.htm");
    tree_write(&tree, "odd/index.html", STR("second"));
    tree_link(&tree, "broken/home.htm", "nowhere");
    tree_write(&tree, "broken/index.html", STR("second"));
    tree_dir(&tree, "onlyodd/readme");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (!rows[i].content) {
            expect_refused(rows[i].path, HTTP_NOT_FOUND);
            continue;
        }
        struct fetched fetched = get(rows[i].path);
        cr_assert_eq(fetched.kind, FETCH_FILE, "%s", rows[i].path);
        cr_expect(str_equal(content_of(&fetched), str_of(rows[i].content)), "%s", rows[i].path);
        cr_expect_eq(fetched.index, rows[i].index, "%s", rows[i].path);
        fetched_fini(&fetched);
    }
    site.indexes.count = 0;
}

/* A better index than the one that is known. */
Test(fetch, notices_that_a_better_index_has_appeared)
{
    const char *names[] = {"home.htm", "index.html"};
    site.indexes = (struct arena_list){.items = names, .count = COUNT_OF(names)};
    struct fetched fetched, again;
    tree_dir(&tree, "d");
    tree_write(&tree, "d/index.html", STR("second"));
    fetched = get("d/");
    struct fetch_state known = fetched.state;
    known.alone = true;
    cr_assert_eq(fetch_named("d/", IO_WAITING, &known, &again), 0);
    cr_expect_eq(again.kind, FETCH_UNCHANGED);
    tree_write(&tree, "d/home.htm", STR("first"));
    cr_assert_eq(fetch_named("d/", IO_WAITING, &known, &again), 0);
    cr_expect_eq(again.kind, FETCH_FILE);
    cr_expect(str_equal(content_of(&again), STR("first")));
    fetched_fini(&fetched);
    fetched_fini(&again);
    site.indexes.count = 0;
}

Test(fetch, finds_the_index_of_a_directory)
{
    tree_dir(&tree, "d");
    tree_dir(&tree, "d/empty");
    tree_dir(&tree, "odd");
    tree_dir(&tree, "odd/index.html");
    tree_write(&tree, "index.html", STR("root"));
    tree_write(&tree, "d/index.html", STR("d's"));
    struct fetched fetched = get("");
    cr_assert_eq(fetched.kind, FETCH_FILE);
    cr_expect(str_equal(content_of(&fetched), STR("root")));
    fetched_fini(&fetched);
    fetched = get("d/");
    cr_assert_eq(fetched.kind, FETCH_FILE);
    cr_expect(str_equal(content_of(&fetched), STR("d's")));
    fetched_fini(&fetched);
    fetched = get("d");
    cr_expect_eq(fetched.kind, FETCH_DIRECTORY);
    cr_expect(fetched.cacheable);
    expect_refused("d/empty/", HTTP_NOT_FOUND);
    expect_refused("index.html/", HTTP_NOT_FOUND);
    expect_refused("odd/", HTTP_NOT_FOUND);
}

/* A file that configures the site may be missing, but not be something else. */
Test(fetch, knows_a_missing_file_from_what_is_not_a_file)
{
    static const struct {
        const char *name;
        bool occupied;
    } rows[] = {{"none", false},
                {"plain/none", false},
                {"dangling", false},
                {"fifo", true},
                {"circle", true}};
    tree_write(&tree, "plain", STR("x"));
    cr_assert_eq(mkfifoat(tree.fd, "fifo", 0644), 0);
    cr_assert_eq(symlinkat("nowhere", tree.fd, "dangling"), 0);
    cr_assert_eq(symlinkat("circle", tree.fd, "circle"), 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct fetched fetched = get(rows[i].name);
        expect_refused(rows[i].name, HTTP_NOT_FOUND);
        cr_expect_eq(fetched.occupied, rows[i].occupied, "%s", rows[i].name);
    }
}

/* None of them may block or be read. */
Test(fetch, refuses_special_files)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/socket", tree.fd);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(mkfifoat(tree.fd, "fifo", 0644), 0);
    expect_refused("socket", HTTP_NOT_FOUND);
    expect_refused("fifo", HTTP_NOT_FOUND);
    tree_dir(&tree, "d");
    cr_assert_eq(mkfifoat(tree.fd, "d/index.html", 0644), 0);
    expect_refused("d/", HTTP_NOT_FOUND);
    close(fd);
}

Test(fetch, refuses_devices)
{
    if (mknodat(tree.fd, "zero", S_IFCHR | 0644, makedev(1, 5)) < 0)
        cr_skip("no device can be made here");
    expect_refused("zero", HTTP_NOT_FOUND);
}

Test(fetch, follows_symlinks_only_within_root)
{
    tree_write(&tree, "file", STR("inner"));
    tree_dir(&tree, "d");
    tree_link(&tree, "plain", "file");
    tree_link(&tree, "d/up", "../file");
    tree_link(&tree, "dir", "d");
    tree_link(&tree, "chain", "dir/up");
    static const char *const inner[] = {"plain", "d/up", "dir/up", "chain"};
    for (size_t row = 0; row < COUNT_OF(inner); row++) {
        struct fetched fetched = get(inner[row]);
        cr_assert_eq(fetched.kind, FETCH_FILE, "%s", inner[row]);
        cr_expect(str_equal(content_of(&fetched), STR("inner")));
        fetched_fini(&fetched);
    }
    cr_expect_eq(get("dir").kind, FETCH_DIRECTORY);
    tree_link(&tree, "absolute", "/etc/passwd");
    tree_link(&tree, "outside", "../../../../../../etc/passwd");
    tree_link(&tree, "parent", "..");
    tree_link(&tree, "d/outside", "../../x");
    expect_refused("absolute", HTTP_FORBIDDEN);
    expect_refused("outside", HTTP_FORBIDDEN);
    expect_refused("parent", HTTP_FORBIDDEN);
    expect_refused("parent/etc", HTTP_FORBIDDEN);
    expect_refused("d/outside", HTTP_FORBIDDEN);
    tree_link(&tree, "self", tree.path);
    expect_refused("self", HTTP_FORBIDDEN);
    tree_link(&tree, "loop", "pool");
    tree_link(&tree, "pool", "loop");
    tree_link(&tree, "dangling", "nowhere");
    expect_refused("loop", HTTP_NOT_FOUND);
    expect_refused("loop/x", HTTP_NOT_FOUND);
    expect_refused("dangling", HTTP_NOT_FOUND);
}

Test(fetch, reports_missing_files)
{
    tree_write(&tree, "file", STR("x"));
    expect_refused("nothing", HTTP_NOT_FOUND);
    expect_refused("no/thing", HTTP_NOT_FOUND);
    expect_refused("file/x", HTTP_NOT_FOUND);
    expect_refused("nothing/", HTTP_NOT_FOUND);
    char name[PATH_BYTES_MAX + 1] = "";
    memset(name, 'n', 255);
    expect_refused(name, HTTP_NOT_FOUND);
    memset(name, 'n', 256);
    expect_refused(name, HTTP_NOT_FOUND);
    for (size_t i = 0; i < PATH_BYTES_MAX; i++)
        name[i] = i % 100 == 99 ? '/' : 'n';
    expect_refused(name, HTTP_NOT_FOUND);
    name[PATH_BYTES_MAX - 1] = '/'; /* and the name of an index after it */
    expect_refused(name, HTTP_NOT_FOUND);
}

/* Root may read everything, so another user tries. */
Test(fetch, refuses_unreadable_files)
{
    if (geteuid() != 0)
        cr_skip("only root can become another user");
    tree_write(&tree, "secret", STR("x"));
    tree_dir(&tree, "closed");
    tree_write(&tree, "closed/file", STR("x"));
    cr_assert_eq(fchmodat(tree.fd, "secret", 0600, 0), 0);
    cr_assert_eq(fchmodat(tree.fd, "closed", 0700, 0), 0);
    pid_t child = fork();
    if (child == 0) {
        if (setresuid(65534, 65534, 65534) < 0)
            _exit(9);
        static const char *const names[] = {"secret", "closed/file", "closed/"};
        for (size_t row = 0; row < COUNT_OF(names); row++) {
            struct fetched fetched;
            if (fetch_named(names[row], IO_WAITING, NULL, &fetched) != 0 ||
                fetched.kind != FETCH_REFUSED || fetched.status != HTTP_FORBIDDEN)
                _exit(1 + (int)row);
        }
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
}

Test(fetch, fails_if_root_is_not_a_directory)
{
    char name[TREE_PATH_BYTES + 8];
    tree_write(&tree, "file", STR("x"));
    snprintf(name, sizeof name, "%s/file", tree.path);
    cr_expect_eq(root_open(name), -ENOTDIR);
    snprintf(name, sizeof name, "%s/none", tree.path);
    cr_expect_eq(root_open(name), -ENOENT);
}

/* --- Errors ----------------------------------------------------------------------------------- */

static const struct {
    int error;
    enum http_status status;
} statuses[] = {
    {ENOENT, HTTP_NOT_FOUND},      {ENOTDIR, HTTP_NOT_FOUND},      {ELOOP, HTTP_NOT_FOUND},
    {ENXIO, HTTP_NOT_FOUND},       {ENAMETOOLONG, HTTP_NOT_FOUND}, {EACCES, HTTP_FORBIDDEN},
    {EPERM, HTTP_FORBIDDEN},       {EXDEV, HTTP_FORBIDDEN},        {EMFILE, HTTP_UNAVAILABLE},
    {ENFILE, HTTP_UNAVAILABLE},    {ENOMEM, HTTP_UNAVAILABLE},     {EIO, HTTP_INTERNAL_ERROR},
    {ESTALE, HTTP_INTERNAL_ERROR},
};

Test(fetch, maps_each_errno_to_its_status)
{
    tree_write(&tree, "file", STR("x"));
    for (size_t row = 0; row < COUNT_OF(statuses); row++) {
        cr_expect_eq(fetch_status_of(statuses[row].error), statuses[row].status);
        faults_fail(FAULT_OPENAT2, 0, 1, statuses[row].error);
        expect_refused("file", statuses[row].status);
    }
}

Test(fetch, leaks_nothing_on_errors_after_opening)
{
    tree_fill(&tree, "small", 100, 1);
    tree_fill(&tree, "large", LIMIT + 1, 1);
    unsigned descriptors = tree_open_descriptors();
    faults_fail(FAULT_FSTAT, 0, 1, EIO);
    expect_refused("small", HTTP_INTERNAL_ERROR);
    faults_fail(FAULT_FSTAT, 1, 1, EIO);
    expect_refused("small", HTTP_INTERNAL_ERROR);
    faults_fail(FAULT_PREADV2, 0, 1, EIO);
    expect_refused("small", HTTP_INTERNAL_ERROR);
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    expect_refused("small", HTTP_UNAVAILABLE);
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    expect_refused("large", HTTP_UNAVAILABLE);
    cr_expect_eq(tree_open_descriptors(), descriptors);
}

Test(fetch, tolerates_interruptions_and_short_reads)
{
    tree_fill(&tree, "file", LIMIT, 3);
    faults_fail(FAULT_OPENAT2, 0, 5, EINTR);
    faults_fail(FAULT_PREADV2, 1, 3, EINTR);
    struct fetched fetched = get("file");
    cr_assert_eq(fetched.kind, FETCH_FILE);
    cr_expect(tree_filled(content_of(&fetched), LIMIT, 3));
    fetched_fini(&fetched);
    for (uint64_t seed = 1; seed <= 50; seed++) {
        faults_hinder(FAULT_PREADV2_NOWAIT, seed);
        if (get_cached("file", &fetched) == 0) {
            cr_assert_eq(fetched.kind, FETCH_FILE);
            cr_expect(tree_filled(content_of(&fetched), LIMIT, 3));
            fetched_fini(&fetched);
        }
    }
}

/* openat2 fails with EAGAIN when a rename anywhere might have moved ".." out of ROOT. */
Test(fetch, retries_after_a_rename_elsewhere)
{
    tree_write(&tree, "file", STR("x"));
    faults_fail(FAULT_OPENAT2, 0, 3, EAGAIN);
    struct fetched fetched = get("file");
    cr_assert_eq(fetched.kind, FETCH_FILE);
    fetched_fini(&fetched);
    cr_expect_eq(faults_calls(FAULT_OPENAT2), 3 + 2);
    faults_fail(FAULT_OPENAT2, 0, FAULT_ALWAYS, EAGAIN);
    expect_refused("file", HTTP_UNAVAILABLE);
    cr_expect_lt(faults_calls(FAULT_OPENAT2), 100, "but not for ever");
}

Test(fetch, reports_when_it_would_have_to_wait)
{
    struct fetched fetched = {.kind = FETCH_DIRECTORY};
    tree_fill(&tree, "file", 100, 1);
    unsigned descriptors = tree_open_descriptors();
    static const int errors[] = {EAGAIN, EINVAL}; /* the second: a kernel without RESOLVE_CACHED */
    for (size_t row = 0; row < COUNT_OF(errors); row++) {
        faults_fail(FAULT_OPENAT2_CACHED, 0, 1, errors[row]);
        cr_expect_eq(get_cached("file", &fetched), -EAGAIN);
    }
    static const int read_errors[] = {EAGAIN, EOPNOTSUPP, ENOSYS, EINVAL};
    for (size_t row = 0; row < COUNT_OF(read_errors); row++) {
        faults_fail(FAULT_PREADV2_NOWAIT, 0, 1, read_errors[row]);
        cr_expect_eq(get_cached("file", &fetched), -EAGAIN);
    }
    cr_expect_eq(fetched.kind, FETCH_DIRECTORY, "untouched");
    cr_expect_eq(tree_open_descriptors(), descriptors);
    faults_fail(FAULT_OPENAT2_CACHED, 0, 1, EACCES);
    cr_expect_eq(get_cached("file", &fetched), 0);
    cr_expect_eq(fetched.status, HTTP_FORBIDDEN, "an answer is an answer");
    cr_expect_eq(faults_calls(FAULT_OPENAT2), 0);
}
