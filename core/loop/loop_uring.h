/* loop_uring: the engine over io_uring(7). See loop.h.
 *
 * Accepting and receiving are multishot requests, which stay with the kernel and complete again and
 * again. Received bytes are parsed in the buffer into which the kernel put them. A connection that
 * ends while some of its requests are with the kernel is shut down, and closed at the last
 * completion. Empty without liburing.
 *
 * Files are sent by sendfile(2) from the loop. Splice requests through a pipe are executed by
 * kernel threads, and took 1.7 times the CPU time of sendfile with pipes of 64 KiB, 1.2 times with
 * 1 MiB (4 MiB files over loopback, medians of 5). Zero-copy sends (SEND_ZC) are not used: loopback
 * always copies, so their value cannot be measured there; on a network card they save more the
 * larger a send is, but sends from memory are small. */
#ifndef SLUICE_LOOP_URING_H
#define SLUICE_LOOP_URING_H

#include "loop/loop.h"
#include "system/uring.h"

#ifdef SLUICE_HAVE_LIBURING

extern const struct loop_engine loop_uring_engine;

#endif
#endif
