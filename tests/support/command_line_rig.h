/* command_line_rig: command lines of a server with PORT ROOT, parsed, and what they say. */
#ifndef SLUICE_TESTS_COMMAND_LINE_RIG_H
#define SLUICE_TESTS_COMMAND_LINE_RIG_H

#include "config/command_line.h"
#include "config/options.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

enum { ARGUMENTS_MAX = 160 };

static const struct profile profile = {.name = "test-server", .summary = "a server in a test"};

#ifdef SLUICE_HAVE_OPENSSL
static const bool can_https = true;
#else
static const bool can_https = false;
#endif

struct outcome {
    int error;
    enum command command;
    const struct settings *settings; /* valid until the next parse, as all below */
    const struct process_settings *process;
    const struct listener_settings *listener;
    const struct site_settings *site;
    const char *mistake; /* the problem in words; "": none */
};

static struct settings *last;

static inline void drop_last(void)
{
    settings_unref(last);
    last = NULL;
}

/* Parses the NULL-terminated ARGUMENTS, without the program's name. */
static inline struct outcome parse(const char *const *arguments)
{
    static char text[PROBLEM_TEXT_BYTES];
    char *argv[ARGUMENTS_MAX + 1] = {NULL};
    struct command_line line = {.program = "test-server", .argc = 1, .argv = argv};
    struct outcome outcome = {.command = 4711};
    struct problem problem;
    for (; *arguments; arguments++) {
        cr_assert(line.argc < ARGUMENTS_MAX);
        argv[line.argc++] = (char *)(uintptr_t)*arguments;
    }
    drop_last();
    last = settings_create();
    cr_assert_not_null(last);
    outcome.error = command_line_parse(&line, last, &outcome.command, &problem);
    text[0] = '\0';
    if (outcome.error)
        problem_text(&problem, text);
    outcome.settings = last;
    outcome.process = &last->process;
    outcome.listener = last->listeners[0];
    outcome.site = last->sites[0];
    outcome.mistake = text;
    return outcome;
}

static inline bool serves(const struct outcome *outcome)
{
    return outcome->error == 0 && outcome->command == COMMAND_SERVE;
}

static inline void expect_mistake(const struct outcome *outcome, const char *label)
{
    cr_expect_eq(outcome->error, -EINVAL, "%s", label);
    cr_expect_null(strchr(outcome->mistake, '\n'), "%s: one line: %s", label, outcome->mistake);
    cr_expect(strstr(outcome->mistake, "; "), "%s: says what to do: %s", label, outcome->mistake);
    cr_expect_eq(outcome->command, 4711, "%s: *RET is untouched", label);
}

static inline const void *scope_of(const struct outcome *outcome, const struct option_spec *option)
{
    return option->scope == OPTION_SCOPE_PROCESS    ? (const void *)outcome->process
           : option->scope == OPTION_SCOPE_LISTENER ? (const void *)outcome->listener
                                                    : (const void *)outcome->site;
}

static inline uint64_t number_of(const struct outcome *outcome, const struct option_spec *option)
{
    const char *field = (const char *)scope_of(outcome, option) + option->offset;
    uint64_t wide = 0;
    uint32_t narrow = 0;
    if (option->field_bytes == sizeof wide) {
        memcpy(&wide, field, sizeof wide);
        return wide;
    }
    memcpy(&narrow, field, sizeof narrow);
    return narrow;
}

static inline const struct option_spec *option_of(const char *name)
{
    const struct option_spec *option = option_find(str_of(name));
    cr_assert_not_null(option, "no option %s", name);
    return option;
}

/* How OPTION is written, "--name ARGUMENT", until the next call. */
static inline const char *usage_of(const struct option_spec *option)
{
    static char text[64];
    if (option->implied)
        snprintf(text, sizeof text, "--%s[=%s]", option->name, option->argument);
    else
        snprintf(text, sizeof text, "--%s%s%s", option->name, option->argument ? " " : "",
                 option->argument ? option->argument : "");
    return text;
}

#endif
