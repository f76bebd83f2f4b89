/* generation: what is made of one set of settings, and checked, before the server uses any of it.
 *
 * The settings, prepared; the table of their hosts; their certificates and proxies. The start,
 * `check` and a reload make it by the same function, so they find the same mistakes. It opens
 * nothing that stays but what the settings name (certificates are read and closed), and changes
 * nothing that serves.
 *
 * Immutable once made, but for the certificates, which are read again when their files change. It
 * has a reference count: the main thread holds one, and so does each worker that uses it. May be
 * used by any thread; https by the main thread alone. */
#ifndef SLUICE_GENERATION_H
#define SLUICE_GENERATION_H

#include "base/networks.h"
#include "config/settings.h"
#include "server/https.h"
#include "site/hosts.h"
#include "site/store_sites.h"

struct generation {
    struct settings *settings; /* prepared; a reference */
    struct hosts *hosts;
    struct https *https;               /* NULL: no listener speaks TLS */
    const struct https *present_https; /* *borrowed* by generation_create: of the one before */
    struct networks trusted;           /* proxies */
    /* These four by generation_follow: of each site, by its number. */
    struct site_share **shares; /* a reference to each */
    uint32_t *former;           /* its number in the generation before, or STORE_SITES_NEW */
    uint32_t *namesakes;        /* the same, also if its settings have changed */
    struct generation_counts {
        unsigned added;   /* sites with another first name than any before */
        unsigned changed; /* with the name of one before, and other values */
        unsigned removed; /* of the generation before */
    } counts;
    atomic_uint references;
};

/* Makes the generation of SETTINGS, which are not prepared yet: refs them. Certificates whose files
 * have not changed are shared with PRESENT, which a reload will replace (NULL: none). Returns 0, or
 * a negative errno with *RET_PROBLEM set to the first mistake. If SETTINGS have a list of problems,
 * all mistakes are in it then. *Gives* one reference: generation_unref. */
int generation_create(struct generation **ret, struct settings *settings,
                      const struct generation *present, struct problem *ret_problem);

/* Makes what the workers share of the sites of GENERATION, and opens their roots. A site whose
 * settings are the same as those of a site of FORMER (NULL: none came before) takes over that
 * one's share. Returns 0, or a negative errno with *RET_PROBLEM set. Call it once. */
int generation_follow(struct generation *generation, const struct generation *former,
                      struct problem *ret_problem);

/* The proxies of GENERATION that are trusted, *borrowed*; NULL: none is. */
const struct networks *generation_trusted(const struct generation *generation);

/* Adds a reference. Returns GENERATION. */
struct generation *generation_ref(struct generation *generation);

/* Drops a reference; the last frees everything. NULL is allowed. */
void generation_unref(struct generation *generation);

#endif
