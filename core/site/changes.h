/* changes: how the workers of a process agree on which state of a path is the newest that any has
 * answered.
 *
 * Each worker has a cache of its own, so after a change one could answer with the new state of a
 * file and another, for the rest of its lease, with the old one. Here the workers share one word
 * for a path: its tag and a fingerprint of the state that was published last. A worker publishes
 * what it has found before it answers with it; a lease keeps the word that was there then and is
 * over as soon as the word differs. So a request costs one load, and equal states, found by many
 * workers, are equal words: nothing is published twice, and workers that agree never end each
 * other's leases.
 *
 * The words are in buckets of one cache line, found by the path's hash. A version of the bucket
 * counts what changes a word, a counter for each word how often its state was found again. A bucket
 * is bounded: a path that finds no room takes the place of
 * another, whose leases then end early; they are renewed by one check of the file. A site has a
 * bucket of its own, for the state of its root and its rules; when that changes, EPOCH does.
 *
 * Why no worker answers with an older state, once the answer with a newer one has left: a ticket is
 * taken before a file is examined and returned when the result is published. If the path was
 * published in between, or any other with a change, the result may be the older one: unless it is
 * the very state that is there, it gets no lease, and the word is made to match no lease. Else the
 * examination began after everything that was published before, so its result is the newest. The
 * word is stored before the answer is sent; a client that has the answer and asks another worker
 * does so through the kernel's sockets, whose locks order that store before the other worker's
 * load. So the load may be relaxed; and a request that comes while another worker publishes is
 * concurrent with it and may get either state.
 *
 * Publishing takes one of a few mutexes for some tens of instructions, as often as files are
 * examined. Safe from any thread. */
#ifndef SLUICE_CHANGES_H
#define SLUICE_CHANGES_H

#include "base/base.h"

#include <stdatomic.h>

struct changes;
struct changes_bucket;
struct changes_site;

/* Room for about PATHS_MAX paths. NULL: out of memory. *Gives*: changes_destroy. */
struct changes *changes_create(uint32_t paths_max);

/* No effect on NULL. */
void changes_destroy(struct changes *changes);

/* The bucket of a site, without a state yet. NULL: out of memory. *Gives*: changes_site_destroy,
 * after the last ticket for it. */
struct changes_site *changes_site_create(void);

/* No effect on NULL. */
void changes_site_destroy(struct changes_site *site);

/* What all stores key their hashes of paths with. */
uint64_t changes_secret(const struct changes *changes);

/* Taken before a path or a site is examined. */
struct changes_ticket {
    struct changes *changes; /* NULL: nothing is shared */
    struct changes_bucket *bucket;
    uint32_t version;
    uint32_t confirmed; /* of the path's word, if it has one */
    unsigned word;      /* its index */
};

/* For the path of HASH. CHANGES may be NULL here and below: then nothing is shared. */
struct changes_ticket changes_begin(struct changes *changes, uint64_t hash);

struct changes_ticket changes_begin_site(struct changes *changes, struct changes_site *site);

/* Whether the path of TICKET was not published since it was taken, nor a change in its bucket. */
bool changes_is_current(const struct changes_ticket *ticket);

/* A word and the value that it has as long as what was published is the newest. */
struct changes_mark {
    const _Atomic uint64_t *word;
    uint64_t seen;
};

/* Publishes that the path of HASH is in the state of FINGERPRINT, examined after TICKET was
 * taken. False: another worker has published meanwhile, so the state may be served to requests
 * that came before, but not be kept; *RET is untouched. */
bool changes_publish(const struct changes_ticket *ticket, uint64_t hash, uint64_t fingerprint,
                     struct changes_mark *ret);

/* The same for the site of TICKET. */
bool changes_publish_site(const struct changes_ticket *ticket, uint64_t fingerprint,
                          struct changes_mark *ret);

/* The word of SITE, 0 if CHANGES is NULL. */
uint64_t changes_site_word(const struct changes *changes, const struct changes_site *site);

/* A number that changes whenever the word of a site does; constant if CHANGES is NULL. Load it
 * with acquire before the words are compared. *Borrowed*. */
const _Atomic uint64_t *changes_epoch(const struct changes *changes);

#endif
