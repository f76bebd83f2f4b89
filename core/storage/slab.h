/* slab: a pool of objects of one size, lent last in, first out, so that they stay in the CPU's
 * cache.
 *
 * The slab owns all memory; a lent object must be given back before slab_fini. At most OBJECTS_MAX
 * objects are lent at a time. Up to KEEP_MAX idle objects are kept for the next borrower and the
 * rest are freed, so a burst does not hold memory for ever; slab_shrink frees them all. Objects are
 * aligned to 64 bytes and not cleared. Under AddressSanitizer an idle object is poisoned, so a use
 * after slab_give is reported. One thread only. */
#ifndef SLUICE_SLAB_H
#define SLUICE_SLAB_H

#include "base/base.h"

struct slab {
    void *idle; /* singly linked by the objects' first word */
    size_t object_bytes;
    uint32_t objects_max;
    uint32_t keep_max;
    uint32_t lent_count;
    uint32_t idle_count;
    uint64_t freed_bytes; /* by slab_give and slab_shrink, since the start */
};

/* Makes an empty slab. OBJECT_BYTES is a multiple of 64, and not 0. */
void slab_init(struct slab *slab, size_t object_bytes, uint32_t objects_max, uint32_t keep_max);

/* Frees the idle objects. All objects must have been given back. */
void slab_fini(struct slab *slab);

/* Lends an object. NULL: OBJECTS_MAX are lent, or out of memory. *Gives*: return it by
 * slab_give. */
void *slab_take(struct slab *slab);

/* *Takes* back OBJECT, which slab_take gave. */
void slab_give(struct slab *slab, void *object);

/* Frees the idle objects. */
void slab_shrink(struct slab *slab);

#endif
