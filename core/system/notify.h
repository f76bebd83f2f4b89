/* notify: messages to the service manager that has started this process: sd_notify(3), "Description
 * of the protocol".
 *
 * The manager names a datagram socket in NOTIFY_SOCKET: a path, or "@" and the name of an abstract
 * socket. A message is lines of NAME=VALUE. Each is sent by a socket of its own, so nothing is kept
 * open, and a manager that has restarted is reached again. The manager may also want a message
 * WATCHDOG=1 at intervals (WATCHDOG_USEC), or it kills the process (sd_watchdog_enabled(3)). Owns
 * nothing: the values of variables are borrowed. */
#ifndef SLUICE_NOTIFY_H
#define SLUICE_NOTIFY_H

#include "base/base.h"

/* Zeroed: no manager wants messages. */
struct notify {
    const char *socket;     /* *borrowed*; NULL: no messages are wanted */
    uint64_t watchdog_usec; /* the longest time between two WATCHDOG=1; 0: not wanted */
};

/* Reads VARIABLES, as environ(7). WATCHDOG_USEC counts if WATCHDOG_PID is this process, or is not
 * set. */
void notify_init(struct notify *ret, char *const *variables);

/* Sends TEXT. Waits for at most a second if the manager's queue is full. Returns 0, also if no
 * messages are wanted, or a negative errno. */
int notify_send(const struct notify *notify, const char *text);

#endif
