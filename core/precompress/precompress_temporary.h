/* precompress_temporary: the files that new siblings are written to before they get their names.
 *
 * Such a file is in the directory of its sibling, as ".precompress-PID-NUMBER": a dot file, which
 * is never served. The process that writes it holds a lock on it, flock(2), until it is renamed or
 * removed. So one without a lock was left by a process that was killed, and the next run removes
 * it. Where a file system has no locks, none is removed. For any number of threads and
 * processes. */
#ifndef SLUICE_PRECOMPRESS_TEMPORARY_H
#define SLUICE_PRECOMPRESS_TEMPORARY_H

#include "base/base.h"

enum { PRECOMPRESS_TEMPORARY_BYTES = 64 }; /* of a name, with a NUL */

/* Creates one in DIRECTORY_FD, for writing, mode 0600, and writes its name to RET_NAME. Returns a
 * descriptor or a negative errno. */
int precompress_temporary_create(int directory_fd,
                                 char ret_name[static PRECOMPRESS_TEMPORARY_BYTES]);

/* Whether NAME is one that they have. */
bool precompress_temporary_is_name(const char *name);

/* Removes NAME from DIRECTORY_FD if no process writes it; with DRY_RUN only finds out. Returns 1 if
 * it is left over, 0 if not or if that can't be said, or a negative errno. */
int precompress_temporary_remove(int directory_fd, const char *name, bool dry_run);

#endif
