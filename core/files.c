/* files: see files.h. */
#include "files.h"

#include "fetch.h"
#include "jobs.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    JOB_THREADS_MAX = 2,
    JOBS_MAX = 1024, /* look-ups that wait at once; more are done on the spot */
};

struct files {
    struct files_config config;
    struct cache *cache;
    struct jobs *jobs;
    struct blob *root;                            /* the directory that ROOT means now */
    struct fill *fills;                           /* look-ups that jobs are doing */
    struct resource *refusals[HTTP_STATUS_SLOTS]; /* made when first needed */
};

/* A look-up that a job does, and who waits for it. */
struct fill {
    struct job job;
    struct fill *next;
    struct files_waiter *waiters;
    struct files *files;
    struct blob *root; /* pinned: the job uses its descriptor */
    uint64_t started_ms;
    bool known_set;
    struct blob_identity known;
    struct fetched fetched; /* by the job */
    struct path path;
};

/* --- ROOT ------------------------------------------------------------------------------------ */

/* Opens what ROOT means now. 0 or a negative errno. */
static int open_root(struct files *files)
{
    int fd = fetch_open_root(files->config.root);
    if (fd < 0)
        return fd;
    struct stat status;
    struct blob_identity identity;
    int error = fstat(fd, &status) < 0 ? -errno : 0;
    struct blob *root = NULL;
    if (!error) {
        blob_identify(&status, &identity);
        root = blob_create_file(fd, &identity);
        error = root ? 0 : -ENOMEM;
    }
    if (error) {
        close(fd);
        return error;
    }
    blob_drop(files->root);
    files->root = root;
    return 0;
}

/* Follows ROOT to another directory, if that is what its path has come to mean. If it means nothing
 * at the moment, the old one goes on. */
static void follow_root(struct files *files)
{
    struct stat status;
    const struct blob_identity *identity = &files->root->identity;
    if (stat(files->config.root, &status) < 0)
        return;
    if (status.st_dev != identity->device || status.st_ino != identity->inode)
        (void)open_root(files); /* on failure (descriptors are out), at the next look-up */
}

/* --- Creation -------------------------------------------------------------------------------- */

int files_create(struct files **ret, const struct files_config *config)
{
    struct files *files = calloc(1, sizeof(*files));
    if (!files)
        return -ENOMEM;
    files->config = *config;
    files->cache = cache_create(&config->cache);
    int error = files->cache ? 0 : -ENOMEM;
    if (!error)
        error = jobs_create(&files->jobs, JOB_THREADS_MAX, JOBS_MAX);
    if (!error)
        error = open_root(files);
    if (error) {
        files_destroy(files);
        return error;
    }
    *ret = files;
    return 0;
}

static void fill_destroy(struct fill *fill)
{
    if (fill->fetched.kind == FETCH_FILE)
        blob_drop(fill->fetched.body);
    blob_drop(fill->root);
    free(fill);
}

static void abandon(struct job *job)
{
    fill_destroy(CONTAINER_OF(job, struct fill, job));
}

void files_destroy(struct files *files)
{
    if (!files)
        return;
    jobs_destroy(files->jobs, abandon);
    cache_destroy(files->cache);
    blob_drop(files->root);
    for (size_t i = 0; i < COUNT_OF(files->refusals); i++)
        resource_drop(files->refusals[i]);
    free(files);
}

struct resource *files_refusal(struct files *files, enum http_status status)
{
    struct resource **slot = &files->refusals[http_status_index(status)];
    if (!*slot)
        *slot = resource_create_refusal(status);
    return *slot ? resource_pin(*slot) : NULL;
}

/* --- From what was fetched to a resource ------------------------------------------------------ */

/* The resource that FETCHED makes of PATH. *Takes* FETCHED's body. NULL: out of memory. */
static struct resource *make_resource(struct files *files, const struct path *path,
                                      const struct date_now *now, struct fetched *fetched)
{
    switch (fetched->kind) {
    case FETCH_FILE: {
        struct str name =
            path->directory ? files->config.index : (struct str){path->text, path->length};
        struct resource *resource = resource_create_file(
            fetched->body, &fetched->identity, mime_of(files->config.mime, name), now->seconds);
        blob_drop(fetched->body);
        fetched->body = NULL;
        return resource;
    }
    case FETCH_DIRECTORY:
        return resource_create_redirect(path);
    case FETCH_REFUSED:
        return files_refusal(files, fetched->status);
    case FETCH_UNCHANGED: /* has a resource already; see publish */
        break;
    }
    return NULL;
}

/* Gives what FETCHED at SEEN_MS (its body is *taken*) says about PATH, and keeps it in the cache if it
 * may. Pinned, *given*; NULL: out of memory, or it was unchanged but its entry is gone. */
static struct resource *publish(struct files *files, const struct path *path,
                                const struct date_now *now, uint64_t seen_ms,
                                struct fetched *fetched)
{
    struct cache_key key = cache_key_of(files->cache, path);
    struct cache_entry *entry = cache_find(files->cache, &key);
    uint64_t good_until_ms = seen_ms + files->config.valid_ms;
    if (fetched->kind == FETCH_UNCHANGED) {
        if (!fetched->cacheable || !entry ||
            !blob_identity_equal(&entry->identity, &fetched->identity))
            return NULL;
        entry->good_until_ms = good_until_ms;
        return resource_pin(entry->resource);
    }
    struct resource *resource = make_resource(files, path, now, fetched);
    if (!resource || !fetched->cacheable)
        return resource;
    entry = cache_put(files->cache, &key, resource);
    if (entry) {
        entry->good_until_ms = good_until_ms;
        entry->identity = fetched->identity;
        entry->settled = fetched->kind == FETCH_FILE && fetched->settled;
    }
    return resource;
}

/* --- Look-ups on the spot ---------------------------------------------------------------------- */

static bool is_out_of_descriptors(const struct fetched *fetched)
{
    return fetched->kind == FETCH_REFUSED && fetched->status == HTTP_UNAVAILABLE;
}

/* fetch, which when descriptors are out takes one from the cache and tries once more. That may be the
 * one of the very entry that KNOWN is from, so then everything is read. */
static int fetch_here(struct files *files, const struct path *path, enum fetch_mode mode,
                      const struct blob_identity *known, struct fetched *ret)
{
    int error = fetch(files->root->fd, path, files->config.index, mode, known, ret);
    if (!error && is_out_of_descriptors(ret) && cache_shed_file(files->cache))
        error = fetch(files->root->fd, path, files->config.index, mode, NULL, ret);
    return error;
}

/* Looks PATH up however long it takes. Pinned, *given*; NULL: out of memory. */
static struct resource *lookup_waiting(struct files *files, const struct path *path,
                                       const struct date_now *now)
{
    struct fetched fetched;
    fetch_here(files, path, FETCH_WAITING, NULL, &fetched);
    return publish(files, path, now, now->ms, &fetched);
}

/* --- Look-ups by a job ------------------------------------------------------------------------- */

static void run_fill(struct job *job)
{
    struct fill *fill = CONTAINER_OF(job, struct fill, job);
    fetch(fill->root->fd, &fill->path, fill->files->config.index, FETCH_WAITING,
          fill->known_set ? &fill->known : NULL, &fill->fetched);
}

static struct fill *find_fill(struct files *files, const struct path *path)
{
    for (struct fill *fill = files->fills; fill; fill = fill->next) {
        if (fill->root == files->root && fill->path.length == path->length &&
            fill->path.directory == path->directory &&
            memcmp(fill->path.text, path->text, path->length) == 0)
            return fill;
    }
    return NULL;
}

/* Has a job look PATH up. NULL when no more can be taken. */
static struct fill *start_fill(struct files *files, const struct path *path,
                               const struct date_now *now, const struct blob_identity *known)
{
    struct fill *fill = malloc(sizeof(*fill));
    if (!fill)
        return NULL;
    fill->job = (struct job){.run = run_fill};
    fill->waiters = NULL;
    fill->files = files;
    fill->root = blob_pin(files->root);
    fill->started_ms = now->ms;
    fill->known_set = known != NULL;
    if (known)
        fill->known = *known;
    fill->fetched = (struct fetched){.kind = FETCH_REFUSED};
    fill->path = *path;
    if (!jobs_submit(files->jobs, &fill->job)) {
        fill_destroy(fill);
        return NULL;
    }
    fill->next = files->fills;
    files->fills = fill;
    return fill;
}

static void finish_fill(struct files *files, struct fill *fill, const struct date_now *now,
                        void (*wake)(void *context, struct files_waiter *waiter), void *context)
{
    struct fill **link = &files->fills;
    while (*link != fill)
        link = &(*link)->next;
    *link = fill->next;
    struct resource *resource = NULL;
    if (fill->root != files->root)
        fill->fetched.cacheable = false; /* of a ROOT that is no more: for who has waited, only */
    bool retry = is_out_of_descriptors(&fill->fetched) && cache_shed_file(files->cache);
    if (!retry) /* else each that waits looks again, itself */
        resource = publish(files, &fill->path, now, fill->started_ms, &fill->fetched);
    while (fill->waiters) {
        struct files_waiter *waiter = fill->waiters;
        fill->waiters = waiter->next;
        waiter->fill = NULL;
        waiter->ready = resource ? resource_pin(resource) : NULL;
        wake(context, waiter);
    }
    resource_drop(resource);
    fill_destroy(fill);
}

void files_collect(struct files *files, const struct date_now *now,
                   void (*wake)(void *context, struct files_waiter *waiter), void *context)
{
    struct job *job = jobs_collect(files->jobs);
    while (job) {
        struct job *next = job->next;
        finish_fill(files, CONTAINER_OF(job, struct fill, job), now, wake, context);
        job = next;
    }
}

void files_cancel(struct files_waiter *waiter)
{
    if (waiter->fill) {
        struct files_waiter **link = &waiter->fill->waiters;
        while (*link != waiter)
            link = &(*link)->next;
        *link = waiter->next;
        waiter->fill = NULL;
    }
    resource_drop(waiter->ready);
    waiter->ready = NULL;
}

bool files_busy(const struct files *files)
{
    return jobs_busy(files->jobs);
}

int files_fd(const struct files *files)
{
    return jobs_fd(files->jobs);
}

/* --- The look-up -------------------------------------------------------------------------------- */

/* Whether ENTRY can be served without being looked at. What is sent from a descriptor would show what
 * the file is now, under the validators of what it was; so that is looked at each time. */
static bool is_as_it_was(const struct cache_entry *entry)
{
    const struct blob *body = entry->resource->file.body;
    return !body || body->fd < 0 || blob_file_unchanged(body);
}

/* What isn't in the cache, or has to be looked at again. */
static enum files_result lookup_cold(struct files *files, const struct path *path,
                                     const struct date_now *now, struct cache_entry *entry,
                                     struct files_waiter *waiter, struct resource **ret)
{
    counters_add(files->config.counters, COUNTER_CACHE_MISSES, 1);
    follow_root(files);
    /* What must be found again for the entry to be served on. A copy: the entry may go meanwhile. */
    struct blob_identity identity = entry ? entry->identity : (struct blob_identity){0};
    const struct blob_identity *known = entry && entry->settled ? &identity : NULL;
    struct fill *fill = find_fill(files, path);
    struct fetched fetched;
    if (!fill) {
        if (fetch_here(files, path, FETCH_WITHOUT_WAITING, known, &fetched) == 0) {
            *ret = publish(files, path, now, now->ms, &fetched);
            return FILES_READY;
        }
        fill = start_fill(files, path, now, known);
    }
    if (!fill) {
        *ret = lookup_waiting(files, path, now);
        return FILES_READY;
    }
    waiter->fill = fill;
    waiter->next = fill->waiters;
    fill->waiters = waiter;
    return FILES_PENDING;
}

enum files_result files_lookup(struct files *files, const struct path *path,
                               const struct date_now *now, struct files_waiter *waiter,
                               struct resource **ret)
{
    if (waiter->ready) {
        *ret = waiter->ready;
        waiter->ready = NULL;
        return FILES_READY;
    }
    struct cache_key key = cache_key_of(files->cache, path);
    struct cache_entry *entry = cache_find(files->cache, &key);
    if (entry && now->ms < entry->good_until_ms && is_as_it_was(entry)) {
        counters_add(files->config.counters, COUNTER_CACHE_HITS, 1);
        *ret = resource_pin(entry->resource);
        return FILES_READY;
    }
    return lookup_cold(files, path, now, entry, waiter, ret);
}

struct cache_usage files_usage(const struct files *files)
{
    return cache_usage(files->cache);
}
