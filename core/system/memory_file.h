/* memory_file: copies of files in memory that can be sent like files: memfd_create(2), Linux 3.17.
 *
 * sendfile(2) sends them without a copy, and nothing outside the process changes them while a
 * socket still refers to their pages. The descriptors belong to the caller. Safe on any thread. */
#ifndef SLUICE_MEMORY_FILE_H
#define SLUICE_MEMORY_FILE_H

#include "base/base.h"

#include <sys/types.h>

/* Copies at most LENGTH bytes, more than 0, from the start of the file FROM_FD, whose position
 * stays as it is, to a new file in memory: *RET, *given*. Waits for the disk. Returns the number of
 * bytes, or a negative errno if FROM_FD can't be read. *RET is -1 then, and also if no copy can be
 * made: without a descriptor or memory left, or where the kernel does not allow it. */
ssize_t memory_file_copy(int from_fd, size_t length, int *ret);

#endif
