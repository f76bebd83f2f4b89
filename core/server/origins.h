/* origins: the table of origins (conn/origin.h) that the workers of a process borrow, for the
 * listeners that it has now and for the connections of those that it had before a reload.
 *
 * Listeners of the same kind share the origins of that kind: one of the listener itself, those of
 * connections of whose clients something is known, and that of connections that speak plain HTTP on
 * a port for TLS. The origins of a kind that is not used any more are replaced. Written by the main
 * thread alone; the others read what is in use. */
#ifndef SLUICE_ORIGINS_H
#define SLUICE_ORIGINS_H

#include "conn/origin.h"

enum {
    ORIGINS_OF_KIND = ORIGIN_TWINS + 1,
    ORIGINS_KINDS_MAX = ORIGINS_MAX / ORIGINS_OF_KIND,
};

/* All that the origins of a listener depend on. All zeros: plain HTTP. */
struct origins_kind {
    bool secure;    /* it speaks TLS */
    bool proxied;   /* its connections begin with a PROXY header */
    bool redirects; /* to https, at HTTPS_PORT */
    bool trusts;    /* some proxy is trusted */
    bool has_hsts;  /* answers have Strict-Transport-Security, */
    uint32_t hsts_seconds;
    uint16_t https_port; /* where https is spoken; 0: nowhere */
};

/* Zeroed: empty. */
struct origins {
    struct origin items[ORIGINS_MAX];
    struct origins_kind kinds[ORIGINS_KINDS_MAX];
    bool made[ORIGINS_KINDS_MAX];
    char hsts[ORIGINS_KINDS_MAX][32];
};

/* The bits, by index, of the origins that belong to the same kind as origin INDEX. */
uint64_t origins_bits(unsigned index);

/* Finds or makes the origins of KIND, in place of some that are not used: those without a bit in
 * USED. Returns the index of the listener's own, or -ENOSPC: all are in use. */
int origins_get(struct origins *origins, const struct origins_kind *kind, uint64_t used);

#endif
