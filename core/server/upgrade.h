/* upgrade: replaces this process by a new one of the same program, perhaps a newer version, while
 * connections wait in the same queues.
 *
 * The new process is a child. It gets the command line and the environment that this one was
 * started with, and the listening sockets, as socket activation has them (system/inherited.h), so
 * no connection is lost whatever number of threads it has. One more descriptor, named
 * UPGRADE_PARENT, is a pair of sockets between the two, with a packet for each message:
 *
 *     the old one  KEYS   the keys of TLS session tickets, at once
 *     the new one  ERROR  the program could not be executed: an errno
 *     the new one  READY  it accepts connections
 *     the old one  GO     the service manager knows the new process now
 *
 * Then the old process finishes what it has. If the new one ends first, or is not ready in time,
 * it is killed and reaped, and the old one goes on as if nothing had been: a later attempt is
 * independent of it. Owns the child until GO. For the main thread. fork(2), execve(2). */
#ifndef SLUICE_UPGRADE_H
#define SLUICE_UPGRADE_H

#include "base/problem.h"
#include "system/inherited.h"

#include <sys/types.h>

#define UPGRADE_PARENT "sluice.parent"

enum {
    UPGRADE_PATIENCE_MS = 30000, /* until the new process is ready */
    UPGRADE_KEYS_MAX = 512,      /* bytes */
};

/* Zeroed but for FD, which is -1: nothing to free. */
struct upgrade {
    char *program; /* an absolute path, or the one by which the kernel knows this program */
    char *const *argv, *const *variables; /* *borrowed*: as main and environ(7) have them */
    pid_t pid;                            /* of the new process; 0: none */
    int fd;                               /* to it */
    uint64_t deadline_ms;                 /* monotonic; UINT64_MAX: it has been killed */
};

/* What the new process gets. */
struct upgrade_gifts {
    const struct inherited_socket *sockets; /* their descriptors and names */
    unsigned count;
    const int *kept; /* descriptors that must keep their numbers */
    unsigned kept_count;
    const void *keys;
    size_t key_bytes; /* at most UPGRADE_KEYS_MAX */
};

enum upgrade_event {
    UPGRADE_NOTHING,
    UPGRADE_READY,
    UPGRADE_FAILED, /* a problem says why */
};

/* Finds the program that ARGV[0] names, before it may be replaced. *Borrows* ARGV and VARIABLES.
 * Returns 0 or -ENOMEM with *RET_PROBLEM set. *Gives*: upgrade_fini. */
int upgrade_init(struct upgrade *ret, char *const *argv, char *const *variables,
                 struct problem *ret_problem);

/* Starts the new process with GIFTS. Returns 0, or a negative errno with *RET_PROBLEM set and
 * nothing left: -EBUSY if one has been started and is not ready, -EPERM as process 1, with which a
 * container ends. */
int upgrade_start(struct upgrade *upgrade, const struct upgrade_gifts *gifts,
                  struct problem *ret_problem);

/* Whether a process has been started that is neither released nor reaped. */
static inline bool upgrade_is_under_way(const struct upgrade *upgrade)
{
    return upgrade->pid > 0;
}

/* Takes a message of the new process, if there is one, and ends its time, if that is over at
 * NOW_MS. FD of UPGRADE is readable, or DEADLINE_MS reached, when there is something to do. */
enum upgrade_event upgrade_turn(struct upgrade *upgrade, uint64_t now_ms,
                                struct problem *ret_problem);

/* Reaps a child that has ended, and returns its number, with *RET: UPGRADE_FAILED if it was to
 * follow this process and that is news. As process 1 it may be a process of others. 0: none has
 * ended. */
pid_t upgrade_reap(struct upgrade *upgrade, enum upgrade_event *ret, struct problem *ret_problem);

/* Releases the new process, which is ready: sends GO. No upgrade is under way then. */
void upgrade_finish(struct upgrade *upgrade);

/* Kills the new process, if it is not released. */
void upgrade_fini(struct upgrade *upgrade);

/* --- In the new process ----------------------------------------------------------------------- */

/* Takes the descriptor of UPGRADE_PARENT out of INHERITED. -1: this process is not an upgrade. */
int upgrade_find_parent(struct inherited *inherited);

/* Copies the keys that have come by FD to TO. Returns their number of bytes, 0: none. */
size_t upgrade_receive_keys(int fd, uint8_t to[static UPGRADE_KEYS_MAX]);

/* Reports that this process is ready, and waits until the old one lets it go. Closes FD. */
void upgrade_report_ready(int fd);

#endif
