/* redirects: a site's rules that send requests for some paths elsewhere: "FROM TO [STATUS]".
 *
 *     /old/:page /new/:page
 *     /blog/:year/:name https://blog.example.org/:year-:name 302
 *
 * FROM is the pattern of a path (pattern.h), compared with the whole decoded path; the first rule
 * that matches counts. TO is a path, or a URL with http or https, in which `:splat` and `:name` are
 * what was matched, percent-encoded (rules_value.h), but not in the host: a request can't choose
 * where it is sent. It may have a query, to which that of the request is added, and a fragment.
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

/* Checks that no path is redirected for ever: within the site, whose names are HOSTS. Each rule is
 * tried with a path that has one letter for each of its wildcards, from number *INDEX on, in the
 * order in which they were added. Returns 0, or -EINVAL with *RET_PROBLEM set and *INDEX that of
 * the rule. */
int redirects_check(const struct redirects *redirects, const struct arena_list *hosts,
                    unsigned *index, struct problem *ret_problem);

#endif
