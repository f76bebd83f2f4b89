/* lookups: see lookups.h. */
#include "site/lookups.h"

#include <stdlib.h>

enum {
    JOB_THREADS_MAX = 2,
    JOBS_MAX = 1024, /* look-ups that wait at once; more are done on the spot */
};

int lookups_init(struct lookups *fills)
{
    fills->under_way = NULL;
    return jobs_create(&fills->jobs, JOB_THREADS_MAX, JOBS_MAX);
}

static void destroy(struct lookup *fill)
{
    fetched_fini(&fill->fetched);
    blob_drop(fill->root);
    free(fill);
}

static void abandon(struct job *job)
{
    destroy(CONTAINER_OF(job, struct lookup, job));
}

void lookups_fini(struct lookups *fills)
{
    jobs_destroy(fills->jobs, abandon);
}

/* --- Looking up --------------------------------------------------------------------------------- */

static void run(struct job *job)
{
    struct lookup *fill = CONTAINER_OF(job, struct lookup, job);
    if (fill->length > 0) {
        load_warm(fill->root->fd, fill->first, fill->length);
        return;
    }
    enum io_mode mode = job->lengthy ? IO_BY_LENGTHY_JOB : IO_BY_JOB;
    fill->too_long = fetch(fill->root->fd, &fill->path, fill->site, mode,
                           fill->known_set ? &fill->known : NULL, &fill->fetched) < 0;
}

/* A fill that is nobody's yet and uses ROOT. Its path is not set: it is large. NULL: out of memory. */
static struct lookup *create(struct blob *root)
{
    struct lookup *fill = malloc(sizeof(*fill));
    if (!fill)
        return NULL;
    fill->job = (struct job){.run = run};
    fill->waiters = NULL;
    fill->root = blob_pin(root);
    fill->length = 0;
    fill->fetched = (struct fetched){.kind = FETCH_REFUSED, .status = HTTP_UNAVAILABLE};
    fill->too_long = false;
    return fill;
}

/* Hands FILL to a job. NULL, and FILL is gone, when no more can be taken. */
static struct lookup *submit(struct lookups *fills, struct lookup *fill)
{
    if (!jobs_submit(fills->jobs, &fill->job)) {
        destroy(fill);
        return NULL;
    }
    fill->next = fills->under_way;
    fills->under_way = fill;
    return fill;
}

struct lookup *lookups_find(const struct lookups *fills, const struct blob *root,
                            const struct path *path)
{
    for (struct lookup *fill = fills->under_way; fill; fill = fill->next) {
        if (fill->root == root && fill->path.length == path->length &&
            fill->path.directory == path->directory &&
            memcmp(fill->path.text, path->text, path->length) == 0)
            return fill;
    }
    return NULL;
}

struct lookup *lookups_start(struct lookups *fills, struct blob *root, const struct path *path,
                             const struct fetch_site *site, const struct fetch_state *known,
                             uint64_t now_ms)
{
    struct lookup *fill = create(root);
    if (!fill)
        return NULL;
    fill->site = site;
    fill->started_ms = now_ms;
    fill->known_set = known != NULL;
    if (known)
        fill->known = *known;
    fill->path = *path;
    return submit(fills, fill);
}

struct lookup *lookups_start_reading(struct lookups *fills, struct blob *file, uint64_t first,
                                     uint64_t length)
{
    struct lookup *fill = create(file);
    if (!fill)
        return NULL;
    fill->path.length = 0;
    fill->first = first;
    fill->length = length;
    return submit(fills, fill);
}

/* Has a lengthy job do what was too long for FILL's. False if there is no need, or no room: then it stays
 * what it was made as, a refusal. */
static bool put_off(struct lookups *fills, struct lookup *fill)
{
    bool too_long = fill->too_long;
    fill->too_long = false;
    fill->job.lengthy = too_long;
    return too_long && jobs_submit(fills->jobs, &fill->job);
}

struct lookup *lookups_collect(struct lookups *fills, struct job **rest)
{
    struct lookup *fill;
    do {
        struct job *job = *rest;
        if (!job)
            return NULL;
        *rest = job->next;
        fill = CONTAINER_OF(job, struct lookup, job);
    } while (put_off(fills, fill));
    struct lookup **link = &fills->under_way;
    while (*link != fill)
        link = &(*link)->next;
    *link = fill->next;
    return fill;
}

/* --- Waiting ------------------------------------------------------------------------------------ */

void lookup_await(struct lookup *fill, struct lookup_waiter *waiter)
{
    waiter->fill = fill;
    waiter->next = fill->waiters;
    fill->waiters = waiter;
}

void lookup_leave(struct lookup_waiter *waiter)
{
    if (!waiter->fill)
        return;
    struct lookup_waiter **link = &waiter->fill->waiters;
    while (*link != waiter)
        link = &(*link)->next;
    *link = waiter->next;
    waiter->fill = NULL;
}

void lookup_finish(struct lookup *fill, struct resource *ready,
                   void (*wake)(void *context, struct lookup_waiter *waiter), void *context)
{
    while (fill->waiters) {
        struct lookup_waiter *waiter = fill->waiters;
        fill->waiters = waiter->next;
        waiter->fill = NULL;
        if (ready) /* else it keeps what another look-up has brought */
            waiter->ready = resource_pin(ready);
        wake(context, waiter);
    }
    destroy(fill);
}
