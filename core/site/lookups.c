/* lookups: see lookups.h. */
#include "site/lookups.h"

#include <stdlib.h>

enum {
    JOB_THREADS_MAX = 2,
    JOBS_MAX = 1024, /* not yet finished; more look-ups are done by the worker itself */
};

int lookups_init(struct lookups *lookups)
{
    lookups->under_way = NULL;
    return jobs_create(&lookups->jobs, JOB_THREADS_MAX, JOBS_MAX);
}

static void destroy(struct lookup *lookup)
{
    fetched_fini(&lookup->fetched);
    site_drop(lookup->site);
    store_sites_unref(lookup->sites);
    root_drop(lookup->root);
    root_drop(lookup->found_root);
    blob_drop(lookup->file);
    free(lookup);
}

static void abandon(struct job *job)
{
    destroy(CONTAINER_OF(job, struct lookup, job));
}

void lookups_fini(struct lookups *lookups)
{
    jobs_destroy(lookups->jobs, abandon);
}

/* --- Looking up ------------------------------------------------------------------------------ */

static void run(struct job *job)
{
    struct lookup *lookup = CONTAINER_OF(job, struct lookup, job);
    if (lookup->kind == LOOKUP_READ) {
        load_warm(lookup->file->fd, lookup->first, lookup->length);
        return;
    }
    if (lookup->kind == LOOKUP_ROOT) {
        if (site_find_root(lookup->site, lookup->settings, &lookup->found_root) < 0)
            lookup->found_root = NULL;
        return;
    }
    struct fetch_order order = {
        .root_fd = lookup->root->fd,
        .path = &lookup->path,
        .site = lookup->settings,
        .mode = IO_BY_JOB,
        .known = lookup->known_set ? &lookup->known : NULL,
        .hashed = lookup->hashed,
        .load = lookup->load,
        .copy_bytes_max = lookup->copy_bytes_max,
    };
    fetch(&order, &lookup->fetched); /* it fails only where it must not wait */
}

/* A lookup of KIND that uses nothing yet. Its path is not set: it is large. NULL: out of memory. */
static struct lookup *create(enum lookup_kind kind)
{
    struct lookup *lookup = malloc(sizeof *lookup);
    if (!lookup)
        return NULL;
    lookup->job = (struct job){.run = run};
    lookup->waiters = NULL;
    lookup->kind = kind;
    lookup->site = NULL;
    lookup->sites = NULL;
    lookup->settings = NULL;
    lookup->root = NULL;
    lookup->found_root = NULL;
    lookup->file = NULL;
    lookup->outdated = false;
    lookup->path.length = 0;
    lookup->fetched = (struct fetched){.kind = FETCH_REFUSED, .status = HTTP_UNAVAILABLE};
    return lookup;
}

/* Hands LOOKUP to a job. NULL, and LOOKUP is freed, when no more can be taken. */
static struct lookup *submit(struct lookups *lookups, struct lookup *lookup)
{
    if (!jobs_submit(lookups->jobs, &lookup->job)) {
        destroy(lookup);
        return NULL;
    }
    lookup->next = lookups->under_way;
    lookups->under_way = lookup;
    return lookup;
}

static bool is_of(const struct lookup *lookup, const struct site *site, const struct path *path)
{
    return lookup->kind == LOOKUP_PATH && !lookup->outdated && lookup->site == site &&
           lookup->root == site->root && lookup->path.directory == path->directory &&
           str_equal(path_view(&lookup->path), path_view(path)) &&
           changes_is_current(&lookup->ticket);
}

struct lookup *lookups_find(const struct lookups *lookups, const struct site *site,
                            const struct path *path)
{
    struct lookup *lookup = lookups->under_way;
    while (lookup && !is_of(lookup, site, path))
        lookup = lookup->next;
    return lookup;
}

void lookups_outdate(struct lookups *lookups, const struct site *site)
{
    for (struct lookup *lookup = lookups->under_way; lookup; lookup = lookup->next)
        lookup->outdated = lookup->outdated || !site || lookup->site == site;
}

struct lookup *lookups_start(struct lookups *lookups, const struct lookup_order *order)
{
    struct lookup *lookup = create(order->kind);
    if (!lookup)
        return NULL;
    lookup->site = site_pin(order->site);
    lookup->sites = store_sites_ref(order->sites);
    lookup->settings = order->site->settings;
    lookup->root = root_pin(order->site->root);
    lookup->started_ms = order->now_ms;
    lookup->ticket = order->ticket;
    lookup->known_set = order->known != NULL;
    if (order->known)
        lookup->known = *order->known;
    lookup->hashed = order->hashed;
    lookup->load = order->load;
    lookup->copy_bytes_max = order->copy_bytes_max;
    lookup->path = *order->path;
    return submit(lookups, lookup);
}

struct lookup *lookups_start_reading(struct lookups *lookups, struct blob *file, uint64_t first,
                                     uint64_t length)
{
    struct lookup *lookup = create(LOOKUP_READ);
    if (!lookup)
        return NULL;
    lookup->file = blob_pin(file);
    lookup->first = first;
    lookup->length = length;
    return submit(lookups, lookup);
}

struct lookup *lookups_collect(struct lookups *lookups, struct job **rest)
{
    struct job *job = *rest;
    if (!job)
        return NULL;
    *rest = job->next;
    struct lookup *lookup = CONTAINER_OF(job, struct lookup, job);
    struct lookup **link = &lookups->under_way;
    while (*link != lookup)
        link = &(*link)->next;
    *link = lookup->next;
    return lookup;
}

/* --- Waiting ---------------------------------------------------------------------------------- */

void lookup_await(struct lookup *lookup, struct lookup_waiter *waiter)
{
    assert(!waiter->lookup); /* else it is in the list of another one */
    waiter->lookup = lookup;
    waiter->next = lookup->waiters;
    lookup->waiters = waiter;
}

void lookup_leave(struct lookup_waiter *waiter)
{
    if (!waiter->lookup)
        return;
    struct lookup_waiter **link = &waiter->lookup->waiters;
    while (*link != waiter)
        link = &(*link)->next;
    *link = waiter->next;
    waiter->lookup = NULL;
}

void lookup_finish(struct lookup *lookup, struct resource *ready,
                   void (*wake)(void *context, struct lookup_waiter *waiter), void *context)
{
    while (lookup->waiters) {
        struct lookup_waiter *waiter = lookup->waiters;
        lookup->waiters = waiter->next;
        waiter->lookup = NULL;
        if (ready) /* else it keeps the result of an earlier lookup */
            waiter->ready = resource_pin(ready);
        wake(context, waiter);
    }
    destroy(lookup);
}
