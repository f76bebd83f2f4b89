/* notify: the variables of a service manager, and messages to it. sd_notify(3),
 * sd_watchdog_enabled(3). */
#include "system/notify.h"

#include "support/faults.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct notify of(const char *first, const char *second, const char *third)
{
    static char texts[3][256];
    char *variables[] = {texts[0], texts[1], texts[2], NULL};
    struct notify notify;
    snprintf(texts[0], sizeof texts[0], "%s", first);
    snprintf(texts[1], sizeof texts[1], "%s", second);
    snprintf(texts[2], sizeof texts[2], "%s", third);
    notify_init(&notify, variables);
    return notify;
}

Test(notify, sends_nothing_without_a_manager)
{
    struct notify notify = of("NOTIFY_SOCKETS=/x", "NOTIFY_SOCKET=", "A=b");
    cr_expect_null(notify.socket);
    cr_expect_eq(notify_send(&notify, "READY=1"), 0);
    notify_init(&notify, NULL);
    cr_expect_null(notify.socket);
}

Test(notify, watches_only_the_process_that_is_named)
{
    char own[32];
    snprintf(own, sizeof own, "WATCHDOG_PID=%d", (int)getpid());
    cr_expect_eq(of("WATCHDOG_USEC=30000000", "A=b", "A=b").watchdog_usec, 30000000);
    cr_expect_eq(of("WATCHDOG_USEC=30000000", own, "A=b").watchdog_usec, 30000000);
    cr_expect_eq(of("WATCHDOG_USEC=30000000", "WATCHDOG_PID=1", "A=b").watchdog_usec, 0);
    cr_expect_eq(of("WATCHDOG_USEC=30000000", "WATCHDOG_PID=", "A=b").watchdog_usec, 0);
    cr_expect_eq(of("WATCHDOG_USEC=many", own, "A=b").watchdog_usec, 0);
}

Test(notify, refuses_addresses_that_it_cannot_reach)
{
    char name[256] = "NOTIFY_SOCKET=/";
    struct notify notify = of("NOTIFY_SOCKET=relative", "", "");
    cr_expect_eq(notify_send(&notify, "READY=1"), -EAFNOSUPPORT);
    memset(name + strlen(name), 'x', 120);
    notify = of(name, "", "");
    cr_expect_eq(notify_send(&notify, "READY=1"), -ENAMETOOLONG);
    notify = of("NOTIFY_SOCKET=@sluice-unit-none", "", "");
    cr_expect_eq(notify_send(&notify, "READY=1"), -ECONNREFUSED);
}

Test(notify, sends_each_message_whole_to_an_abstract_socket)
{
    char name[64], text[64] = "";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    const int length = snprintf(name, sizeof name, "NOTIFY_SOCKET=@sluice-unit-%d", (int)getpid());
    const size_t value = strlen("NOTIFY_SOCKET=");
    memcpy(address.sun_path, name + value, (size_t)length - value);
    address.sun_path[0] = '\0';
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address,
                      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length - value)),
                 0, "%s", strerror(errno));
    struct notify notify = of(name, "", "");
    cr_expect_eq(notify_send(&notify, "READY=1\nSTATUS=x"), 0);
    cr_expect_eq(recv(fd, text, sizeof text - 1, MSG_DONTWAIT), 16);
    cr_expect_str_eq(text, "READY=1\nSTATUS=x");
    faults_fail(FAULT_SEND, 0, 1, EINTR);
    cr_expect_eq(notify_send(&notify, "STOPPING=1"), 0);
    faults_fail(FAULT_SOCKET, 0, 1, EMFILE);
    cr_expect_eq(notify_send(&notify, "STOPPING=1"), -EMFILE);
    close(fd);
}
