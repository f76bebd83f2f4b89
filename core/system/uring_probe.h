/* uring_probe: finds out whether io_uring(7) works here, by using it.
 *
 * It may be missing from the kernel, disabled by the administrator, forbidden by a sandbox, or too
 * old in ways that a probe of opcodes does not show: multishot receive and buffer rings have to be
 * seen working. So uring_probe uses them on a pair of sockets of its own. */
#ifndef SLUICE_URING_PROBE_H
#define SLUICE_URING_PROBE_H

#include "base/base.h"

enum { URING_PROBE_REASON_BYTES = 200 };

/* Returns 0, or a negative errno with *RET_REASON: the problem, and what to do about it. Leaves
 * nothing open. */
int uring_probe(char ret_reason[static URING_PROBE_REASON_BYTES]);

/* Writes the reason for ERROR, a negative errno from setting up a ring. DISABLED is the value of
 * kernel.io_uring_disabled; 0 if the kernel does not have it. */
void uring_probe_explain(int error, int disabled, char ret_reason[static URING_PROBE_REASON_BYTES]);

#endif
