/* tcp_memory: how much memory the host gives to TCP: tcp_mem and tcp_wmem, tcp(7).
 *
 * Owns nothing. Reads /proc once for each call. */
#ifndef SLUICE_TCP_MEMORY_H
#define SLUICE_TCP_MEMORY_H

#include <stdint.h>

struct tcp_memory {
    uint64_t pressure_bytes; /* of all sockets; above, the kernel saves memory */
    uint64_t send_bytes_max; /* of a socket's send buffer, as far as the kernel enlarges it */
};

/* Sets *RET to what the host allows. A value that can't be read is as on a host with 4 GiB: 384 MiB
 * and 4 MiB. */
void tcp_memory_read(struct tcp_memory *ret);

#endif
