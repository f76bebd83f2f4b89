/* options_parts: what the files that read values of options share: see options.h. A setter parses
 * TEXT and stores the value of OPTION, as option_set. */
#ifndef SLUICE_OPTIONS_PARTS_H
#define SLUICE_OPTIONS_PARTS_H

#include "config/options.h"

#include <errno.h>

static inline void *option_field(const struct option_spec *option,
                                 const struct option_target *target)
{
    return (char *)target->scope + option->offset;
}

/* Returns -ENOMEM. */
static inline int option_no_memory(struct problem *ret_problem)
{
    problem_set_no_memory(ret_problem);
    return -ENOMEM;
}

/* Stores a copy of TEXT in a struct str. */
int option_set_text(const struct option_spec *option, const struct option_target *target,
                    const char *text, struct problem *ret_problem);

/* Appends a copy of TEXT to a struct arena_list. */
int option_append(const struct option_spec *option, const struct option_target *target,
                  const char *text, struct problem *ret_problem);

/* options_network.c */
int option_set_address(const struct option_spec *option, const struct option_target *target,
                       const char *text, struct problem *ret_problem);
int option_set_listen(const struct option_spec *option, const struct option_target *target,
                      const char *text, struct problem *ret_problem);
int option_set_admin(const struct option_spec *option, const struct option_target *target,
                     const char *text, struct problem *ret_problem);
int option_set_network(const struct option_spec *option, const struct option_target *target,
                       const char *text, struct problem *ret_problem);
int option_set_host(const struct option_spec *option, const struct option_target *target,
                    const char *text, struct problem *ret_problem);
int option_set_certificate(const struct option_spec *option, const struct option_target *target,
                           const char *text, struct problem *ret_problem);
int option_set_key(const struct option_spec *option, const struct option_target *target,
                   const char *text, struct problem *ret_problem);
int option_set_tls_version(const struct option_spec *option, const struct option_target *target,
                           const char *text, struct problem *ret_problem);

#endif
