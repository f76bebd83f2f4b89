/* admin_client: one request to an admin listener, over a connection of its own.
 *
 * Blocks, for at most the time that the caller gives. Owns nothing that stays. */
#ifndef SLUICE_ADMIN_CLIENT_H
#define SLUICE_ADMIN_CLIENT_H

#include "base/problem.h"
#include "base/str.h"

struct admin_reply {
    unsigned status;
    char *bytes;     /* the whole message; *gives*: free */
    struct str body; /* in BYTES */
};

/* Requests PATH of the listener WHERE, a value of --admin. Returns 0, or a negative errno with
 * *RET_PROBLEM set. */
int admin_fetch(const char *where, const char *path, unsigned timeout_ms, struct admin_reply *ret,
                struct problem *ret_problem);

#endif
