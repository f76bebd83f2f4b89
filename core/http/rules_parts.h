/* rules_parts: how a set of rules is made up; for the files of rules alone.
 *
 * A set is an array of rules in the order of their text, each with its pattern. rules.c reads them,
 * rules_apply.c applies them, rules_value.c fills captures in. */
#ifndef SLUICE_RULES_PARTS_H
#define SLUICE_RULES_PARTS_H

#include "http/header_policy.h"
#include "http/pattern.h"
#include "http/rules.h"

struct rule {
    struct str host;    /* prepared; absent: every host */
    struct str pattern; /* prepared; the same view for all rules below one path */
    struct str name;
    struct str value; /* prepared if FILLED, see rules_value.h */
    const struct header_policy *header;
    bool filled;   /* the value has captures of the patterns in it */
    bool removes;  /* "! Name" */
    unsigned line; /* of the _headers file; 0: none */
};

struct rules {
    struct piece *pieces;
    unsigned count;
    bool has_hosts; /* some rules are for some hosts only */
    struct rule items[RULES_MAX];
};

#endif
