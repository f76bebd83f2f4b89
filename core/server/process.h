/* process: what belongs to the process as a whole: descriptors 0 to 2, limits, signals.
 *
 * Owns no memory. Called by the main thread, before other threads start unless it says otherwise:
 * threads inherit the signal mask. signal(7), signalfd(2), getrlimit(2). */
#ifndef SLUICE_PROCESS_H
#define SLUICE_PROCESS_H

#include "base/problem.h"

/* Opens those of descriptors 0 to 2 that the parent has closed, so that no socket gets such a number
 * and receives messages. */
void process_fill_standard_descriptors(void);

/* Raises the limit of descriptors to the hard limit. Returns the limit that holds then. */
uint64_t process_raise_descriptors(void);

/* Ignores SIGPIPE (sendfile has no MSG_NOSIGNAL), blocks the signals that the server handles, and
 * *gives* a non-blocking descriptor from which they are read, even those that the parent ignored (a
 * shell's "&" ignores SIGINT). Returns it, or a negative errno with *RET_PROBLEM set. */
int process_catch_signals(struct problem *ret_problem);

/* Gives the signals that end a program their ordinary effect again. */
void process_release_signals(void);

#endif
