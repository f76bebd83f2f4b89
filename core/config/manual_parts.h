/* manual_parts: an option as the man page and the completions show it, whichever table it is of. */
#ifndef SLUICE_MANUAL_PARTS_H
#define SLUICE_MANUAL_PARTS_H

#include "config/options.h"
#include "config/subcommand.h"

/* How a shell completes the value of an option. */
enum manual_values {
    MANUAL_VALUES_NONE,
    MANUAL_VALUES_FILES,
    MANUAL_VALUES_DIRECTORIES,
    MANUAL_VALUES_WORDS,
    MANUAL_VALUES_COUNT,
};

enum { MANUAL_WORDS_BYTES = 64 };

struct manual_option {
    const char *name;
    char letter;          /* 0: none */
    const char *argument; /* NULL: none */
    bool optional;        /* the argument can be left out; else it follows after an '=' */
    const char *help;
    const char *standard; /* the default; NULL: none */
    enum manual_values values;
    char words[MANUAL_WORDS_BYTES]; /* of MANUAL_VALUES_WORDS, separated by spaces; else "" */
};

/* OPTION of the table of options. */
struct manual_option manual_option_of(const struct option_spec *option);

/* OPTION of a subcommand. An argument "a|b" is one of these words. */
struct manual_option manual_option_own(const struct subcommand_option *option);

#endif
