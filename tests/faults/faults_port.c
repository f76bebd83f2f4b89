/* faults_port: see faults_port.h. */
#include "faults_port.h"

#include "base/base.h"
#include "faults_run.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    START_MS = 20000,
    SCREEN_MS = 1000, /* a server that listens and has written nothing has lost its screen */
    STEP_MS = 250,
};

/* The port of the first address in SCREEN. 0: it has none yet. */
static uint16_t port_in(const char *screen)
{
    const char *address = strstr(screen, "http://");
    const char *end = address ? strchr(address, '\n') : NULL;
    const char *colon = end ? memrchr(address, ':', (size_t)(end - address)) : NULL;
    return colon ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0;
}

static bool has_socket(pid_t pid, unsigned long inode)
{
    char wanted[48];
    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    for (int fd = 3; fd < RUN_DESCRIPTORS_MAX; fd++) {
        char link[48], name[sizeof wanted] = "";
        snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)pid, fd);
        if (readlink(link, name, sizeof name - 1) > 0 && strcmp(name, wanted) == 0)
            return true;
    }
    return false;
}

/* The port in LINE of a table of sockets, if process PID listens there. 0: it does not. */
static uint16_t port_of_line(char *line, pid_t pid)
{
    enum { LOCAL = 1, STATE = 3, INODE = 9, FIELD_COUNT, LISTENS = 0x0a };
    char *fields[FIELD_COUNT], *rest = line;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (!(fields[i] = strtok_r(rest, " ", &rest)))
            return 0;
    }
    const char *colon = strchr(fields[LOCAL], ':');
    if (!colon || strtoul(fields[STATE], NULL, 16) != LISTENS ||
        !has_socket(pid, strtoul(fields[INODE], NULL, 10)))
        return 0;
    return (uint16_t)strtoul(colon + 1, NULL, 16);
}

/* The port at which process PID listens, in the table at PATH. 0: none. */
static uint16_t port_in_table(const char *path, pid_t pid)
{
    char line[512];
    uint16_t port = 0;
    FILE *table = fopen(path, "re");
    while (table && port == 0 && fgets(line, sizeof line, table))
        port = port_of_line(line, pid);
    if (table)
        fclose(table);
    return port;
}

/* What is known without a screen. 0: nothing yet. */
static uint16_t port_without(pid_t pid, unsigned waited_ms, bool has_port)
{
    if (!has_port)
        return waited_ms >= START_MS / 2;
    if (waited_ms < SCREEN_MS)
        return 0;
    const uint16_t port = port_in_table("/proc/net/tcp", pid);
    return port > 0 ? port : port_in_table("/proc/net/tcp6", pid);
}

uint16_t faults_port(pid_t pid, int output, bool has_port)
{
    char screen[2048] = "";
    size_t length = 0;
    unsigned waited_ms = 0;
    uint16_t port = 0;
    struct pollfd event = {.fd = output, .events = POLLIN};
    while (port == 0 && waited_ms < START_MS && length + 1 < sizeof screen) {
        if (poll(&event, 1, STEP_MS) != 1) {
            waited_ms += STEP_MS;
            port = port_without(pid, waited_ms, has_port);
            continue;
        }
        const ssize_t got = read(output, screen + length, sizeof screen - 1 - length);
        if (got <= 0)
            return 0;
        length += (size_t)got;
        screen[length] = '\0';
        port = has_port ? port_in(screen) : strstr(screen, "Ctrl-C") != NULL;
    }
    return port;
}
