/* systemd: what a service manager learns of a server, and when: it is ready, it reloads, it stops,
 * its workers turn. sd_notify(3), "Well-known assignments"; systemd.service(5), WatchdogSec=. */
#include "e2e.h"
#include "server_process.h"
#include "service.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

E2E_SUITE(systemd);

static void create_site(struct site *site)
{
    site_create(site);
    site_write_text(site, "index.html", "x");
}

static struct server *start(const struct site *site, const struct manager *manager,
                            const char *variable)
{
    return server_start_with(&(struct server_setup){
        .kind = PIPELINED,
        .root = site->path,
        .options = "--threads 2",
        .environment = {manager->variable, variable},
    });
}

E2E_TEST(systemd, is_told_when_the_server_serves_and_when_it_stops)
{
    struct site site;
    struct manager manager;
    create_site(&site);
    for (int abstract = 0; abstract <= 1; abstract++) {
        manager_open(&manager, abstract ? NULL : &site);
        struct server *server = start(&site, &manager, NULL);
        const char *first = manager_next(&manager, deadline_after(10000));
        cr_assert(first && message_has(first, "READY=1"), "%s", first);
        server_expect_alive(server, "after READY=1");
        process_signal(&server->process, SIGTERM);
        manager_expect(&manager, "STOPPING=1");
        server_expect_end(server, 10000);
        cr_expect_null(manager_next(&manager, clock_ms()));
        manager_close(&manager);
    }
}

/* Without both a manager waits for ever: "systemctl reload" does not return. */
E2E_TEST(systemd, is_told_the_begin_and_the_end_of_a_reload)
{
    struct site site;
    struct manager manager;
    create_site(&site);
    manager_open(&manager, &site);
    struct server *server = start(&site, &manager, NULL);
    manager_expect(&manager, "READY=1");
    for (int i = 0; i < 3; i++) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        process_signal(&server->process, SIGHUP);
        const char *begin = manager_next(&manager, deadline_after(10000));
        cr_assert(begin && message_has(begin, "RELOADING=1"), "%s", begin);
        const char *value = strstr(begin, "MONOTONIC_USEC=");
        cr_assert(value != NULL, "%s", begin);
        uint64_t usec = strtoull(value + strlen("MONOTONIC_USEC="), NULL, 10);
        cr_expect(usec >= (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 &&
                      usec < ((uint64_t)now.tv_sec + 60) * 1000000,
                  "%s", begin);
        const char *end = manager_next(&manager, deadline_after(10000));
        cr_assert(end && message_has(end, "READY=1"), "%s", end);
    }
    server_stop(server);
    manager_close(&manager);
}

E2E_TEST(systemd, that_is_not_there_does_not_keep_the_server_from_serving)
{
    static const char *const names[] = {"NOTIFY_SOCKET=/tmp/sluice-e2e-none",
                                        "NOTIFY_SOCKET=@sluice-e2e-none", "NOTIFY_SOCKET=vsock:2",
                                        "NOTIFY_SOCKET="};
    struct site site;
    create_site(&site);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct manager absent = {.variable = names[i]};
        struct server *server = start(&site, &absent, NULL);
        server_expect_alive(server, names[i]);
        server_stop(server);
        const char *errors = process_errors(&server->process);
        const bool reported = strstr(errors, "cannot reach the service manager: ") != NULL;
        cr_expect(reported == (names[i][strlen("NOTIFY_SOCKET=")] != '\0'), "%s: %s", names[i],
                  errors);
    }
}

/* --- The watchdog --------------------------------------------------------------------------- */

enum { WATCHDOG_MS = 400 };

static const char *const watchdog = "WATCHDOG_USEC=400000";

static unsigned count_watchdogs(const struct manager *manager, int64_t ms)
{
    unsigned count = 0;
    const char *message;
    for (int64_t end = clock_ms() + ms; (message = manager_next(manager, end));)
        count += message_has(message, "WATCHDOG=1");
    return count;
}

/* Stops or continues all threads of SERVER but the first. */
static void hold_workers(const struct server *server, bool hold)
{
    DIR *tasks = opendir(text_format("/proc/%d/task", (int)server->process.pid));
    struct dirent *task;
    cr_assert(tasks != NULL);
    while ((task = readdir(tasks))) {
        pid_t tid = (pid_t)strtol(task->d_name, NULL, 10);
        if (tid <= 0 || tid == server->process.pid)
            continue;
        if (!hold) {
            ptrace(PTRACE_DETACH, tid, 0, 0);
            continue;
        }
        if (ptrace(PTRACE_SEIZE, tid, 0, 0) < 0)
            e2e_skip("threads may not be stopped here");
        cr_assert_eq(ptrace(PTRACE_INTERRUPT, tid, 0, 0), 0, "%s", strerror(errno));
        waitpid(tid, NULL, __WALL);
    }
    closedir(tasks);
}

E2E_TEST(systemd, watchdog_is_fed_as_long_as_every_worker_turns)
{
    struct site site;
    struct manager manager;
    create_site(&site);
    manager_open(&manager, &site);
    struct server *server = start(&site, &manager, watchdog);
    if (server->instrumented)
        e2e_skip("a sanitizer's own threads may be stopped too");
    manager_expect(&manager, "WATCHDOG=1");
    manager_expect(&manager, "WATCHDOG=1");
    hold_workers(server, true);
    manager_next(&manager, clock_ms() + WATCHDOG_MS); /* the answer of before */
    cr_expect_eq(count_watchdogs(&manager, 3 * (int64_t)WATCHDOG_MS), 0,
                 "fed though no worker turns");
    hold_workers(server, false);
    manager_expect(&manager, "WATCHDOG=1");
    server_stop(server);
    manager_close(&manager);
}

E2E_TEST(systemd, watchdog_of_another_process_is_not_fed)
{
    struct site site;
    struct manager manager;
    create_site(&site);
    manager_open(&manager, &site);
    struct server *server = server_start_with(&(struct server_setup){
        .kind = PIPELINED,
        .root = site.path,
        .environment = {manager.variable, watchdog, "WATCHDOG_PID=1"},
    });
    cr_expect_eq(count_watchdogs(&manager, 3 * (int64_t)WATCHDOG_MS), 0);
    server_stop(server);
    manager_close(&manager);
}
