/* error_log: the messages of log.h in a file of their own, for --error-log.
 *
 * A set of logs (access_log.h) of which one is in use: so it is written by a thread, opened again
 * when it has been moved, and never waited for; lines that cannot be written are counted and
 * reported on standard error. A process has at most one set. Messages go there from error_log_use
 * to error_log_stop; those before and after go to standard error, where people look after a failed
 * start. For the main thread; any thread writes messages. */
#ifndef SLUICE_ERROR_LOG_H
#define SLUICE_ERROR_LOG_H

#include "base/problem.h"

#include <sys/types.h>

/* Opens the log NAME, which is written as for access_logs_add, unless it is open; TAG is the
 * program's name, *borrowed*. The one in use stays in use. Returns 0, or a negative errno with
 * *RET_PROBLEM set. */
int error_log_open(const char *name, const char *tag, struct problem *ret_problem);

/* As access_logs_give, for the log in use. */
void error_log_give(uid_t user, gid_t group);

/* Reports if the log in use could not be opened or created again, as access_logs_check does. */
void error_log_check(void);

/* Starts the thread that writes, unless it runs or no log is open. 0 or a negative errno. */
int error_log_start(void);

/* Directs messages to the log NAME, which is open, or to standard error (NULL), and closes the
 * others. */
void error_log_use(const char *name);

/* Has the file opened again. Returns whether one is in use. */
bool error_log_reopen(void);

/* Writes what is left, in at most MS, and directs messages to standard error. False: the disk
 * hangs, so error_log_close must not be called. */
bool error_log_stop(unsigned ms);

/* Closes it. No other thread may write messages any more. */
void error_log_close(void);

#endif
