/* lookups: see lookups.h. */
#include "site/lookups.h"

#include <stdlib.h>

enum {
    JOB_THREADS_MAX = 2,
    JOBS_MAX = 1024, /* look-ups that wait at once; more are done on the spot */
};

int lookups_init(struct lookups *lookups)
{
    lookups->under_way = NULL;
    return jobs_create(&lookups->jobs, JOB_THREADS_MAX, JOBS_MAX);
}

static void destroy(struct lookup *lookup)
{
    fetched_fini(&lookup->fetched);
    blob_drop(lookup->root);
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

/* --- Looking up --------------------------------------------------------------------------------- */

static void run(struct job *job)
{
    struct lookup *lookup = CONTAINER_OF(job, struct lookup, job);
    if (lookup->length > 0) {
        load_warm(lookup->root->fd, lookup->first, lookup->length);
        return;
    }
    enum io_mode mode = job->lengthy ? IO_BY_LENGTHY_JOB : IO_BY_JOB;
    lookup->too_long = fetch(lookup->root->fd, &lookup->path, lookup->site, mode,
                             lookup->known_set ? &lookup->known : NULL, &lookup->fetched) < 0;
}

/* A lookup that is nobody's yet and uses ROOT. Its path is not set: it is large. NULL: out of memory. */
static struct lookup *create(struct blob *root)
{
    struct lookup *lookup = malloc(sizeof(*lookup));
    if (!lookup)
        return NULL;
    lookup->job = (struct job){.run = run};
    lookup->waiters = NULL;
    lookup->root = blob_pin(root);
    lookup->length = 0;
    lookup->fetched = (struct fetched){.kind = FETCH_REFUSED, .status = HTTP_UNAVAILABLE};
    lookup->too_long = false;
    return lookup;
}

/* Hands FILL to a job. NULL, and FILL is gone, when no more can be taken. */
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

struct lookup *lookups_find(const struct lookups *lookups, const struct blob *root,
                            const struct path *path)
{
    for (struct lookup *lookup = lookups->under_way; lookup; lookup = lookup->next) {
        if (lookup->root == root && lookup->path.length == path->length &&
            lookup->path.directory == path->directory &&
            memcmp(lookup->path.text, path->text, path->length) == 0)
            return lookup;
    }
    return NULL;
}

struct lookup *lookups_start(struct lookups *lookups, struct blob *root, const struct path *path,
                             const struct site_settings *site, const struct fetch_state *known,
                             uint64_t now_ms)
{
    struct lookup *lookup = create(root);
    if (!lookup)
        return NULL;
    lookup->site = site;
    lookup->started_ms = now_ms;
    lookup->known_set = known != NULL;
    if (known)
        lookup->known = *known;
    lookup->path = *path;
    return submit(lookups, lookup);
}

struct lookup *lookups_start_reading(struct lookups *lookups, struct blob *file, uint64_t first,
                                     uint64_t length)
{
    struct lookup *lookup = create(file);
    if (!lookup)
        return NULL;
    lookup->path.length = 0;
    lookup->first = first;
    lookup->length = length;
    return submit(lookups, lookup);
}

/* Has a lengthy job do what was too long for FILL's. False if there is no need, or no room: then it stays
 * what it was made as, a refusal. */
static bool put_off(struct lookups *lookups, struct lookup *lookup)
{
    bool too_long = lookup->too_long;
    lookup->too_long = false;
    lookup->job.lengthy = too_long;
    return too_long && jobs_submit(lookups->jobs, &lookup->job);
}

struct lookup *lookups_collect(struct lookups *lookups, struct job **rest)
{
    struct lookup *lookup;
    do {
        struct job *job = *rest;
        if (!job)
            return NULL;
        *rest = job->next;
        lookup = CONTAINER_OF(job, struct lookup, job);
    } while (put_off(lookups, lookup));
    struct lookup **link = &lookups->under_way;
    while (*link != lookup)
        link = &(*link)->next;
    *link = lookup->next;
    return lookup;
}

/* --- Waiting ------------------------------------------------------------------------------------ */

void lookup_await(struct lookup *lookup, struct lookup_waiter *waiter)
{
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
        if (ready) /* else it keeps what another look-up has brought */
            waiter->ready = resource_pin(ready);
        wake(context, waiter);
    }
    destroy(lookup);
}
