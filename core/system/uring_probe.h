/* uring_probe: whether io_uring(7) works here, found out by using it.
 *
 * It may be missing from the kernel, switched off by the administrator, forbidden by a sandbox, or
 * too old in ways that a list of opcodes does not show: multishot receive and buffer rings must be
 * seen to work. So the probe receives with them, on a socket pair of its own. Owns nothing. */
#ifndef SLUICE_URING_PROBE_H
#define SLUICE_URING_PROBE_H

#include "base/problem.h"

/* Returns 0, or a negative errno with *RET_PROBLEM set. Leaves nothing open. */
int uring_probe(struct problem *ret_problem);

/* Describes ERROR, negative, of setting up a ring. DISABLED is the value of the sysctl
 * kernel.io_uring_disabled; 0 if the kernel does not have it. */
void uring_probe_explain(int error, int disabled, struct problem *ret_problem);

#endif
