/* listen: one value of --listen: on which address and port to listen, and what is spoken there.
 *
 *     80                 every address of this machine
 *     443 tls            the same, for HTTPS
 *     127.0.0.1:8080     one address; localhost, and [::1]:8080, likewise
 *
 * Pure, except that interfaces in the scope of an address are looked up (net_address.h). Sockets of
 * the Unix domain and the PROXY protocol will be further forms. */
#ifndef SLUICE_LISTEN_H
#define SLUICE_LISTEN_H

#include "base/problem.h"
#include "base/str.h"

enum { LISTEN_ADDRESS_BYTES = 80 };

struct listen {
    char address[LISTEN_ADDRESS_BYTES]; /* numeric or localhost; "": every address */
    uint16_t port;                      /* 0: any that is free */
    bool secure;                        /* TLS */
};

/* Parses TEXT. Returns 0, or -EINVAL with *RET_PROBLEM set. */
int listen_parse(struct str text, struct listen *ret, struct problem *ret_problem);

#endif
