/* whole_file: files, pipes and what is neither, to a bound. */
#include "system/whole_file.h"

#include "support/tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static struct tree tree;

static void set_up(void)
{
    tree_init(&tree);
}

static void tear_down(void)
{
    tree_fini(&tree);
}

TestSuite(whole_file, .init = set_up, .fini = tear_down, .timeout = 120);

Test(whole_file, reads_a_file_of_at_most_the_bound)
{
    char path[512], *bytes = NULL;
    snprintf(path, sizeof path, "%s/file", tree.path);
    tree_write(&tree, "file", STR("12345"));
    for (size_t bound = 5; bound < 7; bound++) {
        cr_assert_eq(whole_file_read(path, bound, &bytes), 5);
        cr_expect_eq(memcmp(bytes, "12345", 5), 0);
        free(bytes);
    }
    bytes = NULL;
    cr_expect_eq(whole_file_read(path, 4, &bytes), -EFBIG);
    cr_expect_null(bytes, "untouched");
    tree_write(&tree, "file", STR(""));
    cr_expect_eq(whole_file_read(path, 4, &bytes), 0);
    free(bytes);
}

Test(whole_file, reports_what_cannot_be_read)
{
    char *bytes;
    cr_expect_eq(whole_file_read("/nonexistent", 4, &bytes), -ENOENT);
    cr_expect_eq(whole_file_read(tree.path, 4, &bytes), -EISDIR);
    cr_expect_eq(whole_file_read("/dev/zero", 1 << 20, &bytes), -EFBIG, "it has no end");
    cr_expect_str_eq(whole_file_reason(-ENOENT), "No such file or directory");
}

static atomic_bool enough;

/* Writes a byte to the pipe *ARGUMENT now and then, until it is enough. */
static void *trickle(void *argument)
{
    const int fd = *(const int *)argument;
    const struct timespec pause = {.tv_nsec = 200 * 1000 * 1000};
    while (!atomic_load(&enough)) {
        cr_assert_eq(write(fd, "#", 1), 1);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

/* Each byte is the start of another wait for one that bounds each wait alone. */
Test(whole_file, waits_for_the_end_of_a_pipe_however_its_bytes_come)
{
    int ends[2];
    pthread_t thread;
    char *bytes;
    cr_assert_eq(pipe2(ends, O_NONBLOCK), 0);
    cr_assert_eq(pthread_create(&thread, NULL, trickle, &ends[1]), 0);
    cr_expect_eq(whole_file_read_from(ends[0], 200, &bytes), -ETIMEDOUT);
    atomic_store(&enough, true);
    pthread_join(thread, NULL);
    close(ends[0]);
    close(ends[1]);
}

/* As a shell gives it for <(...). */
Test(whole_file, reads_a_pipe_to_its_end)
{
    int ends[2];
    char path[32], *bytes;
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(write(ends[1], "abc", 3), 3);
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    cr_assert_eq(whole_file_read(path, 100, &bytes), 3);
    free(bytes);
    close(ends[0]);
}
