/* log: messages for people, on standard error, one line each: "NAME: message".
 *
 * Only worker and server log; the core counts. A line leaves in one write(2), so lines of several
 * threads never mix (its bound is below PIPE_BUF, pipe(7)); a write that fails is forgotten: a
 * server does not stop because nobody reads. */
#ifndef SLUICE_LOG_H
#define SLUICE_LOG_H

#include "base/base.h"

#include <stdarg.h>

enum { LOG_LINE_BYTES_MAX = 1024 };

/* Sets the NAME before each message; *borrowed* for ever. Call before there are threads. */
void log_open(const char *name);

/* Writes one line. Thread-safe. */
void log_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes "NAME: message" and a newline at TO, no NUL, and returns the number of bytes. Control
 * bytes of the message become '?', so that it stays one line whatever a file is called; a message
 * that is too long ends in "...". */
size_t log_format(char to[static LOG_LINE_BYTES_MAX], const char *name, const char *format,
                  va_list arguments) __attribute__((format(printf, 3, 0)));

#endif
