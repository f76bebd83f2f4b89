/* files: memory that a job's thread writes is read by the worker's thread, without a race. */
#include "site/store.h"

#include "plain.h"
#include "support/paths.h"
#include "support/tree.h"

#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/uio.h>

enum { NAMES = 40, FILE_BYTES = 1000, ROUNDS = 30, PATIENCE_MS = 10000 };

/* Makes every page count as not cached: this preadv2 replaces the C library's. So the content of a
 * file has to be read by a job. (The kernel takes the offset in two halves.) */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
ssize_t preadv2(int fd, const struct iovec *pieces, int count, off_t first, int flags)
{
    if (flags & RWF_NOWAIT) {
        errno = EAGAIN;
        return -1;
    }
    return syscall(SYS_preadv2, fd, pieces, count, first, (long)0, flags);
}

static struct tree tree;
static struct mime *mime;
static struct counters counters;
static struct site_settings site;
static struct store *files;
static struct date_now now;
static unsigned woken;

static void open_files(void)
{
    site = (struct site_settings){
        .root = tree.path,
        .cache_control = STR(""),
        .cache_valid_ms = 1,
        .mime = mime,
    };
    const struct site_settings *const sites[] = {&site};
    struct store_config config = {
        .sites = {.settings = sites, .count = COUNT_OF(sites)},
        .cache = {.bytes_max = 20000, .entries_max = NAMES / 2, .files_max = 4},
        .counters = &counters,
    };
    EXPECT(store_create(&files, &config) == 0);
}

static void set_up(void)
{
    tree_init(&tree);
    mime = mime_create();
    date_now_set(&now, 1000, 784111777);
    for (unsigned i = 0; i < NAMES; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%u", i);
        tree_fill(&tree, name, FILE_BYTES, i);
    }
    open_files();
}

static void tear_down(void)
{
    store_destroy(files);
    mime_destroy(mime);
    tree_fini(&tree);
}

static enum store_result ask(unsigned number, struct lookup_waiter *waiter, struct resource **ret)
{
    char name[16];
    snprintf(name, sizeof name, "n%u", number);
    struct path path = path_named(name);
    struct found found;
    struct store_query query = {store_site(files, 0), &path, STORE_PAGE_ERROR, &now, STR_ABSENT};
    enum store_result result = store_lookup(files, &query, waiter, &found);
    if (result == STORE_READY)
        *ret = found.resource;
    return result;
}

static void wake(void *context, struct lookup_waiter *waiter)
{
    (void)context;
    (void)waiter;
    woken++;
}

static bool check(struct resource *resource, unsigned number)
{
    const struct blob *body = resource->variants[0].body;
    bool good = body && tree_filled((struct str){body->bytes, body->length}, FILE_BYTES, number);
    resource_drop(resource);
    return good;
}

/* Takes the response for NUMBER, waiting as long as necessary. */
static bool finish(unsigned number, struct lookup_waiter *waiter)
{
    struct resource *resource = NULL;
    for (;;) {
        while (waiter->lookup) {
            struct pollfd event = {.fd = store_fd(files), .events = POLLIN};
            if (poll(&event, 1, PATIENCE_MS) != 1)
                return false;
            store_collect(files, &now, wake, NULL);
        }
        if (ask(number, waiter, &resource) == STORE_READY)
            return resource && check(resource, number);
    }
}

void files_filled_by_jobs(void)
{
    set_up();
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct lookup_waiter waiters[NAMES] = {{0}};
        unsigned good = 0;
        date_now_set(&now, now.ms + 10, now.seconds);
        for (unsigned i = 0; i < NAMES; i++) {
            struct resource *resource = NULL;
            if (ask(i, &waiters[i], &resource) == STORE_READY)
                resource_drop(resource);
        }
        for (unsigned i = 0; i < NAMES; i++)
            good += finish(i, &waiters[i]);
        EXPECT(good == NAMES);
    }
    EXPECT(woken > 0);
    tear_down();
}

void files_destroyed_under_way(void)
{
    set_up();
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct lookup_waiter waiters[NAMES] = {{0}};
        for (unsigned i = 0; i < NAMES; i++) {
            struct resource *resource = NULL;
            if (ask(i, &waiters[i], &resource) == STORE_READY)
                resource_drop(resource);
        }
        for (unsigned i = 0; i < NAMES; i++)
            store_cancel(&waiters[i]);
        store_destroy(files);
        open_files();
    }
    tear_down();
}
