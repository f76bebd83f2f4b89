/* cache: its bounds and its contents under random use, compared with a model. */
#include "support/cache_rig.h"
#include "support/prng.h"

#include <criterion/criterion.h>

enum { NAMES = 64 };

struct model {
    struct resource
        *resources[NAMES]; /* the last one put under this name, with a reference of the test */
    bool file[NAMES];
};

/* Every resource found must be the last one put, and the usage must be that of the resources
 * found. */
static void compare(struct cache *cache, const struct model *model)
{
    struct cache_usage usage = {0};
    for (unsigned i = 0; i < NAMES; i++) {
        struct path path = path_numbered(i);
        struct cache_key key = cache_key_of(cache, &group, &path);
        struct cache_entry *entry = cache_find(cache, &key);
        if (entry) {
            cr_assert_eq(entry->resource, model->resources[i]);
            entry->hit = i % 3 == 0; /* the model's check must not count as a hit */
            usage.entries++;
            usage.bytes += entry->bytes;
            usage.files += model->file[i];
            usage.refusals += entry->resource->kind == RESOURCE_REFUSAL;
        }
        if (model->resources[i])
            cr_assert_eq(model->resources[i]->references, entry ? 2 : 1);
    }
    struct cache_usage said = cache_usage(cache);
    cr_assert_eq(said.entries, usage.entries);
    cr_assert_eq(said.bytes, usage.bytes);
    cr_assert_eq(said.files, usage.files);
    cr_assert_eq(said.refusals, usage.refusals);
}

static void step(struct cache *cache, struct model *model, struct prng *prng)
{
    unsigned i = (unsigned)prng_below(prng, NAMES);
    struct path path = path_numbered(i);
    struct cache_key key = cache_key_of(cache, &group, &path);
    struct cache_entry *entry = cache_find(cache, &key);
    uint64_t dice = prng_below(prng, 10);
    if (dice == 0) {
        if (entry)
            cache_remove(cache, entry);
    } else if (dice == 1) {
        bool had = cache_usage(cache).files > 0;
        cr_assert_eq(cache_shed_file(cache), had);
    } else if (dice == 2) {
        if (entry)
            entry->used = false;
        cache_release_files(cache);
    } else {
        resource_drop(model->resources[i]);
        model->file[i] = dice > 3 && prng_below(prng, 4) == 0;
        model->resources[i] = dice == 3 ? resource_create_refusal(HTTP_NOT_FOUND, NULL)
                                        : make((size_t)prng_below(prng, 4000), model->file[i]);
        entry = cache_put(cache, &key, model->resources[i]);
        cr_assert_not_null(entry);
    }
}

Test(cache_model, stays_within_its_bounds_under_random_use, .timeout = 120)
{
    static const struct cache_limits limits[] = {
        {.bytes_max = 20000, .entries_max = ANY, .files_max = ANY},
        {.bytes_max = ANY, .entries_max = 7, .files_max = ANY},
        {.bytes_max = ANY, .entries_max = ANY, .files_max = 3},
        {.bytes_max = 30000, .entries_max = 12, .files_max = 1},
        {.bytes_max = 6000, .entries_max = 1, .files_max = 1},
    };
    for (size_t row = 0; row < COUNT_OF(limits); row++) {
        struct prng prng = {row};
        struct model model = {{0}, {0}};
        struct cache *cache = cache_create_fresh(&limits[row]);
        for (unsigned i = 0; i < 4000; i++) {
            step(cache, &model, &prng);
            struct cache_usage usage = cache_usage(cache);
            cr_assert_leq(usage.bytes, limits[row].bytes_max);
            cr_assert_leq(usage.entries, limits[row].entries_max);
            cr_assert_leq(usage.files, limits[row].files_max);
            compare(cache, &model);
        }
        cache_destroy(cache);
        for (unsigned i = 0; i < NAMES; i++) {
            cr_assert(!model.resources[i] || model.resources[i]->references == 1);
            resource_drop(model.resources[i]);
        }
    }
}
