/* loop_uring: the engine over io_uring(7). See loop.h.
 *
 * Accepting and receiving are requests that stay with the kernel and give one completion after the
 * other (multishot); what is received is parsed in the buffer that the kernel has put it in. A
 * connection that is over while requests of its are with the kernel is shut down, and closed at the
 * last completion. Empty where liburing was not found. */
#ifndef SLUICE_LOOP_URING_H
#define SLUICE_LOOP_URING_H

#include "loop.h"
#include "uring.h"

#ifdef SLUICE_HAVE_LIBURING

extern const struct loop_engine loop_uring_engine;

#endif
#endif
