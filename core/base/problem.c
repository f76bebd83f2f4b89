/* problem: see problem.h. */
#include "base/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static_assert(PROBLEM_TEXT_BYTES >= PROBLEM_FILE_BYTES + PROBLEM_OPTION_BYTES + PROBLEM_WHAT_BYTES +
                                        PROBLEM_REMEDY_BYTES + 64,
              "the parts, the words between them and two numbers");

static void write_part(char *to, size_t room, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

static void write_part(char *to, size_t room, const char *format, va_list arguments)
{
    static const char ellipsis[] = "...";
    int result = vsnprintf(to, room, format, arguments);
    if (result < 0)
        *to = '\0';
    else if ((size_t)result >= room)
        memcpy(to + room - sizeof ellipsis, ellipsis, sizeof ellipsis);
}

static void write_text(char *to, size_t room, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void write_text(char *to, size_t room, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_part(to, room, format, arguments);
    va_end(arguments);
}

void problem_set(struct problem *problem, const char *format, ...)
{
    va_list arguments;
    *problem = (struct problem){.line = 0};
    va_start(arguments, format);
    write_part(problem->what, sizeof problem->what, format, arguments);
    va_end(arguments);
}

void problem_prefix(struct problem *problem, const char *format, ...)
{
    char prefix[PROBLEM_WHAT_BYTES], what[PROBLEM_WHAT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    write_part(prefix, sizeof prefix, format, arguments);
    va_end(arguments);
    memcpy(what, problem->what, sizeof what);
    write_text(problem->what, sizeof problem->what, "%s%s", prefix, what);
}

void problem_remedy(struct problem *problem, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_part(problem->remedy, sizeof problem->remedy, format, arguments);
    va_end(arguments);
}

void problem_in_file(struct problem *problem, const char *file, unsigned line, unsigned column)
{
    write_text(problem->file, sizeof problem->file, "%s", file);
    problem->line = line;
    problem->column = column;
}

void problem_of_option(struct problem *problem, const char *name)
{
    write_text(problem->option, sizeof problem->option, "%s", name);
}

void problem_set_no_memory(struct problem *problem)
{
    problem_set(problem, "out of memory");
    problem_remedy(problem, "make more memory available to this process");
}

size_t problem_text(const struct problem *problem, char to[static PROBLEM_TEXT_BYTES])
{
    const bool in_file = problem->file[0] != '\0', of_option = problem->option[0] != '\0';
    char line[32] = "", column[32] = "";
    if (problem->line > 0)
        snprintf(line, sizeof line, ", line %u", problem->line);
    if (problem->line > 0 && problem->column > 0)
        snprintf(column, sizeof column, ", column %u", problem->column);
    int length = snprintf(to, PROBLEM_TEXT_BYTES, "%s%s%s%s%s%s%s%s%s%s", problem->file, line,
                          column, in_file ? ": " : "", of_option && !in_file ? "--" : "",
                          problem->option, of_option ? " " : "", problem->what,
                          problem->remedy[0] ? "; " : "", problem->remedy);
    size_t bytes = length < 0 ? 0 : size_min((size_t)length, PROBLEM_TEXT_BYTES - 1);
    for (size_t i = 0; i < bytes; i++) {
        if ((unsigned char)to[i] < 0x20 || to[i] == 0x7f)
            to[i] = '?';
    }
    return bytes;
}
