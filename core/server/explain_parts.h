/* explain_parts: a request that is being explained: explain.c makes it, explain_show.c shows it. */
#ifndef SLUICE_EXPLAIN_PARTS_H
#define SLUICE_EXPLAIN_PARTS_H

#include "conn/exchange.h"
#include "h1/h1_head.h"
#include "server/generation.h"
#include "server/listening.h"
#include "server/url.h"
#include "site/store.h"

#include <stdio.h>

struct explain {
    struct url url;
    const char *method;
    char *text; /* the request as it would be sent */
    size_t text_length;
    struct generation *generation;
    struct listening listening;
    struct store *store;
    struct counters counters;
    struct conn_context context;
    struct conn conn;
    bool ready; /* CONTEXT and CONN have been initialized */
    struct h1_head head;
    struct exchange exchange; /* READY */
};

/* Writes why the answer is as it is. */
void explain_show(const struct explain *explain, FILE *out);

#endif
