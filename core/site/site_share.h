/* site_share: what the workers share of one site: its open directory, which state of its root and
 * rules is the newest (changes.h), and what it has counted.
 *
 * Made by the main thread, with the settings of the site; a reload that leaves these as they were
 * keeps it, and one that changes them keeps what the site has counted. It has a reference count:
 * the generation of settings has a reference, and so has the site in each worker. Safe from any
 * thread. */
#ifndef SLUICE_SITE_SHARE_H
#define SLUICE_SITE_SHARE_H

#include "observe/site_counts.h"
#include "site/changes.h"
#include "system/root.h"

struct site_share {
    atomic_uint references;
    uint32_t id; /* of this site alone, in the life of the process */
    struct root_slot root;
    struct changes_site *state;
    struct site_counts *counts; /* a reference */
};

/* One reference, *given*. NULL: out of memory. */
struct site_share *site_share_create(void);

/* The same for a site that goes on counting where the one of FORMER is. */
struct site_share *site_share_create_after(const struct site_share *former);

/* Adds a reference. Returns SHARE. */
struct site_share *site_share_ref(struct site_share *share);

/* Drops a reference; the last frees it. NULL is allowed. */
void site_share_unref(struct site_share *share);

#endif
