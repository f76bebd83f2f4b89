/* stores: stores of several threads agree on the newest state of each file while files change.
 *
 * Each thread has a store, as a worker has. A file holds a number that only grows. A read
 * gives at least the greatest number that any thread had read before it began. */
#include "site/store.h"

#include "base/clock.h"
#include "plain.h"
#include "support/paths.h"
#include "support/prng.h"
#include "support/tree.h"

#include <poll.h>
#include <pthread.h>

enum { THREADS = 3, NAMES = 5, CHANGES = 400, VALID_MS = 20, PATIENCE_MS = 10000 };

static struct tree tree;
static struct site_settings site;
static struct store_shared *shared;
static struct site_share *share;  /* of SITE */
static atomic_uint newest[NAMES]; /* numbers that have been read */
static atomic_bool done;

struct reader {
    pthread_t thread;
    struct store *store;
    struct counters counters;
    unsigned reads;
    unsigned older; /* reads of a number that was not the newest */
    unsigned failed;
};

static void write_number(unsigned name, unsigned number)
{
    char text[16], path[16];
    snprintf(text, sizeof text, "%u", number);
    snprintf(path, sizeof path, "n%u", name);
    tree_write(&tree, "new", str_of(text));
    tree_rename(&tree, "new", path);
}

static void ignore(void *context, struct lookup_waiter *waiter)
{
    (void)context, (void)waiter;
}

/* The number that the store of READER has for NAME; 0: the look-up failed. */
static unsigned read_number(struct reader *reader, unsigned name)
{
    struct date_now now;
    struct found found;
    struct lookup_waiter waiter = {0};
    struct path path = path_named((const char[]){'n', (char)('0' + name), '\0'});
    struct store_query query = {store_site(reader->store, 0), &path, STORE_PAGE_ERROR, &now,
                                STR_ABSENT};
    clock_read(&now);
    while (store_lookup(reader->store, &query, &waiter, &found) == STORE_PENDING) {
        while (waiter.lookup) {
            struct pollfd event = {.fd = store_fd(reader->store), .events = POLLIN};
            if (poll(&event, 1, PATIENCE_MS) != 1)
                return 0;
            clock_read(&now);
            store_collect(reader->store, &now, ignore, NULL);
        }
    }
    unsigned number = 0;
    const struct blob *body =
        found.resource->kind == RESOURCE_FILE ? found.resource->variants[0].body : NULL;
    for (size_t i = 0; body && i < body->length; i++)
        number = number * 10 + (unsigned)(body->bytes[i] - '0');
    found_drop(&found);
    return number;
}

static void *run(void *argument)
{
    struct reader *reader = argument;
    struct prng prng = {(uintptr_t)reader};
    while (!atomic_load(&done)) {
        unsigned name = (unsigned)prng_below(&prng, NAMES);
        unsigned least = atomic_load(&newest[name]);
        unsigned number = read_number(reader, name);
        reader->reads++;
        reader->failed += number == 0;
        reader->older += number < least;
        while (number > least && !atomic_compare_exchange_weak(&newest[name], &least, number)) {
        }
    }
    return NULL;
}

static void start(struct reader *reader)
{
    const struct site_settings *const sites[] = {&site};
    struct store_config config = {
        .sites = {.settings = sites, .count = COUNT_OF(sites), .shares = &share},
        .shared = shared,
        .cache = {.bytes_max = 100000, .entries_max = 100, .files_max = 4},
        .counters = &reader->counters,
    };
    EXPECT(store_create(&reader->store, &config) == 0);
    EXPECT(pthread_create(&reader->thread, NULL, run, reader) == 0);
}

void stores_agree_while_files_change(void)
{
    static struct reader readers[THREADS];
    struct prng prng = {1};
    tree_init(&tree);
    site = (struct site_settings){
        .root = tree.path,
        .cache_valid_ms = VALID_MS,
        .mime = mime_create(),
    };
    for (unsigned i = 0; i < NAMES; i++)
        write_number(i, 1);
    shared = store_shared_create(
        &(struct store_shared_config){.store_count = THREADS, .paths_max = 100});
    share = site_share_create();
    for (unsigned i = 0; i < THREADS; i++)
        start(&readers[i]);
    for (unsigned i = 2; i < CHANGES; i++) {
        write_number((unsigned)prng_below(&prng, NAMES), i);
        poll(NULL, 0, (int)prng_below(&prng, 5)); /* some changes are seen, some are not */
    }
    atomic_store(&done, true);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(readers[i].thread, NULL);
        store_destroy(readers[i].store);
        EXPECT(readers[i].reads > 0);
        EXPECT(readers[i].failed == 0);
        EXPECT(readers[i].older == 0);
    }
    site_share_unref(share);
    store_shared_destroy(shared);
    mime_destroy(site.mime);
    tree_fini(&tree);
}
