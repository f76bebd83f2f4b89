/* slab: a pool of objects of one size, lent last in first out so that they stay cache-hot.
 *
 * The slab owns all memory; what it lends belongs to it still and must be given back before
 * slab_fini. Lent objects are bounded by OBJECTS_MAX. Up to KEEP_MAX idle objects are kept for the
 * next borrower; more go back to the allocator, so a burst does not hold memory for ever. Under
 * AddressSanitizer an idle object is poisoned: a use after the return is reported. Objects are
 * aligned to 64 bytes and not cleared. One thread only. */
#ifndef SLUICE_SLAB_H
#define SLUICE_SLAB_H

#include "base/base.h"

struct slab {
    void *idle; /* singly linked through the objects' first word */
    size_t object_bytes;
    uint32_t objects_max;
    uint32_t keep_max;
    uint32_t lent_count;
    uint32_t idle_count;
};

/* OBJECT_BYTES is a multiple of 64, and not 0. */
void slab_init(struct slab *slab, size_t object_bytes, uint32_t objects_max, uint32_t keep_max);

/* Frees the idle objects. All must have been given back. */
void slab_fini(struct slab *slab);

/* An object, or NULL when OBJECTS_MAX are lent or memory is out. *Gives*: return it by slab_give. */
void *slab_take(struct slab *slab);

/* *Takes* OBJECT, which slab_take gave. */
void slab_give(struct slab *slab, void *object);

#endif
