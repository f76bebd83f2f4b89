/* service: what a service manager hears. sd_notify(3). */
#include "server/service.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int manager; /* its socket */
static char variable[160];
static char watchdog[] = "WATCHDOG_USEC=400000";
static char *variables[] = {variable, watchdog, NULL};
static struct service service;

static void set_up(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct process_settings settings = {.pid_file = STR_ABSENT};
    struct problem problem;
    const int length = snprintf(address.sun_path + 1, sizeof address.sun_path - 1,
                                "sluice-test-service-%ld", (long)getpid());
    snprintf(variable, sizeof variable, "NOTIFY_SOCKET=@%s", address.sun_path + 1);
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(manager, (const struct sockaddr *)&address,
                      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)),
                 0);
    cr_assert_eq(service_open(&service, &settings, variables, &problem), 0);
}

static void tear_down(void)
{
    service_close(&service);
    close(manager);
}

TestSuite(service, .init = set_up, .fini = tear_down, .timeout = 60);

/* Expects a message that begins with WANTED; NULL: none. */
static void expect_message(const char *wanted)
{
    char text[256] = "";
    const ssize_t length = recv(manager, text, sizeof text - 1, 0);
    cr_expect_eq(length > 0, wanted != NULL, "%s", text);
    cr_expect(!wanted || strncmp(text, wanted, strlen(wanted)) == 0, "%s", text);
}

Test(service, reports_each_reload_from_its_begin_to_its_end)
{
    service_ready(&service);
    expect_message("READY=1\n");
    service_begin_reload(&service);
    expect_message("RELOADING=1\nMONOTONIC_USEC=");
    service_end_reload(&service);
    expect_message("READY=1\n");
    expect_message(NULL);
}

/* Takes the next message, which has FIRST as its first line, and all of it at once. */
static const char *take_message(const char *first)
{
    static char text[256];
    const ssize_t length = recv(manager, text, sizeof text - 1, 0);
    cr_assert_gt(length, 0);
    text[length] = '\0';
    cr_expect(strncmp(text, first, strlen(first)) == 0 && text[strlen(first)] == '\n', "%s", text);
    return text;
}

/* With Type=notify-reload, systemd.service(5), a manager sends SIGHUP, and waits for RELOADING=1
 * with a time that is not before its signal, in one message, and then for READY=1. */
Test(service, the_time_of_a_reload_is_between_its_signal_and_its_end)
{
    for (unsigned i = 0; i < 2; i++) {
        const uint64_t signal_us = clock_monotonic_us();
        service_begin_reload(&service);
        const char *message = take_message("RELOADING=1");
        const char *time = strstr(message, "\nMONOTONIC_USEC=");
        cr_expect_null(strstr(message, "READY=1"));
        cr_assert_not_null(time, "%s", message);
        const uint64_t reload_us = strtoull(strchr(time, '=') + 1, NULL, 10);
        cr_expect(reload_us >= signal_us && reload_us <= clock_monotonic_us(), "%s", message);
        service_end_reload(&service);
        cr_expect_null(strstr(take_message("READY=1"), "RELOADING"));
        expect_message(NULL);
    }
}

Test(service, a_reload_that_ends_in_a_drain_does_not_make_the_server_ready_again)
{
    service_begin_reload(&service);
    expect_message("RELOADING=1\n");
    service_stop(&service);
    expect_message("STOPPING=1\n");
    service_end_reload(&service);
    service_begin_reload(&service);
    expect_message(NULL);
}

/* A question and its answer take a period each: were it half of the time, an answer that is a
 * little late would cost the message that keeps the manager from killing the process. */
Test(service, the_watchdog_is_due_four_times_in_its_time)
{
    service_ready(&service);
    expect_message("READY=1\n");
    uint64_t at_ms = service.watch_at_ms;
    for (unsigned i = 0; i < 4; i++) {
        const uint64_t next_ms = service_watch(&service, NULL, 0, at_ms);
        expect_message("WATCHDOG=1");
        cr_expect_eq(next_ms, at_ms + 100);
        cr_expect_eq(service_watch(&service, NULL, 0, next_ms - 1), next_ms);
        expect_message(NULL);
        at_ms = next_ms;
    }
}
