/* manual_parts: an option as the man page and the completions show it, whichever table it is of. */
#ifndef SLUICE_MANUAL_PARTS_H
#define SLUICE_MANUAL_PARTS_H

#include "config/options.h"
#include "config/subcommand.h"

struct manual_option {
    const char *name;
    char letter;          /* 0: none */
    const char *argument; /* NULL: none */
    bool optional;        /* the argument can be left out; else it follows after an '=' */
    const char *help;
    const char *standard; /* the default; NULL: none */
};

static inline struct manual_option manual_option_of(const struct option_spec *option)
{
    return (struct manual_option){
        .name = option->name,
        .letter = option->letter,
        .argument = option->argument,
        .optional = option->implied != NULL,
        .help = option->help,
        .standard = option->derived ? option->derived : option->initial,
    };
}

static inline struct manual_option manual_option_own(const struct subcommand_option *option)
{
    return (struct manual_option){
        .name = option->name,
        .letter = option->letter,
        .argument = option->argument,
        .help = option->help,
    };
}

#endif
