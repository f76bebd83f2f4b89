/* manual_parts: see manual_parts.h. */
#include "config/manual_parts.h"

#include <stdio.h>

/* The words that the value of OPTION can be; "": it is not one of a few. */
static const char *words_of(const struct option_spec *option)
{
    switch (option->kind) {
    case OPTION_KIND_BACKEND:
        return "auto epoll io_uring";
    case OPTION_KIND_LOG_FORMAT:
        return "combined common json";
    case OPTION_KIND_LOG_LEVEL:
        return "error warning notice info";
    case OPTION_KIND_SWITCH:
        return "on off";
    case OPTION_KIND_TLS_VERSION:
        return "1.2 1.3";
    default:
        return "";
    }
}

static enum manual_values values_of(const struct option_spec *option)
{
    if (*words_of(option))
        return MANUAL_VALUES_WORDS;
    if (strcmp(option->name, "root") == 0)
        return MANUAL_VALUES_DIRECTORIES;
    switch (option->kind) {
    case OPTION_KIND_FILE:
    case OPTION_KIND_LOG:
    case OPTION_KIND_CONFIG:
    case OPTION_KIND_CERTIFICATE:
    case OPTION_KIND_KEY:
        return MANUAL_VALUES_FILES;
    default:
        return MANUAL_VALUES_NONE;
    }
}

struct manual_option manual_option_of(const struct option_spec *option)
{
    struct manual_option made = {
        .name = option->name,
        .letter = option->letter,
        .argument = option->argument,
        .optional = option->implied != NULL,
        .help = option->help,
        .standard = option->derived ? option->derived : option->initial,
        .values = values_of(option),
    };
    snprintf(made.words, sizeof made.words, "%s", words_of(option));
    return made;
}

struct manual_option manual_option_own(const struct subcommand_option *option)
{
    struct manual_option made = {
        .name = option->name,
        .letter = option->letter,
        .argument = option->argument,
        .help = option->help,
    };
    if (!option->argument || !strchr(option->argument, '|'))
        return made;
    made.values = MANUAL_VALUES_WORDS;
    snprintf(made.words, sizeof made.words, "%s", option->argument);
    for (char *at = made.words; (at = strchr(at, '|'));)
        *at = ' ';
    return made;
}
