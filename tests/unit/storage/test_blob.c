/* blob: references, and how changes of a file are recognised. */
#include "storage/blob.h"
#include "support/faults.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

Test(blob, keeps_bytes_until_the_last_drop)
{
    struct blob *blob = blob_create_bytes(5);
    cr_assert_not_null(blob);
    cr_expect_eq(blob->references, 1);
    cr_expect_eq(blob->fd, -1);
    cr_expect_eq(blob->length, 5);
    memcpy(blob->bytes, "hello", 5);
    cr_expect_eq(blob_pin(blob), blob);
    cr_expect_eq(blob->references, 2);
    blob_drop(blob);
    cr_expect_eq(blob->references, 1);
    cr_expect_eq(memcmp(blob->bytes, "hello", 5), 0);
    blob_drop(blob);
}

Test(blob, may_have_no_bytes)
{
    struct blob *blob = blob_create_bytes(0);
    cr_assert_not_null(blob);
    cr_expect_eq(blob->length, 0);
    blob_drop(blob);
}

Test(blob, refuses_more_bytes_than_can_be_addressed)
{
    cr_expect_null(blob_create_bytes(SIZE_MAX));
    cr_expect_null(blob_create_bytes(SIZE_MAX - sizeof(struct blob) + 1));
}

Test(blob, ignores_dropping_null)
{
    blob_drop(NULL);
}

Test(blob, closes_a_file_at_the_last_drop)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct blob_identity identity = {.bytes = 12345, .inode = 7};
    struct blob *blob = blob_create_file(fd, &identity);
    cr_assert_not_null(blob);
    cr_expect_eq(blob->references, 1);
    cr_expect_eq(blob->fd, fd);
    cr_expect_eq(blob->length, 12345);
    cr_expect(blob_identity_equal(&blob->identity, &identity));
    blob_pin(blob);
    blob_drop(blob);
    cr_expect(is_open(fd));
    blob_drop(blob);
    cr_expect_not(is_open(fd));
}

Test(blob, distinguishes_identities_by_each_member)
{
    const struct blob_identity one = {1, 2, 3, {4, 5}, {6, 7}};
    const struct {
        const char *label;
        struct blob_identity other;
        bool equal;
    } rows[] = {
        {"the same", {1, 2, 3, {4, 5}, {6, 7}}, true},
        {"device", {9, 2, 3, {4, 5}, {6, 7}}, false},
        {"inode", {1, 9, 3, {4, 5}, {6, 7}}, false},
        {"bytes", {1, 2, 9, {4, 5}, {6, 7}}, false},
        {"modified, seconds", {1, 2, 3, {9, 5}, {6, 7}}, false},
        {"modified, nanoseconds", {1, 2, 3, {4, 9}, {6, 7}}, false},
        {"changed, seconds", {1, 2, 3, {4, 5}, {9, 7}}, false},
        {"changed, nanoseconds", {1, 2, 3, {4, 5}, {6, 9}}, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cr_expect_eq(blob_identity_equal(&one, &rows[i].other), rows[i].equal, "%s", rows[i].label);
        cr_expect_eq(blob_identity_equal(&rows[i].other, &one), rows[i].equal, "%s", rows[i].label);
    }
}

Test(blob, takes_the_identity_from_stat)
{
    struct stat status = {
        .st_dev = 11,
        .st_ino = 12,
        .st_size = 13,
        .st_mtim = {14, 15},
        .st_ctim = {16, 17},
        .st_atim = {18, 19},
    };
    const struct blob_identity expected = {11, 12, 13, {14, 15}, {16, 17}};
    struct blob_identity identity;
    memset(&identity, 0x5a, sizeof identity);
    blob_identify(&status, &identity);
    cr_expect(blob_identity_equal(&identity, &expected));
}

/* --- Changes of a file ------------------------------------------------------------------------ */

/* A temporary file of 11 bytes, last modified at a fixed time, as a blob. */
struct file {
    char path[32];
    struct blob *blob;
};

static const struct timespec fixed[2] = {{1000, 1}, {1000, 1}};

static void file_create(struct file *file)
{
    strcpy(file->path, "/tmp/sluice-blob-XXXXXX");
    int fd = mkstemp(file->path);
    struct stat status;
    struct blob_identity identity;
    cr_assert(fd >= 0 && write(fd, "hello world", 11) == 11 && futimens(fd, fixed) == 0);
    cr_assert_eq(fstat(fd, &status), 0);
    blob_identify(&status, &identity);
    cr_assert_not_null(file->blob = blob_create_file(fd, &identity));
}

static void file_destroy(struct file *file)
{
    unlink(file->path);
    blob_drop(file->blob);
}

static int leave(const struct file *file)
{
    return file->blob->fd >= 0 ? 0 : -1;
}

static int change_mode(const struct file *file)
{
    return chmod(file->path, 0400);
}

static int unlink_it(const struct file *file)
{
    return unlink(file->path);
}

static int grow(const struct file *file)
{
    return pwrite(file->blob->fd, "!", 1, 11) == 1 ? futimens(file->blob->fd, fixed) : -1;
}

static int shrink(const struct file *file)
{
    return ftruncate(file->blob->fd, 10) == 0 ? futimens(file->blob->fd, fixed) : -1;
}

static int rewrite(const struct file *file)
{
    return pwrite(file->blob->fd, "HELLO", 5, 0) == 5 ? 0 : -1;
}

static int touch_a_nanosecond(const struct file *file)
{
    const struct timespec times[2] = {{1000, 1}, {1000, 2}};
    return futimens(file->blob->fd, times);
}

static int read_it(const struct file *file)
{
    const struct timespec times[2] = {{2000, 2}, {1000, 1}};
    return futimens(file->blob->fd, times);
}

static int append(const struct file *file)
{
    return pwrite(file->blob->fd, "!", 1, 11) == 1 ? 0 : -1;
}

static int grow_and_truncate(const struct file *file)
{
    return append(file) == 0 ? ftruncate(file->blob->fd, 11) : -1;
}

enum { PATIENCE_MS = 1000 };

Test(blob, distinguishes_a_grown_file_from_a_rewritten_one)
{
    static const struct {
        const char *label;
        int (*act)(const struct file *);
        enum blob_change change;
    } rows[] = {
        {"left alone", leave, BLOB_UNCHANGED},
        {"another mode", change_mode, BLOB_UNCHANGED},
        {"unlinked", unlink_it, BLOB_UNCHANGED},
        {"read", read_it, BLOB_UNCHANGED},
        {"longer, same time", grow, BLOB_GROWN},
        {"longer", append, BLOB_GROWN},
        {"shorter, same time", shrink, BLOB_REWRITTEN},
        {"longer, then as long as before", grow_and_truncate, BLOB_UNDECIDED},
        {"rewritten, same length", rewrite, BLOB_UNDECIDED},
        {"a nanosecond later", touch_a_nanosecond, BLOB_UNDECIDED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct file file;
        file_create(&file);
        cr_assert_eq(rows[i].act(&file), 0, "%s", rows[i].label);
        cr_expect_eq(blob_check_file(file.blob, 1, PATIENCE_MS), rows[i].change, "%s",
                     rows[i].label);
        cr_expect_eq(blob_check_file(file.blob, 1, 0),
                     rows[i].change == BLOB_UNDECIDED ? BLOB_REWRITTEN : rows[i].change,
                     "%s, without patience", rows[i].label);
        cr_expect_eq(blob_file_unchanged(file.blob, 5), rows[i].change == BLOB_UNCHANGED, "%s",
                     rows[i].label);
        file_destroy(&file);
    }
}

/* Another mtime, as an append has set it that is held up. */
static int touch(const struct file *file)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {2000, 1}};
    return futimens(file->blob->fd, times);
}

static int touch_again(const struct file *file)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {2000, 2}};
    return futimens(file->blob->fd, times);
}

static int touch_back(const struct file *file)
{
    return futimens(file->blob->fd, fixed);
}

/* First the mtime changes, at MS 1000. */
Test(blob, decides_later_whether_a_file_with_another_mtime_has_grown)
{
    static const struct {
        const char *label;
        int (*act)(const struct file *); /* then */
        uint64_t then_ms;
        enum blob_change change;
    } rows[] = {
        {"nothing", leave, 1000, BLOB_UNDECIDED},
        {"nothing for nearly as long as it takes", leave, 1999, BLOB_UNDECIDED},
        {"nothing for as long as it takes", leave, 2000, BLOB_REWRITTEN},
        {"it grows", append, 1999, BLOB_GROWN},
        {"it grows, at its time", grow, 1999, BLOB_GROWN},
        {"it grows late", append, 5000, BLOB_GROWN},
        {"another write without growth", touch_again, 1001, BLOB_REWRITTEN},
        {"it is truncated", shrink, 1001, BLOB_REWRITTEN},
        {"another mode", change_mode, 1999, BLOB_UNDECIDED},
        {"the former mtime", touch_back, 1001, BLOB_UNCHANGED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct file file;
        file_create(&file);
        cr_assert_eq(touch(&file), 0);
        cr_expect_eq(blob_check_file(file.blob, 1000, PATIENCE_MS), BLOB_UNDECIDED);
        cr_assert_eq(rows[i].act(&file), 0, "%s", rows[i].label);
        for (unsigned j = 0; j < 2; j++)
            cr_expect_eq(blob_check_file(file.blob, rows[i].then_ms, PATIENCE_MS), rows[i].change,
                         "%s", rows[i].label);
        file_destroy(&file);
    }
}

/* Each caller's patience counts from the first check. */
Test(blob, is_undecided_since_it_was_first_checked)
{
    struct file file;
    file_create(&file);
    cr_assert_eq(touch(&file), 0);
    cr_expect_eq(blob_check_file(file.blob, 1000, 50), BLOB_UNDECIDED);
    cr_expect_eq(blob_check_file(file.blob, 1050, 50), BLOB_REWRITTEN);
    cr_expect_eq(blob_check_file(file.blob, 1060, PATIENCE_MS), BLOB_UNDECIDED);
    cr_expect_eq(blob_check_file(file.blob, 2000, PATIENCE_MS), BLOB_REWRITTEN);
    file_destroy(&file);
}

static void append_now(void *argument)
{
    cr_assert_eq(append(argument), 0);
}

/* An append that is not held up takes some microseconds between mtime and size. */
Test(blob, is_checked_again_at_once_before_it_is_undecided)
{
    struct file file;
    file_create(&file);
    cr_assert_eq(touch(&file), 0);
    faults_act(FAULT_FSTAT, 3, append_now, &file);
    cr_expect_eq(blob_check_file(file.blob, 1000, PATIENCE_MS), BLOB_GROWN);
    file_destroy(&file);
}

Test(blob, is_checked_once_while_it_is_undecided)
{
    struct file file;
    file_create(&file);
    cr_assert_eq(touch(&file), 0);
    cr_expect_eq(blob_check_file(file.blob, 1000, PATIENCE_MS), BLOB_UNDECIDED);
    unsigned calls = faults_calls(FAULT_FSTAT);
    cr_expect_eq(blob_check_file(file.blob, 1001, PATIENCE_MS), BLOB_UNDECIDED);
    cr_expect_eq(faults_calls(FAULT_FSTAT), calls + 1);
    file_destroy(&file);
}

Test(blob, checks_a_file_once_a_turn)
{
    struct file file;
    file_create(&file);
    cr_expect(blob_file_unchanged(file.blob, 1));
    unsigned looks = faults_calls(FAULT_FSTAT);
    cr_expect(blob_file_unchanged(file.blob, 1));
    cr_expect_eq(faults_calls(FAULT_FSTAT), looks);
    cr_assert_eq(rewrite(&file), 0);
    cr_expect_not(blob_file_unchanged(file.blob, 2));
    cr_expect_not(blob_file_unchanged(file.blob, 2), "a changed file never counts as checked");
    file_destroy(&file);
}

Test(blob, counts_a_file_that_cannot_be_checked_as_rewritten)
{
    struct blob_identity identity = {0};
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct blob *blob = blob_create_file(fd, &identity);
    close(fd);
    cr_expect_eq(blob_check_file(blob, 1, PATIENCE_MS), BLOB_REWRITTEN);
    cr_expect_not(blob_file_unchanged(blob, 1));
    free(blob);
}

/* --- Copies in memory ------------------------------------------------------------------------- */

static struct blob *create_copy(const char *text, struct blob_account *account)
{
    const int fd = memfd_create("copy", MFD_CLOEXEC);
    const size_t length = strlen(text);
    cr_assert(fd >= 0 && write(fd, text, length) == (ssize_t)length);
    cr_assert(blob_account_take(account, length));
    struct blob *copy = blob_create_copy(fd, length, account);
    cr_assert_not_null(copy);
    return copy;
}

Test(blob, maps_a_copy_once_and_until_the_last_drop)
{
    struct blob_account account = {.bytes_max = 100};
    struct blob *copy = create_copy("hello", &account);
    const char *bytes = blob_map(copy);
    cr_assert_not_null(bytes);
    cr_expect_eq(memcmp(bytes, "hello", 5), 0);
    cr_expect_eq(blob_map(copy), bytes);
    cr_expect_eq(account.mappings, 1);
    blob_drop(blob_pin(copy));
    cr_expect_eq(memcmp(bytes, "hello", 5), 0);
    blob_drop(copy);
    cr_expect_eq(account.mappings, 0);
    cr_expect_eq(account.bytes, 0);
    unsigned char resident;
    const uintptr_t page = (uintptr_t)bytes & ~(uintptr_t)(sysconf(_SC_PAGESIZE) - 1);
    cr_expect_neq(mincore((void *)page, 1, &resident), 0, "the mapping has gone");
}

Test(blob, maps_nothing_but_copies)
{
    struct blob_identity identity = {.bytes = 5};
    struct blob *file = blob_create_file(open("/dev/null", O_RDONLY | O_CLOEXEC), &identity);
    struct blob *bytes = blob_create_bytes(5);
    struct blob_account account = {.bytes_max = 100};
    struct blob *empty = create_copy("", &account);
    cr_expect_null(blob_map(file));
    cr_expect_null(blob_map(bytes));
    cr_expect_null(blob_map(empty));
    blob_drop(file);
    blob_drop(bytes);
    blob_drop(empty);
}

Test(blob, maps_no_more_copies_than_a_process_can_spare)
{
    struct blob_account account = {.bytes_max = 100, .mappings = BLOB_MAPPINGS_MAX - 1};
    struct blob *last = create_copy("last", &account), *more = create_copy("more", &account);
    cr_expect_not_null(blob_map(last));
    cr_expect_null(blob_map(more));
    blob_drop(last);
    cr_expect_not_null(blob_map(more), "there is room again");
    blob_drop(more);
    cr_expect_eq(account.mappings, BLOB_MAPPINGS_MAX - 1);
}

Test(blob, is_read_where_it_cannot_be_mapped)
{
    struct blob_account account = {.bytes_max = 100};
    struct blob *copy = create_copy("hello", &account);
    faults_fail(FAULT_MMAP, 0, 1, ENOMEM);
    cr_expect_null(blob_map(copy));
    cr_expect_eq(account.mappings, 0);
    blob_drop(copy);
}
