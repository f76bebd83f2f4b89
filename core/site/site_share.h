/* site_share: what the workers share of one site: its open directory, and which state of its root
 * and rules is the newest (changes.h).
 *
 * Made by the main thread, with the settings of the site; a reload that leaves these as they were
 * keeps it. It has a reference count: the generation of settings has a reference, and so has the
 * site in each worker. Safe from any thread. */
#ifndef SLUICE_SITE_SHARE_H
#define SLUICE_SITE_SHARE_H

#include "site/changes.h"
#include "system/root.h"

struct site_share {
    atomic_uint references;
    uint32_t id; /* of this site alone, in the life of the process */
    struct root_slot root;
    struct changes_site *state;
};

/* One reference, *given*. NULL: out of memory. */
struct site_share *site_share_create(void);

/* Adds a reference. Returns SHARE. */
struct site_share *site_share_ref(struct site_share *share);

/* Drops a reference; the last frees it. NULL is allowed. */
void site_share_unref(struct site_share *share);

#endif
