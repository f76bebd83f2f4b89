/* access_log_rig: a set of logs with its thread, in a directory of its own; the lines that a test
 * puts into its rings, and what is reported. */
#ifndef SLUICE_TESTS_ACCESS_LOG_RIG_H
#define SLUICE_TESTS_ACCESS_LOG_RIG_H

#include "base/str.h"
#include "observe/access_log.h"
#include "support/tree.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WORKERS = 2, PATIENCE_MS = 10000, STOP_MS = 4000, RETIRED_MS = 200 };

static struct tree tree;
static char path[PATH_MAX], other[PATH_MAX];
static struct access_logs *logs;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char reports[4096]; /* under LOCK */

static inline void report(const struct problem *problem)
{
    char text[PROBLEM_TEXT_BYTES];
    problem_text(problem, text);
    pthread_mutex_lock(&lock);
    snprintf(reports + strlen(reports), sizeof reports - strlen(reports), "%s\n", text);
    pthread_mutex_unlock(&lock);
}

static inline bool reported(const char *text)
{
    pthread_mutex_lock(&lock);
    bool found = strstr(reports, text) != NULL;
    pthread_mutex_unlock(&lock);
    return found;
}

static inline void set_up(void)
{
    const struct access_logs_config config = {
        .worker_count = WORKERS, .tag = "tag", .report = report, .retired_ms_max = RETIRED_MS};
    signal(SIGPIPE, SIG_IGN);
    tree_init(&tree);
    snprintf(path, sizeof path, "%s/log", tree.path);
    snprintf(other, sizeof other, "%s/log.1", tree.path);
    struct problem problem;
    cr_assert_eq(access_logs_create(&logs, &config, &problem), 0, "%s", problem.what);
}

static inline void tear_down(void)
{
    cr_assert(access_logs_stop(logs, STOP_MS));
    access_logs_destroy(logs);
    unlink(path);
    unlink(other);
    tree_fini(&tree);
}

static inline struct log_ring *start(const char *name)
{
    struct problem problem;
    cr_assert_eq(access_logs_add(logs, name, &problem), 0, "%s", problem.what);
    struct log_ring *ring = access_logs_ring(logs, name, 0);
    cr_assert(ring);
    cr_assert_eq(access_logs_start(logs), 0);
    return ring;
}

static inline bool put(struct log_ring *ring, const char *text)
{
    const size_t length = strlen(text);
    char *at = log_ring_reserve(ring, length);
    if (!at)
        return false;
    str_put(at, str_of(text));
    log_ring_commit(ring, length);
    return true;
}

enum { LINE_BYTES = 1024 };

/* Puts COUNT lines of LINE_BYTES. Returns how many were dropped. */
static inline unsigned put_lines(struct log_ring *ring, unsigned count)
{
    static char line[LINE_BYTES + 1];
    unsigned dropped = 0;
    memset(line, 'x', LINE_BYTES - 1);
    line[LINE_BYTES - 1] = '\n';
    for (unsigned i = 0; i < count; i++)
        dropped += !put(ring, line);
    return dropped;
}

/* The content of the file NAME; "" if it does not exist. */
static inline const char *content(const char *name)
{
    static char text[4096];
    int fd = open(name, O_RDONLY | O_NONBLOCK);
    ssize_t length = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0)
        close(fd);
    text[length > 0 ? length : 0] = '\0';
    return text;
}

static inline void expect_content(const char *name, const char *expected)
{
    for (unsigned ms = 0; ms < PATIENCE_MS && strcmp(content(name), expected) != 0; ms++)
        poll(NULL, 0, 1);
    cr_expect_str_eq(content(name), expected);
}

static inline void expect_report(const char *text)
{
    for (unsigned ms = 0; ms < PATIENCE_MS && !reported(text); ms++)
        poll(NULL, 0, 1);
    cr_expect(reported(text), "%s: %s", text, reports);
}

/* The number of lines that have been reported as lost. */
static inline unsigned long lost_lines(void)
{
    unsigned long lost = 0;
    pthread_mutex_lock(&lock);
    for (const char *at = reports; (at = strstr(at, "': ")); at++)
        lost += strtoul(at + strlen("': "), NULL, 10);
    pthread_mutex_unlock(&lock);
    return lost;
}

#endif
