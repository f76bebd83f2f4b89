/* access_log: the thread that writes the lines of all workers to the logs of all sites.
 *
 * Sites that name the same log share it. Each worker has a ring for each log (log_ring.h), and
 * never waits: while a disk stalls or is full, or a reader has gone, lines stay in the rings, and
 * when a ring is full, lines are dropped. Everything that is lost is counted, and reported at most
 * once a minute. What does not come back, the reader of an inherited pipe, costs the lines at once.
 *
 * A log is opened again after access_logs_reopen, and when its file has been moved or removed,
 * which is checked every two seconds. At the end, access_logs_stop has everything written.
 *
 * Logs can be added and retired while the thread runs. All functions but access_logs_reopen are the
 * main thread's. Owns the thread, the files and the rings. write(2), logrotate(8). */
#ifndef SLUICE_ACCESS_LOG_H
#define SLUICE_ACCESS_LOG_H

#include "base/problem.h"
#include "observe/log_ring.h"

#include <sys/types.h>

struct access_logs;

/* Chooses the words of reports, and the form of lines. */
enum access_logs_kind {
    ACCESS_LOGS_OF_REQUESTS,
    ACCESS_LOGS_OF_ERRORS, /* see error_log.h: lines for syslog have severities (log_file.h) */
    ACCESS_LOGS_KIND_COUNT,
};

struct access_logs_config {
    unsigned worker_count;
    const char *tag; /* the program's name, for syslog; *borrowed* */
    enum access_logs_kind kind;
    /* How long the last lines of a retired log wait for a reader that takes none; 0: 30 s. */
    unsigned retired_ms_max;
    /* Reports what happens to a log, on the writer's thread. */
    void (*report)(const struct problem *problem);
};

/* Makes an empty set of logs. Returns 0, or a negative errno with *RET_PROBLEM set. *Gives*:
 * access_logs_destroy. */
int access_logs_create(struct access_logs **ret, const struct access_logs_config *config,
                       struct problem *ret_problem);

/* Opens the log NAME, unless it is open already; the thread may run. Returns 0, or a negative errno
 * with *RET_PROBLEM set. A FIFO without a reader, and a syslog that does not answer, are tried
 * again later, and count as success. */
int access_logs_add(struct access_logs *logs, const char *name, struct problem *ret_problem);

/* Whether the log NAME has been added, and not retired. LOGS may be NULL. */
bool access_logs_have(const struct access_logs *logs, const char *name);

/* The ring of WORKER for the log NAME, which has been added. *Borrowed* until that is retired. */
struct log_ring *access_logs_ring(const struct access_logs *logs, const char *name,
                                  unsigned worker);

/* Retires all logs but those called NAMES, COUNT of them, of which some may be NULL: workers take
 * no more records for them. Each is written to its end and closed once no answer in flight belongs
 * to it (log_ring_hold). Lines that a slow reader does not take in time are lost, and reported. No
 * effect on NULL. */
void access_logs_retire(struct access_logs *logs, const char *const *names, unsigned count);

/* Starts the thread. Returns 0 or a negative errno. */
int access_logs_start(struct access_logs *logs);

/* Has every file opened again. Any thread. No effect on NULL. */
void access_logs_reopen(struct access_logs *logs);

/* Has what is in the rings written, and ends the thread, in at most MS. False: the thread hangs in
 * a call, so nothing that it uses can be freed. No effect on NULL, without a thread, and when
 * called again. */
bool access_logs_stop(struct access_logs *logs, unsigned ms);

/* Frees everything; the thread, if it was started, has ended. NULL is allowed. */
void access_logs_destroy(struct access_logs *logs);

/* Gives the files that this process has made to USER and GROUP, which it will run as. Before the
 * thread is started. NULL is allowed. */
void access_logs_give(const struct access_logs *logs, uid_t user, gid_t group);

/* Reports, for each log, what will go wrong later: a file that this user cannot open again, or make
 * anew once it has been rotated. NULL is allowed. */
void access_logs_check(const struct access_logs *logs);

#endif
