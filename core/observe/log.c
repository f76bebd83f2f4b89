/* log: see log.h. */
#include "observe/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *log_name = "sluice";

void log_open(const char *name)
{
    log_name = name;
}

/* The number of bytes that snprintf wrote to ROOM bytes when it returned RESULT. */
static size_t printed(int result, size_t room)
{
    return result < 0 ? 0 : size_min((size_t)result, room - 1);
}

size_t log_format(char to[static LOG_LINE_BYTES_MAX], const char *name, const char *format,
                  va_list arguments)
{
    static const char ellipsis[] = "...\n";
    size_t length = printed(snprintf(to, LOG_LINE_BYTES_MAX, "%s: ", name), LOG_LINE_BYTES_MAX);
    size_t room = LOG_LINE_BYTES_MAX - length;
    int result = vsnprintf(to + length, room, format, arguments);
    length += printed(result, room);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)to[i] < 0x20 || to[i] == 0x7f)
            to[i] = '?';
    if (result >= 0 && (size_t)result >= room) {
        memcpy(to + LOG_LINE_BYTES_MAX - (sizeof ellipsis - 1), ellipsis, sizeof ellipsis - 1);
        return LOG_LINE_BYTES_MAX;
    }
    to[length++] = '\n'; /* overwrites the NUL */
    return length;
}

void log_say(const char *format, ...)
{
    char line[LOG_LINE_BYTES_MAX];
    int saved = errno;
    va_list arguments;

    va_start(arguments, format);
    size_t length = log_format(line, log_name, format, arguments);
    va_end(arguments);
    while (write(STDERR_FILENO, line, length) < 0 && errno == EINTR)
        ;
    errno = saved;
}

void log_problem(const struct problem *problem)
{
    char text[PROBLEM_TEXT_BYTES];
    problem_text(problem, text);
    log_say("%s", text);
}
