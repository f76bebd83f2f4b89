/* problem_list: the mistakes that were found so far, where one of them does not end the search.
 *
 * A check that can go on after a mistake gives it to problem_list_keep and returns what that
 * returns. Where a list is wanted, that is 0, and the check goes on; without a list it is the
 * error, so that the first mistake ends everything, as at the start of a server. Owns its problems,
 * which are copies; needs no memory. One thread at a time. */
#ifndef SLUICE_PROBLEM_LIST_H
#define SLUICE_PROBLEM_LIST_H

#include "base/problem.h"

enum { PROBLEM_LIST_MAX = 50 };

/* Zeroed: empty. */
struct problem_list {
    unsigned count;
    bool has_more; /* others were found, and not kept */
    struct problem items[PROBLEM_LIST_MAX];
};

/* Keeps PROBLEM, the reason for ERROR, in LIST unless it has it already: what is written once for
 * all sites is checked for each. Returns 0: go on; or ERROR, if LIST is NULL or memory is out.
 * ERROR 0 means that all is well: PROBLEM is ignored. */
int problem_list_keep(struct problem_list *list, int error, const struct problem *problem);

/* Whether LIST has something. NULL is an empty list. */
static inline bool problem_list_has_any(const struct problem_list *list)
{
    return list && list->count > 0;
}

/* Whether a problem in LIST, which may be NULL, is about the option with the long name OPTION. */
bool problem_list_has_option(const struct problem_list *list, const char *option);

#endif
