/* process: what belongs to the process as a whole: the descriptors it starts with, and its
 * limits.
 *
 * Owns nothing. Called by the main thread before it opens anything. close_range(2),
 * getrlimit(2). */
#ifndef SLUICE_PROCESS_H
#define SLUICE_PROCESS_H

#include "base/base.h"

/* Opens those of descriptors 0 to 2 that the parent has closed, so that no socket gets such a
 * number and receives messages. */
void process_fill_standard_descriptors(void);

/* The descriptor that PATH, absolute, names or leads through: 3 for "/dev/fd/3" and
 * "/proc/self/fd/3/site". -1: none. */
int process_descriptor_in(const char *path);

/* Closes the descriptors above 2 that the parent left open by mistake, all but the COUNT that are
 * KEPT: they would keep the other ends of its pipes, its locks and its file systems in use as long
 * as the server runs. Members of KEPT may be -1 and may be repeated. */
void process_close_inherited_descriptors(const int *kept, unsigned count);

/* Raises the limit of descriptors to the hard limit. Returns the limit that holds then. */
uint64_t process_raise_descriptors(void);

#endif
