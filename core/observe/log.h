/* log: messages for people, one line each: the error log.
 *
 * For the start and the end of the process and for failures that an operator must know of; anything
 * that happens per connection or per request is counted instead (counters.h). Each message has a
 * level; those below the chosen one are left out.
 *
 * Without a sink a message is one write(2) to standard error, shorter than PIPE_BUF (pipe(7)), so
 * lines of several threads do not mix: "NAME: text", or "<N>text" with the level of syslog(3) if
 * standard error is the journal (systemd.exec(5), $JOURNAL_STREAM). A failed write is ignored: the
 * server must not stop because the reader of its log has gone. While the server serves, a message
 * that a pipe has no room for is dropped, and counted. With a sink (error_log.h) a line has the
 * time, the level and the thread.
 *
 * The same text again and again is written a few times, then counted. */
#ifndef SLUICE_LOG_H
#define SLUICE_LOG_H

#include "base/problem.h"

#include <stdarg.h>

enum { LOG_LINE_BYTES_MAX = 1024 };

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_NOTICE,
    LOG_LEVEL_INFO,
    LOG_LEVEL_COUNT,
};

/* The name that --log-level takes. Static. */
const char *log_level_name(enum log_level level);

/* Sets the NAME that precedes each message on standard error; *borrowed* for the life of the
 * process. Call it before threads are started. */
void log_open(const char *name);

/* Messages of a level after LEVEL are left out from now on. Any thread. */
void log_set_level(enum log_level level);

/* Names the calling thread, for lines with a sink: NAME, *borrowed*, and NUMBER if it is not
 * negative. A thread without a name is "main". */
void log_set_thread(const char *name, int number);

/* Whether standard error may make a caller wait. At the start it may. */
void log_set_waiting(bool waits);

/* The severity of LEVEL for syslog(3): 3 for an error, 6 for what is for information only. */
unsigned log_severity(enum log_level level);

/* SINK takes whole lines with their LF, of any thread; it must not wait. NULL: standard error. */
void log_set_sink(void (*sink)(enum log_level level, const char *line, size_t length));

/* The number of messages of LEVEL so far, with those that were left out. Any thread. */
unsigned log_count(enum log_level level);

/* Writes one line. Thread-safe. Keeps errno. */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same as a notice. */
void log_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes PROBLEM as one line, as an error or as a warning. Thread-safe. */
void log_problem(const struct problem *problem);
void log_warning(const struct problem *problem);

/* Writes PROBLEM as one line to standard error, whatever the sink. Thread-safe. */
void log_problem_aside(const struct problem *problem);

/* Writes how often the latest message was repeated, if it was. */
void log_flush(void);

/* Formats PREFIX, the message and a newline to TO; no NUL. Returns the number of bytes. Control
 * bytes become '?', so that a message with the name of a file is still one line; a message that is
 * too long is truncated and ends in "...". */
size_t log_format(char to[static LOG_LINE_BYTES_MAX], const char *prefix, const char *format,
                  va_list arguments) __attribute__((format(printf, 3, 0)));

#endif
