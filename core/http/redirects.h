/* redirects: a site's rules that send requests for some paths elsewhere: "FROM TO [STATUS]".
 *
 *     /old/:page /new/:page
 *     /blog/:year/:name https://blog.example.org/:year-:name 302
 *
 * FROM is the pattern of a path (pattern.h), compared with the whole decoded path; the first rule
 * that matches counts. TO is a path, or a URL with http or https, in which `:splat` and `:name` are
 * what was matched, percent-encoded (rules_value.h), but not in the host: a request can't choose
 * where it is sent. It may have a query, to which that of the request is added, and a fragment. A
 * name in TO that FROM does not have is a mistake, unless it is a part of a word (Help:Contents).
 * STATUS is 301 (the default), 302, 303, 307 or 308 (RFC 9110 section 15.4).
 *
 * Pure. The text of a set is in an arena of its owner; once built, it is only read, by any number
 * of threads. */
#ifndef SLUICE_REDIRECTS_H
#define SLUICE_REDIRECTS_H

#include "base/arena.h"
#include "base/problem.h"
#include "http/http.h"
#include "http/rules.h"

struct redirects;

/* No rules. Their text will be in ARENA, which is *borrowed*. NULL: out of memory. *Gives*:
 * redirects_destroy, which takes NULL, too. */
struct redirects *redirects_create(struct arena *arena);
void redirects_destroy(struct redirects *redirects);

/* Adds the rule TEXT, which is copied. Returns 0; or -EINVAL or -ENOMEM, with *RET_PROBLEM set. */
int redirects_add(struct redirects *redirects, struct str text, struct problem *ret_problem);

/* Where a request is sent. */
struct redirect {
    enum http_status status;
    struct str location; /* absent: it would be too long */
    unsigned index;      /* of the rule, in the order in which they were added */
};

/* Finds the redirect for PATH, decoded, with its leading slash; QUERY, without its '?', may be
 * absent. Text is written to VALUES. False: no rule matches. */
bool redirects_find(const struct redirects *redirects, struct str path, struct str query,
                    struct rules_values *values, struct redirect *ret);

/* Where redirects lead, for redirects_find_circle. */
struct redirects_map {
    /* The redirects that a request for AUTHORITY meets, by https if SECURE. NULL: none, or it is
     * not known which server answers. */
    const struct redirects *(*find)(const void *context, struct str authority, bool secure);
    const void *context;
};

enum { REDIRECTS_HOPS_MAX = 20 }; /* more count as endless; browsers give up then */

/* Redirects that do not end. */
struct redirects_circle {
    unsigned index;               /* of the rule at its beginning */
    struct str from;              /* of that rule, as it is written; *borrowed* */
    bool to_https;                /* that rule leads to a URL with https */
    const struct redirects *next; /* has the rule that follows it */
    unsigned next_index;
};

/* Finds a path that rules of REDIRECTS and of others in MAP redirect for ever. Each rule is tried
 * with a path that has one letter for each of its wildcards, from number FIRST on, in the order in
 * which they were added. False: each path ends. */
bool redirects_find_circle(const struct redirects *redirects, unsigned first,
                           const struct redirects_map *map, struct redirects_circle *ret);

#endif
