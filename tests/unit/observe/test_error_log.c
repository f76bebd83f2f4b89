/* error_log: what syslog gets of a message. The file is tested end to end. */
#include "observe/error_log.h"

#include "observe/log.h"
#include "support/tree.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* RFC 3164 section 4.1.1: facility daemon, 3, and the severity. */
Test(error_log, sends_a_message_with_its_severity_to_syslog, .timeout = 120)
{
    struct tree tree;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct problem problem;
    char name[128], text[512] = "", other[512] = "";
    tree_init(&tree);
    snprintf(address.sun_path, sizeof address.sun_path, "%.90s/log", tree.path);
    int listener = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    snprintf(name, sizeof name, "syslog:%s", address.sun_path);
    cr_assert_eq(error_log_open(name, "tag", &problem), 0, "%s", problem.what);
    cr_assert_eq(error_log_start(), 0);
    error_log_use(name);
    log_write(LOG_LEVEL_WARNING, "a warning");
    log_write(LOG_LEVEL_ERROR, "an error");
    cr_assert(error_log_stop(10000));
    error_log_close();
    cr_assert_gt(recv(listener, text, sizeof text - 1, 0), 0);
    cr_assert_gt(recv(listener, other, sizeof other - 1, 0), 0);
    cr_expect(strncmp(text, "<28>", 4) == 0 && strstr(text, "warning main: a warning"), "%s", text);
    cr_expect(strncmp(other, "<27>", 4) == 0 && strstr(other, "error main: an error"), "%s", other);
    close(listener);
    tree_fini(&tree);
}
