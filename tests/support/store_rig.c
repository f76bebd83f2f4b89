/* store_rig: see store_rig.h. */
#include "support/store_rig.h"

#include <pthread.h>
#include <stdatomic.h>

struct tree tree;
char root[TREE_PATH_BYTES + 8];
struct mime *mime;
struct counters counters;
struct site_settings settings;
struct store *files;
struct date_now now;
unsigned woken;
unsigned codings;

void make_files(uint64_t bytes_max, uint32_t files_max)
{
    settings = (struct site_settings){
        .root = root,
        .cache_control = STR(""),
        .cache_valid_ms = VALID_MS,
        .codings = codings,
        .mime = mime,
    };
    const struct site_settings *const sites[] = {&settings};
    struct store_config config = {
        .sites = {.settings = sites, .count = COUNT_OF(sites)},
        .cache = {.bytes_max = bytes_max, .entries_max = 100, .files_max = files_max},
        .counters = &counters,
    };
    store_destroy(files);
    files = NULL;
    cr_assert_eq(store_create(&files, &config), 0);
}

void store_rig_init(void)
{
    tree_init(&tree);
    tree_dir(&tree, "site");
    snprintf(root, sizeof root, "%s/site", tree.path);
    mime = mime_create();
    date_now_set(&now, 50000, 784111777);
    make_files(1 << 20, 10);
}

void store_rig_fini(void)
{
    faults_clear();
    store_destroy(files);
    mime_destroy(mime);
    tree_fini(&tree);
}

char site_roots[RIG_SITES][TREE_PATH_BYTES + 16];

void make_site_roots(void)
{
    for (unsigned i = 0; i < RIG_SITES; i++) {
        char name[16];
        snprintf(name, sizeof name, "h%u", i);
        snprintf(site_roots[i], sizeof site_roots[i], "%s/%s", tree.path, name);
        tree_dir(&tree, name);
        snprintf(name, sizeof name, "h%u/file", i);
        tree_fill(&tree, name, RIG_FILE_BYTES, i);
    }
}

struct site_settings site_at(unsigned number)
{
    return (struct site_settings){
        .root = site_roots[number],
        .error_page = STR("404.html"),
        .rules_name = STR("_headers"),
        .cache_control = STR(""),
        .cache_valid_ms = VALID_MS,
        .mime = mime,
    };
}

void make_files_of(const struct store_sites_config *sites, struct store_shared *shared)
{
    const struct store_config config = {
        .sites = *sites,
        .shared = shared,
        .cache = {.bytes_max = 1 << 20, .entries_max = 100, .files_max = 10},
        .counters = &counters,
    };
    store_destroy(files);
    files = NULL;
    cr_assert_eq(store_create(&files, &config), 0);
}

void pass_ms(uint64_t ms)
{
    date_now_set(&now, now.ms + ms, now.seconds + (int64_t)(ms / 1000));
}

static pthread_t never_held;
static atomic_bool gate_open;

/* Blocks until the gate is open, and has the next look-up do so. */
static void hold(void *argument)
{
    if (atomic_load(&gate_open))
        return;
    faults_act(FAULT_OPENAT2, 0, hold, argument);
    while (!pthread_equal(pthread_self(), never_held) && !atomic_load(&gate_open))
        poll(NULL, 0, 1);
}

void hold_jobs(void)
{
    never_held = pthread_self();
    atomic_store(&gate_open, false);
    faults_act(FAULT_OPENAT2, 0, hold, NULL);
}

void release_jobs(void)
{
    atomic_store(&gate_open, true);
}

unsigned opens(void)
{
    return faults_calls(FAULT_OPENAT2) + faults_calls(FAULT_OPENAT2_CACHED);
}

enum store_result ask(const char *name, struct lookup_waiter *waiter, struct resource **ret)
{
    struct path path = path_named(name);
    struct found found;
    struct store_query query = {store_site(files, 0), &path, STORE_PAGE_ERROR, &now, STR_ABSENT};
    enum store_result result = store_lookup(files, &query, waiter, &found);
    if (result == STORE_READY && found.resource && found.resource->variant_count > 0 &&
        !store_confirm(&found, found.resource->variants[0].body, &now)) {
        resource_drop(found.resource);
        result = store_lookup(files, &query, waiter, &found);
        cr_assert(result == STORE_PENDING || !found.cached);
    }
    if (result == STORE_READY)
        *ret = found.resource;
    return result;
}

static void count_woken(void *context, struct lookup_waiter *waiter)
{
    (void)context;
    cr_assert_null(waiter->lookup);
    woken++;
}

void await(const struct lookup_waiter *waiter)
{
    while (waiter->lookup) {
        struct pollfd event = {.fd = store_fd(files), .events = POLLIN};
        cr_assert_eq(poll(&event, 1, PATIENCE_MS), 1, "the job doesn't come back");
        store_collect(files, &now, count_woken, NULL);
    }
}

struct resource *get(const char *name)
{
    struct lookup_waiter waiter = {0};
    struct resource *resource = NULL;
    while (ask(name, &waiter, &resource) == STORE_PENDING)
        await(&waiter);
    return resource;
}

void expect_content(struct resource *resource, size_t length, uint64_t seed)
{
    cr_assert_not_null(resource);
    cr_assert_eq(resource->kind, RESOURCE_FILE);
    struct blob *body = resource->variants[0].body;
    cr_assert_eq(body->length, length);
    char *content = malloc(length + 1);
    if (body->fd >= 0)
        cr_assert_eq(pread(body->fd, content, length, 0), (ssize_t)length);
    else
        memcpy(content, body->bytes, length);
    cr_expect(tree_filled((struct str){content, length}, length, seed));
    free(content);
}

void expect_file(const char *name, size_t length, uint64_t seed)
{
    struct resource *resource = get(name);
    expect_content(resource, length, seed);
    resource_drop(resource);
}

void expect_refusal(const char *name, enum http_status status)
{
    struct resource *resource = get(name);
    cr_assert_not_null(resource);
    cr_expect_eq(resource->kind, RESOURCE_REFUSAL);
    cr_expect_eq(resource->status, status, "%s: %d", name, resource->status);
    resource_drop(resource);
}
