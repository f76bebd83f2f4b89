/* unsent: how many bytes the sockets of a worker's connections may hold unsent, all together.
 *
 * A socket holds what it has taken until its peer has room, so peers that read nothing could take
 * all memory that the host gives to TCP. Each worker has a share of that. Half of the share is for
 * the sockets of all connections: the more are open, the less a new one may hold. That aims at the
 * share and may exceed it: older sockets keep their bound, and each has UNSENT_BYTES_MIN. The other
 * half is for the sockets without a bound of quick peers (file_send.h). Pure. */
#ifndef SLUICE_UNSENT_H
#define SLUICE_UNSENT_H

#include "base/base.h"

enum { UNSENT_BYTES_MIN = 16 << 10 }; /* of a socket, however many are open */

/* A worker's share. */
struct unsent_share {
    uint64_t bytes;          /* 0: no limit */
    uint64_t send_bytes_max; /* of a socket without a bound */
};

/* The bound for a new connection when COUNT are open, in bytes: NET_UNSENT_BYTES_MAX, or less when
 * half of SHARE does not suffice for so many. BEFORE is the present bound; it is raised only if a
 * quarter more connections would not lower it again. */
uint32_t unsent_bound(const struct unsent_share *share, uint32_t count, uint32_t before);

/* The number of sockets without a bound: at least one. */
uint32_t unsent_lifted_max(const struct unsent_share *share);

#endif
