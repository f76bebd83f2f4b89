/* event_fd: wakes an event loop from another thread, by an eventfd(2).
 *
 * Owns nothing: the caller closes the descriptor, which the loop watches for input. The kernel
 * counts the signals. event_fd_signal may be called in any thread, and in a signal handler. */
#ifndef SLUICE_EVENT_FD_H
#define SLUICE_EVENT_FD_H

#include "base/base.h"

/* Opens an eventfd that is non-blocking, close-on-exec and not signalled. *Gives* the descriptor,
 * or returns a negative errno. */
int event_fd_open(void);

/* Counts a signal, which makes FD readable. */
void event_fd_signal(int fd);

/* Returns the number of signals since the last call; 0: none. FD is not readable until the next
 * one. */
uint64_t event_fd_take(int fd);

#endif
