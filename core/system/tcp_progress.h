/* tcp_progress: how far a TCP connection has come, as the kernel counts it: TCP_INFO, tcp(7).
 *
 * Owns nothing. Its source is apart because <linux/tcp.h>, which has these members, and
 * <netinet/tcp.h> exclude each other. */
#ifndef SLUICE_TCP_PROGRESS_H
#define SLUICE_TCP_PROGRESS_H

#include "base/base.h"

/* Since the connection began. */
struct tcp_progress {
    uint64_t acknowledged_bytes; /* of our output, by the peer */
    uint64_t received_bytes;
    uint64_t busy_ms; /* in which the socket had output that the peer had not acknowledged */
};

/* Returns 0 or a negative errno: FD is not a TCP socket. Linux 4.10. */
int tcp_progress_read(int fd, struct tcp_progress *ret);

#endif
