/* fetch_parts: what fetch.c and fetch_regular.c share; for these alone. */
#ifndef SLUICE_FETCH_PARTS_H
#define SLUICE_FETCH_PARTS_H

#include "site/fetch.h"

/* A look-up: the order, and the name of the file in the form that is examined. */
struct fetch_target {
    const struct fetch_order *order;
    size_t name_bytes;
    char name[PATH_BYTES_MAX + 1];
};

/* Fetches the regular file TARGET, whose status is STATUS, and its siblings. Returns 0, with *RET
 * *given*, or a negative errno. Changes the target's name. */
int fetch_regular(struct fetch_target *target, const struct stat *status, struct fetched *ret);

#endif
