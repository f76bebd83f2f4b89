/* listen: one value of --listen: on which address and port to listen, or on which socket of the
 * Unix domain, and what is spoken there.
 *
 *     80                          every address of this machine
 *     443 tls                     the same, for HTTPS
 *     127.0.0.1:8080              one address; localhost, and [::1]:8080, likewise
 *     [fe80::1%eth0]:8080         a link-local address, with its interface by name or number
 *     unix:/run/sluice.sock mode=0660 owner=www-data:www-data
 *     unix:@sluice                an abstract name
 *     8080 proxy                  connections begin with a PROXY header (conn/proxy_header.h)
 *
 * Pure, except that interfaces in the scope of an address are looked up (net_address.h), and the
 * users and groups that are to own a file (account.h). */
#ifndef SLUICE_LISTEN_H
#define SLUICE_LISTEN_H

#include "base/problem.h"
#include "base/str.h"
#include "system/unix_socket.h"

enum { LISTEN_ADDRESS_BYTES = 80 };

struct listen {
    char address[LISTEN_ADDRESS_BYTES]; /* numeric or localhost; "": every address */
    uint16_t port;                      /* 0: any that is free */
    struct unix_socket unix_socket;     /* in place of address and port; without a path: none */
    bool secure;                        /* TLS */
    bool proxied;                       /* PROXY headers come first */
};

/* Parses TEXT. Returns 0, or -EINVAL with *RET_PROBLEM set. */
int listen_parse(struct str text, struct listen *ret, struct problem *ret_problem);

#endif
