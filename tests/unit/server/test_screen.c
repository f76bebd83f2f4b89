/* screen: a reader of standard output that has stopped reading, and calls that fail. pipe(7). */
#include "server/screen.h"
#include "support/faults.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const struct profile profile = {.name = "test"};
static struct settings *settings;
static struct listening listening;
static int reader, former_output;

/* Standard output is a pipe. */
static void set_up(void)
{
    int ends[2];
    settings = settings_create();
    cr_assert(settings && settings_add_site(settings));
    settings->sites[0]->root = "/srv";
    cr_assert_eq(pipe(ends), 0);
    former_output = dup(STDOUT_FILENO);
    cr_assert_eq(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
    close(ends[1]);
    reader = ends[0];
}

static void tear_down(void)
{
    dup2(former_output, STDOUT_FILENO);
    close(former_output);
    close(reader);
    settings_unref(settings);
}

TestSuite(screen, .init = set_up, .fini = tear_down, .timeout = 20);

static void show(void)
{
    const struct screen screen = {
        .profile = &profile, .settings = settings, .listening = &listening, .threads = 1};
    const struct metrics totals = {0};
    screen_show(&screen);
    screen_show_totals(&screen, &totals);
}

/* Fills the pipe to the last byte. */
static void fill(void)
{
    static const char zeros[4096];
    const int flags = fcntl(STDOUT_FILENO, F_GETFL);
    fcntl(STDOUT_FILENO, F_SETFL, flags | O_NONBLOCK);
    for (size_t bytes = sizeof zeros; bytes > 0; bytes /= 2) {
        while (write(STDOUT_FILENO, zeros, bytes) > 0) {
        }
    }
    fcntl(STDOUT_FILENO, F_SETFL, flags);
}

Test(screen, is_not_shown_to_a_reader_that_has_stopped_reading)
{
    char byte;
    fill();
    show();
    fcntl(reader, F_SETFL, O_NONBLOCK);
    while (read(reader, &byte, 1) == 1)
        cr_expect_eq(byte, '\0');
}

/* It is larger than the pipe. */
Test(screen, goes_as_far_as_a_reader_that_has_stopped_reading_has_room)
{
    static char root[200000];
    memset(root, 'r', sizeof root - 1);
    settings->sites[0]->root = root;
    show();
    cr_expect_gt(read(reader, root, sizeof root), 4096);
    cr_expect(strncmp(root, "test (Sluice ", 13) == 0);
}

Test(screen, is_shown_to_one_that_reads)
{
    char text[1000];
    show();
    const ssize_t length = read(reader, text, sizeof text - 1);
    cr_assert_gt(length, 0);
    text[length] = '\0';
    cr_expect(strstr(text, " serves /srv\n"), "%s", text);
    cr_expect(strstr(text, "test served "), "%s", text);
}

/* Faults that pass cost no byte. Others cost the page that is being written, and no other. */
Test(screen, is_whole_or_left_out_when_a_call_fails)
{
    static const struct {
        enum fault call;
        int error;
        bool shown;
    } rows[] = {
        {FAULT_POLL, EINTR, true},        {FAULT_WRITE, EINTR, true},  {FAULT_WRITE, EAGAIN, true},
        {FAULT_WRITE, FAULT_SHORT, true}, {FAULT_POLL, ENOMEM, false}, {FAULT_WRITE, ENOSPC, false},
    };
    char wanted[1000] = "";
    show();
    cr_assert_gt(read(reader, wanted, sizeof wanted - 1), 0);
    const char *totals = strstr(wanted, "test served ");
    cr_assert_not_null(totals, "%s", wanted);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[sizeof wanted] = "";
        faults_fail(rows[i].call, 0, 1, rows[i].error);
        show();
        cr_expect_eq(faults_failed(rows[i].call), 1, "row %zu", i);
        faults_clear();
        cr_assert_gt(read(reader, text, sizeof text - 1), 0, "row %zu", i);
        cr_expect_str_eq(text, rows[i].shown ? wanted : totals, "row %zu: %s", i, text);
    }
}
