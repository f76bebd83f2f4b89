/* whole_file: the bytes of a whole file that an option names.
 *
 * It may be a pipe, such as a shell's <(...), a FIFO or a terminal: that is read to its end, if it
 * comes within a bound. Owns nothing; may be used by any thread. open(2), fifo(7). */
#ifndef SLUICE_WHOLE_FILE_H
#define SLUICE_WHOLE_FILE_H

#include "base/base.h"

#include <sys/types.h>

/* How long the end of a pipe is waited for. */
enum { WHOLE_FILE_PIPE_MS = 5000 };

/* Reads the file PATH, which has at most BYTES_MAX. *RET is *given*: free() it. Returns the number
 * of bytes, or a negative errno: -EFBIG if it has more, -ETIMEDOUT for a pipe without an end. */
ssize_t whole_file_read(const char *path, size_t bytes_max, char **ret);

/* The same for FD, a file that is open, from its position on. */
ssize_t whole_file_read_from(int fd, size_t bytes_max, char **ret);

/* ERROR of whole_file_read in words. *Borrowed*, as from strerror(3). */
const char *whole_file_reason(int error);

#endif
