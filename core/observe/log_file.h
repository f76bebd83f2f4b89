/* log_file: where the lines of a log go: a file, a FIFO or device, an inherited descriptor, syslog.
 *
 * "-", /dev/stdout, /dev/stderr, /dev/fd/N and /proc/self/fd/N are descriptors that the process was
 * started with: they are duplicated, never opened, since opening them again fails after a change
 * of user, and for sockets. "syslog:" is the datagram socket /dev/log, "syslog:PATH" another one.
 * Everything else is the path of a file, which is created if need be and appended to. A FIFO
 * without a reader is not waited for.
 *
 * Only a regular file may make the caller wait, for its disk. Pipes get at most PIPE_BUF bytes at
 * once, whole lines if they fit, so that lines of several processes do not mix (pipe(7)). A
 * datagram is a line in the form of RFC 3164 that syslog(3) sends; its severity is that of
 * information, or the one that the line begins with. One thread at a time. */
#ifndef SLUICE_LOG_FILE_H
#define SLUICE_LOG_FILE_H

#include "base/base.h"

#include <sys/types.h>
#include <sys/uio.h>

enum { LOG_FILE_SEVERITY_BYTES = 3 };

enum log_file_kind {
    LOG_FILE_NAMED,
    LOG_FILE_INHERITED,
    LOG_FILE_SYSLOG,
};

struct log_file {
    const char *name; /* as configured; *borrowed* */
    const char *tag;  /* the program's name, for syslog; *borrowed* */
    enum log_file_kind kind;
    int inherited;
    int fd;              /* -1: not open */
    bool has_severities; /* each line begins with its severity, "<N>"; for syslog only */
    bool is_regular;
    bool is_made; /* the process has created the file that is open */
    dev_t device;
    ino_t inode;
    uint64_t lost_lines; /* that can never be written: a datagram that is too long */
};

/* The descriptor that NAME means; -1: it is the name of something else. */
int log_file_descriptor(const char *name);

/* Whether NAME means a syslog. */
bool log_file_is_syslog(const char *name);

/* A log called NAME, not open yet. */
void log_file_init(struct log_file *ret, const char *name, const char *tag);

/* Opens it. Returns 0, or a negative errno: -ENXIO is a FIFO without a reader. *Gives*:
 * log_file_close. */
int log_file_open(struct log_file *file);

void log_file_close(struct log_file *file);

/* Opens a named file anew, in place of the one that is open. Returns 0; or a negative errno, and
 * what was open stays open. No effect on other kinds. */
int log_file_reopen(struct log_file *file);

/* Gives the open file to USER and GROUP, if the process has made it. Returns 0 or a negative errno.
 */
int log_file_give(const struct log_file *file, uid_t user, gid_t group);

/* Whether the name of an open regular file means another file now, or none. */
bool log_file_has_moved(const struct log_file *file);

/* Whether the file can be created again after it has been moved: 0; or a negative errno, for a
 * directory in which this process can't create files. */
int log_file_check_directory(const struct log_file *file);

/* Whether it can be opened: 0 or a negative errno. Nothing is created or opened: a FIFO's reader
 * would see its end. Syslog may come later. */
int log_file_check(const struct log_file *file);

/* Writes from PIECES, COUNT of them with more than 0 bytes, as much as goes at once. Returns the
 * number of bytes, more than 0; or a negative errno: -EAGAIN: wait until FD is writable. */
ssize_t log_file_write(struct log_file *file, const struct iovec *pieces, unsigned count);

#endif
