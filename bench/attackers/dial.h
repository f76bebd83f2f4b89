/* dial: the sockets of the load programs: connecting to 127.0.0.1, descriptors, the clock.
 *
 * Owns nothing: a socket belongs to the caller, and closes when the caller closes it. All sockets
 * are non-blocking; connect(2), ip(7), tcp(7). Results are a descriptor or a negative errno. */
#ifndef BENCH_DIAL_H
#define BENCH_DIAL_H

#include <stdint.h>
#include <sys/types.h>

struct dial {
    uint16_t port;
    uint8_t source;           /* the last byte of the source address, 127.0.0.SOURCE */
    int receive_buffer_bytes; /* SO_RCVBUF; 0: the system's default */
};

/* Begins to connect. Returns the socket, or a negative errno: -EMFILE, -EADDRNOTAVAIL, ... The
 * socket becomes writable once it is connected, or has failed. */
int dial_connect(const struct dial *dial);

/* The error that ended FD's connection, as a negative errno; 0: it has not failed. */
int dial_error(int fd);

/* Closes FD with a reset instead of a FIN, whatever it still has to send. */
void dial_reset(int fd);

/* Raises the limit of descriptors as far as allowed. Returns how many this program may open beside
 * those that it has. */
unsigned dial_raise_descriptors(void);

/* Microseconds of CLOCK_MONOTONIC. */
int64_t dial_clock_us(void);

/* The decimal number TEXT, at most MAX; ends the program with a message otherwise. */
unsigned long dial_number(const char *text, unsigned long max);

#endif
