/* subcommand: what the word at the front of a command line can be, as in `sluice check`.
 *
 * A program's subcommands are one const table (struct profile). A row says how the rest of the
 * command line reads, what help shows, and the function to run. The parsed command line is a
 * struct subcommand_call, whose text is *borrowed* from argv. Nothing here prints. */
#ifndef SLUICE_SUBCOMMAND_H
#define SLUICE_SUBCOMMAND_H

#include <stdbool.h>
#include <stddef.h>

enum {
    SUBCOMMAND_VALUES_MAX = 64,
    SUBCOMMAND_POSITIONALS_MAX = 2,
};

struct profile;
struct settings;
struct subcommand_call;

/* An option that only one subcommand has. It may be repeated. */
struct subcommand_option {
    const char *name;     /* without the dashes */
    char letter;          /* of the short form; 0: none */
    const char *argument; /* placeholder of its value; NULL: takes none */
    const char *help;     /* one or more sentences */
};

struct subcommand {
    const char *name;
    const char *usage;   /* its arguments, as in "[ROOT] [options]" */
    const char *summary; /* one or more sentences */
    const struct subcommand_option *options;
    size_t option_count;
    unsigned positionals;  /* the most that it takes, after ROOT if it takes settings */
    bool takes_settings;   /* also takes everything that a server takes: ROOT, --config, options */
    bool reports_all;      /* mistakes in settings go to their list, and do not end the search */
    int status_if_refused; /* the exit status for a mistake in its command line or settings */
    int (*run)(const struct subcommand_call *call); /* returns the exit status */
};

struct subcommand_table {
    const struct subcommand *items;
    size_t count;
};

struct subcommand_value {
    const struct subcommand_option *option;
    const char *text; /* "" if the option takes no value */
};

/* A subcommand with its part of the command line. */
struct subcommand_call {
    const struct profile *profile;
    const struct subcommand *subcommand; /* NULL: the command line names none */
    struct settings *settings;           /* *borrowed*; empty unless it takes settings */
    unsigned value_count;
    struct subcommand_value values[SUBCOMMAND_VALUES_MAX];
    const char *positionals[SUBCOMMAND_POSITIONALS_MAX]; /* its own; NULL: not given */
};

/* The row of TABLE with this NAME; NULL: none. */
const struct subcommand *subcommand_find(const struct subcommand_table *table, const char *name);

/* The option of SUBCOMMAND that ARGUMENT names: "--name", "--name=value" or "-n". NULL: none. */
const struct subcommand_option *subcommand_option_find(const struct subcommand *subcommand,
                                                       const char *argument);

/* The value number INDEX, from 0, that CALL has for the option NAME. NULL: fewer were given. */
const char *subcommand_value(const struct subcommand_call *call, const char *name, unsigned index);

#endif
