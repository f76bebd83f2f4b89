/* uring_probe: whether io_uring(7) can be used here, found out by using it.
 *
 * It may be missing from the kernel, switched off by the administrator, forbidden by a sandbox, or too
 * old in ways that no probe of opcodes tells: multishot receive and buffer rings have to be seen at
 * work. So they are, on a pair of sockets of our own. */
#ifndef SLUICE_URING_PROBE_H
#define SLUICE_URING_PROBE_H

#include "base/base.h"

enum { URING_PROBE_REASON_BYTES = 200 };

/* Returns 0, or a negative errno with RET_REASON: what is wrong, and what to do about it. Leaves nothing
 * behind. */
int uring_probe(char ret_reason[static URING_PROBE_REASON_BYTES]);

/* The same reason for an ERROR, negative, of setting up a ring. DISABLED is what kernel.io_uring_disabled
 * says, 0 if it says nothing. */
void uring_probe_explain(int error, int disabled, char ret_reason[static URING_PROBE_REASON_BYTES]);

#endif
