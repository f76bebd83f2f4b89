/* precompress_sibling: which sibling is made, kept or removed, and that a failure leaves neither a
 * part of one nor a temporary file. That siblings decompress is tested end to end. */
#include "precompress/precompress_sibling.h"
#include "support/faults.h"
#include "support/tree.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>

enum { BYTES = 200000, LONG_AGO = 1600000000 };

static struct tree tree;
static struct precompress_job job;
static enum content_coding coding;
static char sibling[16];
static const struct precompress_entry entry = {.path = "a.txt"};

static bool never(void)
{
    return false;
}

static void write_text(const char *name, size_t length)
{
    char *text = malloc(length + 1);
    for (size_t i = 0; i < length; i++)
        text[i] = "what compresses well\n"[i % 21];
    tree_write(&tree, name, (struct str){text, length});
    free(text);
}

static void set_time(const char *name, int64_t seconds, long nanoseconds)
{
    const struct timespec times[2] = {{0, UTIME_OMIT}, {seconds, nanoseconds}};
    cr_assert_eq(utimensat(tree.fd, name, times, 0), 0);
}

static void set_up(void)
{
    tree_init(&tree);
    coding = CONTENT_CODING_IDENTITY;
    for (unsigned i = CONTENT_CODING_GZIP; i < CONTENT_CODING_COUNT && !coding; i++) {
        if (precompress_codings() & content_coding_bit((enum content_coding)i))
            coding = (enum content_coding)i;
    }
    if (!coding)
        cr_skip_test("this build makes no codings");
    job = (struct precompress_job){.root_fd = tree.fd, .level = PRECOMPRESS_FAST, .stops = never};
    snprintf(sibling, sizeof sibling, "a.txt%s", content_coding_texts[coding].suffix.at);
    write_text("a.txt", BYTES);
    set_time("a.txt", LONG_AGO, 123456789);
}

static void tear_down(void)
{
    faults_clear();
    tree_fini(&tree);
}

TestSuite(precompress_sibling, .init = set_up, .fini = tear_down, .timeout = 120);

/* The outcome, or a negative errno. */
static int make(void)
{
    struct precompress_result result;
    const int error = precompress_sibling(&job, &entry, coding, &result);
    return error ? error : (int)result.outcome;
}

static bool exists(const char *name)
{
    return faccessat(tree.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static unsigned count_names(void)
{
    unsigned count = 0;
    DIR *directory = opendir(tree.path);
    cr_assert(directory);
    for (const struct dirent *item; (item = readdir(directory));)
        count += strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0;
    closedir(directory);
    return count;
}

/* --- What is made ----------------------------------------------------------------------------- */

Test(precompress_sibling, has_the_time_and_mode_of_its_file_and_is_then_up_to_date)
{
    struct stat status;
    cr_assert_eq(fchmodat(tree.fd, "a.txt", 0604, 0), 0);
    cr_expect_eq(make(), PRECOMPRESS_MADE);
    cr_assert_eq(fstatat(tree.fd, sibling, &status, 0), 0);
    cr_expect_eq(status.st_mtim.tv_sec, LONG_AGO);
    cr_expect_eq(status.st_mtim.tv_nsec, 123456789);
    cr_expect_eq(status.st_mode & 07777, 0604);
    cr_expect_eq(make(), PRECOMPRESS_CURRENT);
    cr_expect_eq(count_names(), 2);
}

Test(precompress_sibling, without_a_mark_is_judged_as_the_server_does)
{
    static const struct {
        int64_t seconds;
        long nanoseconds;
        enum precompress_outcome outcome;
    } rows[] = {
        {LONG_AGO + 1, 0, PRECOMPRESS_CURRENT},     {LONG_AGO, 123456789, PRECOMPRESS_CURRENT},
        {LONG_AGO, 123000000, PRECOMPRESS_CURRENT}, /* copied in milliseconds */
        {LONG_AGO, 122000001, PRECOMPRESS_MADE},    {LONG_AGO - 60, 0, PRECOMPRESS_MADE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (exists(sibling))
            tree_unlink(&tree, sibling);
        tree_write(&tree, sibling, STR("foreign"));
        set_time(sibling, rows[i].seconds, rows[i].nanoseconds);
        cr_expect_eq(make(), (int)rows[i].outcome, "row %zu", i);
    }
}

Test(precompress_sibling, that_is_empty_is_made_anew)
{
    tree_write(&tree, sibling, STR(""));
    cr_expect_eq(make(), PRECOMPRESS_MADE);
}

Test(precompress_sibling, that_saves_less_than_five_percent_is_not_kept)
{
    struct precompress_result result;
    cr_expect_eq(make(), PRECOMPRESS_MADE);
    tree_fill(&tree, "a.txt", BYTES, 1);
    cr_assert_eq(precompress_sibling(&job, &entry, coding, &result), 0);
    cr_expect_eq(result.outcome, PRECOMPRESS_POOR);
    cr_expect_eq(exists(sibling), !result.removed);
    cr_expect(count_names() <= 2);
}

Test(precompress_sibling, is_not_removed_without_a_mark)
{
    tree_write(&tree, sibling, STR("foreign"));
    set_time(sibling, LONG_AGO - 60, 0);
    tree_fill(&tree, "a.txt", BYTES, 1);
    cr_expect_eq(make(), PRECOMPRESS_POOR);
    cr_expect(exists(sibling));
    cr_expect_eq(precompress_sibling_remove(tree.fd, sibling, false), 0);
    cr_expect(exists(sibling));
}

Test(precompress_sibling, is_removed_by_its_mark)
{
    cr_expect_eq(make(), PRECOMPRESS_MADE);
    if (precompress_sibling_remove(tree.fd, sibling, true) == 0)
        cr_skip_test("this file system has no extended attributes for the mark");
    cr_expect(exists(sibling), "a dry run removes nothing");
    faults_fail(FAULT_UNLINKAT, 0, 1, EROFS);
    cr_expect_eq(precompress_sibling_remove(tree.fd, sibling, false), -EROFS);
    faults_fail(FAULT_FSTATAT, 0, 1, EIO);
    cr_expect_eq(precompress_sibling_remove(tree.fd, sibling, false), -EIO);
    cr_expect_eq(precompress_sibling_remove(tree.fd, sibling, false), 1);
    cr_expect_not(exists(sibling));
    cr_expect_eq(precompress_sibling_remove(tree.fd, sibling, false), 0, "it is gone");
}

Test(precompress_sibling, that_could_not_have_its_name_is_not_made)
{
    static struct precompress_entry longest;
    struct precompress_result result;
    memset(longest.path, 'x', NAME_MAX - 2);
    write_text(longest.path, BYTES);
    cr_assert_eq(precompress_sibling(&job, &longest, coding, &result), 0);
    cr_expect_eq(result.outcome, PRECOMPRESS_POOR);
    cr_expect_eq(count_names(), 2);
}

Test(precompress_sibling, does_not_replace_what_is_not_a_regular_file)
{
    tree_link(&tree, sibling, "a.txt");
    cr_expect_eq(make(), -EEXIST);
    tree_unlink(&tree, sibling);
    tree_dir(&tree, sibling);
    cr_expect_eq(make(), -EEXIST);
    cr_expect_eq(count_names(), 2);
}

Test(precompress_sibling, follows_no_link_in_place_of_its_file)
{
    tree_rename(&tree, "a.txt", "b.txt");
    tree_link(&tree, "a.txt", "b.txt");
    cr_expect_eq(make(), -ELOOP);
    cr_expect_eq(count_names(), 2);
}

Test(precompress_sibling, is_only_measured_in_a_dry_run)
{
    job.dry_run = true;
    cr_expect_eq(make(), PRECOMPRESS_MADE);
    cr_expect_eq(count_names(), 1);
}

/* --- Failures --------------------------------------------------------------------------------- */

static void append(void *argument)
{
    (void)argument;
    tree_append(&tree, "a.txt", STR("more"));
}

static void truncate_file(void *argument)
{
    (void)argument;
    write_text("a.txt", BYTES / 2); /* in place */
}

static void replace(void *argument)
{
    (void)argument;
    write_text("new", BYTES);
    set_time("new", LONG_AGO, 123456789);
    tree_rename(&tree, "new", "a.txt");
}

static void restore(void *argument)
{
    (void)argument;
    tree_touch(&tree, "a.txt");
    set_time("a.txt", LONG_AGO, 123456789);
}

Test(precompress_sibling, of_a_file_that_changes_while_it_is_read_is_given_up)
{
    static void (*const changes[])(void *argument) = {append, truncate_file, replace, restore};
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        faults_act(FAULT_READ, 1, changes[i], NULL);
        cr_expect_eq(make(), -EBUSY, "change %zu", i);
        cr_expect_eq(count_names(), 1, "change %zu", i);
        faults_clear();
        write_text("a.txt", BYTES);
        set_time("a.txt", LONG_AGO, 123456789);
    }
}

static bool stops_at_second(void)
{
    static unsigned calls;
    return ++calls == 2;
}

Test(precompress_sibling, leaves_nothing_when_it_is_stopped)
{
    job.stops = stops_at_second;
    cr_expect_eq(make(), -ECANCELED);
    cr_expect_eq(count_names(), 1);
}

Test(precompress_sibling, leaves_nothing_when_a_call_fails)
{
    static const struct {
        enum fault fault;
        unsigned skip;
        int error;
        int result;
    } rows[] = {
        {FAULT_READ, 1, EIO, -EIO},
        {FAULT_READ, 0, EINTR, PRECOMPRESS_MADE},
        {FAULT_WRITE_EVENTFD, 0, ENOSPC, -ENOSPC},
        {FAULT_WRITE_EVENTFD, 0, EINTR, PRECOMPRESS_MADE},
        {FAULT_FSTAT, 0, EIO, -EIO},
        {FAULT_OPENAT2, 0, EMFILE, -EMFILE},
        {FAULT_OPENAT, 0, EACCES, -EACCES},  /* of the plain file */
        {FAULT_OPENAT, 1, ENOSPC, -ENOSPC},  /* of the temporary one */
        {FAULT_FSTATAT, 0, ESTALE, -ESTALE}, /* of the sibling */
        {FAULT_FSTATAT, 1, ENOENT, -EBUSY},  /* of the plain file, when it was read */
        {FAULT_FSTATAT, 2, ESTALE, -ESTALE}, /* and before the sibling gets its name */
        {FAULT_FLOCK, 0, ENOLCK, PRECOMPRESS_MADE},
        {FAULT_FCHMOD, 0, EPERM, -EPERM},
        {FAULT_FUTIMENS, 0, EPERM, -EPERM},
        {FAULT_FSYNC, 0, EIO, -EIO},
        {FAULT_FSYNC, 1, EINVAL, PRECOMPRESS_MADE}, /* the directory can't be synchronised */
        {FAULT_RENAMEAT, 0, EROFS, -EROFS},
        {FAULT_NANOSLEEP, 0, EINTR, PRECOMPRESS_MADE},
    };
    const unsigned descriptors = tree_open_descriptors();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        faults_fail(rows[i].fault, rows[i].skip, 1, rows[i].error);
        cr_expect_eq(make(), rows[i].result, "row %zu", i);
        cr_expect_eq(count_names(), rows[i].result < 0 ? 1 : 2, "row %zu", i);
        cr_expect_eq(tree_open_descriptors(), descriptors, "row %zu", i);
        faults_clear();
        if (exists(sibling))
            tree_unlink(&tree, sibling);
    }
}

Test(precompress_sibling, is_whole_although_its_directory_cannot_be_synchronised)
{
    faults_fail(FAULT_FSYNC, 1, 1, EIO);
    cr_expect_eq(make(), -EIO);
    cr_expect_eq(count_names(), 2, "no temporary file is left");
    cr_expect_eq(make(), PRECOMPRESS_CURRENT);
}

static struct str content_of(const char *name, char *bytes, size_t room)
{
    const int fd = openat(tree.fd, name, O_RDONLY | O_CLOEXEC);
    const ssize_t length = read(fd, bytes, room);
    close(fd);
    cr_assert(length > 0 && (size_t)length < room);
    return (struct str){bytes, (size_t)length};
}

Test(precompress_sibling, has_every_byte_after_short_writes)
{
    static char expected[1 << 16], found[1 << 16];
    cr_expect_eq(make(), PRECOMPRESS_MADE);
    const struct str whole = content_of(sibling, expected, sizeof expected);
    tree_unlink(&tree, sibling);
    faults_fail(FAULT_WRITE_EVENTFD, 0, FAULT_ALWAYS, FAULT_SHORT);
    cr_expect_eq(make(), PRECOMPRESS_MADE);
    faults_clear();
    cr_expect(str_equal(content_of(sibling, found, sizeof found), whole));
}

Test(precompress_sibling, needs_memory)
{
    if (coding != CONTENT_CODING_GZIP)
        cr_skip_test("the other libraries allocate by themselves");
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    cr_expect_eq(make(), -ENOMEM);
    cr_expect_eq(count_names(), 1);
}
