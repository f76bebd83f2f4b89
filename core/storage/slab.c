/* slab: see slab.h.
 *
 * Includes base and asan. Idle objects form a singly linked list through their first word. An idle
 * object is poisoned whole, including its link: the slab lifts the poison only while it uses the
 * link, so AddressSanitizer reports both a use after slab_give and a second slab_give. */
#include "storage/slab.h"

#include "base/asan.h"

#include <stdlib.h>

enum { SLAB_ALIGNMENT = 64 }; /* a cache line */

struct idle_object {
    struct idle_object *next;
};

void slab_init(struct slab *slab, size_t object_bytes, uint32_t objects_max, uint32_t keep_max)
{
    assert(object_bytes > 0 && object_bytes % SLAB_ALIGNMENT == 0);
    *slab = (struct slab){
        .object_bytes = object_bytes,
        .objects_max = objects_max,
        .keep_max = keep_max,
    };
}

/* Removes the most recently returned object from the idle list, which is not empty. */
static void *pop_idle(struct slab *slab)
{
    struct idle_object *object = slab->idle;
    asan_unpoison(object, slab->object_bytes);
    slab->idle = object->next;
    slab->idle_count--;
    return object;
}

static void push_idle(struct slab *slab, struct idle_object *object)
{
    object->next = slab->idle;
    slab->idle = object;
    slab->idle_count++;
    asan_poison(object, slab->object_bytes);
}

void slab_fini(struct slab *slab)
{
    assert(slab->lent_count == 0);
    slab_shrink(slab);
}

void *slab_take(struct slab *slab)
{
    if (slab->lent_count >= slab->objects_max)
        return NULL;
    void *object =
        slab->idle != NULL ? pop_idle(slab) : aligned_alloc(SLAB_ALIGNMENT, slab->object_bytes);
    if (object != NULL)
        slab->lent_count++;
    return object;
}

/* Not inline: without a call in it, slab_give saves no registers. */
__attribute__((noinline)) static void free_object(struct slab *slab, void *object)
{
    free(object);
    slab->freed_bytes += slab->object_bytes;
}

void slab_give(struct slab *slab, void *object)
{
    assert(slab->lent_count > 0);
    slab->lent_count--;
    if (slab->idle_count < slab->keep_max)
        push_idle(slab, object);
    else
        free_object(slab, object);
}

void slab_shrink(struct slab *slab)
{
    while (slab->idle != NULL)
        free_object(slab, pop_idle(slab));
}
