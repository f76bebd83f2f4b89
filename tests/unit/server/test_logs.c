/* logs: why a log of the settings cannot be opened. */
#include "server/logs.h"

#include "config/settings.h"
#include "observe/error_log.h"
#include "support/faults.h"
#include "support/tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

static struct tree tree;
static struct settings *settings;
static struct access_logs *access_logs;
static char path[TREE_PATH_BYTES + 8];
static struct problem problem;

static void set_up(void)
{
    tree_init(&tree);
    snprintf(path, sizeof path, "%s/log", tree.path);
    settings = settings_create();
    cr_assert(settings && settings_add_site(settings));
    access_logs = NULL;
}

static void tear_down(void)
{
    faults_clear();
    access_logs_destroy(access_logs);
    settings_unref(settings);
    unlink(path);
    tree_fini(&tree);
}

TestSuite(logs, .init = set_up, .fini = tear_down);

/* Opens the logs while the next call of FAULT fails with ERROR, and expects that. */
static void expect_failure(enum fault fault, int error, const char *says)
{
    const struct logs logs = {
        .access = &access_logs, .worker_count = 1, .tag = "tag", .running = true};
    char text[PROBLEM_TEXT_BYTES];
    problem = (struct problem){.line = 0};
    faults_fail(fault, 0, 1, error);
    cr_expect_eq(logs_open(&logs, settings, &problem), -error);
    problem_text(&problem, text);
    cr_expect(strstr(text, says), "%s", text);
    cr_expect_null(access_logs);
}

Test(logs, say_why_the_access_log_cannot_be_made)
{
    settings->sites[0]->access_log = str_of(path);
    expect_failure(FAULT_EVENTFD, EMFILE, "Too many open files; raise the limit of descriptors");
    expect_failure(FAULT_MEMORY, ENOMEM, "memory");
    expect_failure(FAULT_THREAD, EAGAIN, "cannot start the thread for a log");
}

Test(logs, say_why_the_error_log_cannot_be_made)
{
    settings->process.error_log = str_of(path);
    expect_failure(FAULT_EVENTFD, EMFILE, "Too many open files; raise the limit of descriptors");
    expect_failure(FAULT_MEMORY, ENOMEM, "memory");
    expect_failure(FAULT_THREAD, EAGAIN, "cannot start the thread for a log");
    error_log_close();
}
