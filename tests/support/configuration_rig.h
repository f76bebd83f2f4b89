/* configuration_rig: settings made of a configuration file, a command line and an environment, or
 * the mistake that was found in them. */
#ifndef SLUICE_TESTS_CONFIGURATION_RIG_H
#define SLUICE_TESTS_CONFIGURATION_RIG_H

#include "config/command_line.h"
#include "support/tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

enum { WORDS_MAX = 24 };

static struct tree tree;
static struct settings *settings;
static char path[512];
static char mistake[PROBLEM_TEXT_BYTES]; /* "": none */
static enum command command;
static struct subcommand_call call; /* of the latest command line */

static const struct subcommand_option own_options[] = {
    {.name = "field", .letter = 'H', .argument = "FIELD", .help = "A field."},
    {.name = "quick", .help = "Be quick."},
};
static const struct subcommand own_subcommands[] = {
    {.name = "check",
     .usage = "[ROOT]",
     .summary = "Check.",
     .takes_settings = true,
     .reports_all = true},
    {.name = "try",
     .usage = "[ROOT] URL",
     .summary = "Try.",
     .takes_settings = true,
     .positionals = 1,
     .options = own_options,
     .option_count = COUNT_OF(own_options)},
    {.name = "alone",
     .usage = "[FILE]",
     .summary = "Be alone.",
     .positionals = 1,
     .options = own_options,
     .option_count = COUNT_OF(own_options)},
};
static const struct profile profile = {
    .name = "sluice",
    .summary = "a server in a test",
    .form = PROFILE_CONFIGURED,
    .subcommands = {own_subcommands, COUNT_OF(own_subcommands)},
};

static inline void set_up(void)
{
    tree_init(&tree);
    snprintf(path, sizeof path, "%s/sluice.conf", tree.path);
}

static inline void tear_down(void)
{
    settings_unref(settings);
    settings = NULL;
    tree_fini(&tree);
}

/* Splits TEXT at its spaces into WORDS, after the first COUNT of them. */
static inline int split(char *text, char **words, int count)
{
    for (char *rest, *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        cr_assert_lt(count, WORDS_MAX - 1);
        words[count++] = word;
    }
    words[count] = NULL;
    return count;
}

/* Makes settings of the configuration file CONFIG (NULL: none), the command line WORDS and the
 * VARIABLES. Returns the error. */
static inline int make(const char *config, const char *words, const char *variables)
{
    static char word_text[512], variable_text[512], option[600];
    char *argv[WORDS_MAX] = {(char *)(uintptr_t) "sluice"}, *environment[WORDS_MAX];
    struct problem problem;
    snprintf(word_text, sizeof word_text, "%s", words);
    snprintf(variable_text, sizeof variable_text, "%s", variables);
    split(variable_text, environment, 0);
    int argc = split(word_text, argv, 1);
    if (config) {
        tree_write(&tree, "sluice.conf", str_of(config));
        snprintf(option, sizeof option, "--config=%s", path);
        argv[argc++] = option;
    }
    const struct command_line line = {
        .program = "sluice",
        .argc = argc,
        .argv = argv,
        .form = PROFILE_CONFIGURED,
        .environment = environment,
        .call = &call,
    };
    call = (struct subcommand_call){.profile = &profile};
    settings_unref(settings);
    settings = settings_create();
    int error = command_line_parse(&line, settings, &command, &problem);
    mistake[0] = '\0';
    if (error)
        problem_text(&problem, mistake);
    return error;
}

static inline void expect_made(const char *config, const char *words, const char *variables)
{
    cr_assert_eq(make(config, words, variables), 0, "%s", mistake);
}

#endif
