/* log: messages for people, on standard error, one line each: "NAME: message".
 *
 * For the start and the end of the process and for failures that an operator must know of; anything
 * that happens per connection or per request is counted instead (counters.h). A line is written by
 * one write(2) and shorter than PIPE_BUF (pipe(7)), so lines of several threads do not mix. A
 * failed write is ignored: the server must not stop because the reader of its log has gone. */
#ifndef SLUICE_LOG_H
#define SLUICE_LOG_H

#include "base/problem.h"

#include <stdarg.h>

enum { LOG_LINE_BYTES_MAX = 1024 };

/* Sets the NAME that precedes each message; *borrowed* for the life of the process. Call it before
 * threads are started. */
void log_open(const char *name);

/* Writes one line. Thread-safe. Keeps errno. */
void log_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes PROBLEM as one line. Thread-safe. */
void log_problem(const struct problem *problem);

/* Formats "NAME: message" and a newline to TO; no NUL. Returns the number of bytes. Control bytes
 * become '?', so that a message with the name of a file is still one line; a message that is too
 * long is truncated and ends in "...". */
size_t log_format(char to[static LOG_LINE_BYTES_MAX], const char *name, const char *format,
                  va_list arguments) __attribute__((format(printf, 3, 0)));

#endif
