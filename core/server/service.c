/* service: see service.h. */
#include "server/service.h"

#include "base/clock.h"
#include "observe/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Between a question to the workers and the message that they have answered. sd_watchdog_enabled(3)
 * wants a message every half of the time; with a quarter, one late answer does no harm. */
static uint64_t period_ms(const struct service *service)
{
    const uint64_t quarter_ms = service->notify.watchdog_usec / 1000 / 4;
    return quarter_ms > 0 ? quarter_ms : 1;
}

int service_open(struct service *ret, const struct process_settings *settings,
                 char *const *variables, struct problem *ret_problem)
{
    struct service service = {.watch_at_ms = 0};
    int error = 0;
    notify_init(&service.notify, variables);
    if (settings->pid_file.at)
        error = pid_file_prepare(&service.pid_file, settings->pid_file.at, ret_problem);
    if (!error)
        *ret = service;
    return error;
}

static void say(struct service *service, const char *text)
{
    const int error = notify_send(&service->notify, text);
    if (error && !service->unreachable)
        log_write(LOG_LEVEL_WARNING, "cannot reach the service manager: %s", strerror(-error));
    service->unreachable = error != 0;
}

void service_ready(struct service *service)
{
    struct problem problem;
    if (pid_file_publish(&service->pid_file, &problem) < 0)
        log_problem(&problem);
    say(service, "READY=1\nSTATUS=Serving");
    if (service->notify.watchdog_usec > 0)
        service->watch_at_ms = clock_monotonic_ms();
}

void service_begin_reload(struct service *service)
{
    char text[96];
    if (service->stopping)
        return;
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=Reloading",
             clock_monotonic_us());
    say(service, text);
}

void service_end_reload(struct service *service)
{
    if (!service->stopping)
        say(service, "READY=1\nSTATUS=Serving");
}

/* Whether the pid file is at PATH, or neither is. */
static bool has_pid_file(const struct service *service, const char *path)
{
    const char *now = service->pid_file.path;
    return now && path ? strcmp(now, path) == 0 : now == path;
}

int service_prepare(struct service *service, const struct process_settings *settings,
                    struct problem *ret_problem)
{
    const char *path = settings->pid_file.at;
    if (!path || has_pid_file(service, path))
        return 0;
    return pid_file_prepare(&service->next_pid_file, path, ret_problem);
}

void service_follow(struct service *service, const struct process_settings *settings)
{
    struct problem problem;
    if (has_pid_file(service, settings->pid_file.at))
        return;
    pid_file_remove(&service->pid_file); /* first: both may be the same file by two names */
    service->pid_file = service->next_pid_file;
    service->next_pid_file = (struct pid_file){0};
    if (pid_file_publish(&service->pid_file, &problem) < 0)
        log_problem(&problem);
}

void service_stay(struct service *service)
{
    pid_file_remove(&service->next_pid_file);
}

void service_stop(struct service *service)
{
    if (!service->stopping)
        say(service, "STOPPING=1\nSTATUS=Finishing responses in flight");
    service->stopping = true;
}

void service_hand_over(struct service *service, pid_t pid)
{
    char text[64];
    snprintf(text, sizeof text, "MAINPID=%ld", (long)pid);
    say(service, text);
    service->stopping = true; /* the messages of the new process count from now on */
    service->watch_at_ms = 0;
    pid_file_leave(&service->pid_file, pid);
}

void service_clean(const struct service *service, pid_t pid)
{
    pid_file_clean(&service->pid_file, pid);
}

/* Whether all that were asked have answered. Those that have ended do not; the manager has other
 * limits for the time that stopping takes. */
static bool all_turn(const struct service *service, struct worker *const *workers, unsigned count)
{
    for (unsigned i = 0; service->asked && !service->stopping && i < count; i++) {
        if (!worker_has_answered(workers[i]))
            return false;
    }
    return true;
}

uint64_t service_watch(struct service *service, struct worker *const *workers, unsigned count,
                       uint64_t now_ms)
{
    if (service->watch_at_ms == 0)
        return SERVICE_NEVER;
    if (now_ms < service->watch_at_ms)
        return service->watch_at_ms;
    service->watch_at_ms = now_ms + period_ms(service);
    if (!all_turn(service, workers, count))
        return service->watch_at_ms;
    say(service, "WATCHDOG=1");
    for (unsigned i = 0; i < count; i++)
        worker_ask(workers[i]);
    service->asked = true;
    return service->watch_at_ms;
}

void service_close(struct service *service)
{
    pid_file_remove(&service->pid_file);
}
