/* net_rig: a set of addresses to listen on, for tests of net. */
#ifndef SLUICE_NET_RIG_H
#define SLUICE_NET_RIG_H

#include "system/net.h"

#include <criterion/criterion.h>

enum { NET_RIG_BACKLOG = 64 };

/* The set of all TEXTS, which end in NULL. Its port is 0. */
static inline struct net_set net_rig_set(const char *const *texts)
{
    struct net_set set = {.backlog = NET_RIG_BACKLOG};
    for (; *texts; texts++)
        cr_assert_eq(net_add(&set, *texts), NET_ADDED, "%s", *texts);
    return set;
}

#endif
