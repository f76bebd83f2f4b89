/* upgrade_child: what happens in the child of an upgrade between fork(2) and execve(2).
 *
 * A child of a process with threads may call only what signal-safety(7) lists, so all that it needs
 * is made before: the environment, and the descriptors in their order. The protocol wants them at 3
 * and up without a gap. Descriptors in that range that the settings name stay where they are, and
 * count as one of them, called INHERITED_KEPT. A part of upgrade. Owns the
 * environment's array; its strings are borrowed, but for those of LISTEN_FDS and its like. */
#ifndef SLUICE_UPGRADE_CHILD_H
#define SLUICE_UPGRADE_CHILD_H

#include "server/upgrade.h"

enum {
    UPGRADE_VARIABLE_BYTES = 40,
    UPGRADE_STAYS = -1,
};

struct upgrade_child {
    const char *program;
    char *const *argv;
    char **variables;
    char count[UPGRADE_VARIABLE_BYTES]; /* LISTEN_FDS=... */
    char pid[UPGRADE_VARIABLE_BYTES];   /* LISTEN_PID=..., written by the child */
    char *names;                        /* LISTEN_FDNAMES=... */
    int *fds; /* to be 3 and up, UPGRADE_STAYS: that one stays; the last leads to the old process */
    unsigned fd_count;
};

/* Makes what the child of UPGRADE needs to pass on GIFTS and PARENT_FD. Returns 0, or
 * -ENOMEM, or -EMFILE if they are more than INHERITED_MAX. *Gives*: upgrade_child_free. */
int upgrade_child_make(struct upgrade_child *ret, const struct upgrade *upgrade,
                       const struct upgrade_gifts *gifts, int parent_fd);

void upgrade_child_free(struct upgrade_child *child);

/* In the child: executes the program, or returns a positive errno. */
int upgrade_child_execute(struct upgrade_child *child);

#endif
