/* loop_uring: the engine over io_uring(7). See loop.h.
 *
 * Accepting and receiving are requests that stay with the kernel and give one completion after the
 * other (multishot); what is received is parsed in the buffer that the kernel has put it in. A
 * connection that is over while requests of its are with the kernel is shut down, and closed at the
 * last completion. Empty where liburing was not found.
 *
 * Files are sent by sendfile(2) from the loop: splice requests through a pipe are done by kernel threads,
 * and took 1.7 times the CPU of sendfile with pipes of 64 KiB, 1.2 times with 1 MiB (4 MiB files over
 * loopback, medians of 5). Zero-copy sends (SEND_ZC) are not used: loopback always copies them, so their
 * worth can't be judged there, and what they save on a network card grows with the size of a send, while
 * what is sent from memory is small. */
#ifndef SLUICE_LOOP_URING_H
#define SLUICE_LOOP_URING_H

#include "loop/loop.h"
#include "system/uring.h"

#ifdef SLUICE_HAVE_LIBURING

extern const struct loop_engine loop_uring_engine;

#endif
#endif
