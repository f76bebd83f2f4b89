/* hashed_directories: see hashed_directories.h. */
#include "site/hashed_directories.h"

#include "base/arena.h"
#include "base/hash.h"
#include "http/hashed_names.h"
#include "site/directory_read.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* A directory that was judged. Its identity is that of its inode and times. */
struct item {
    struct blob_identity identity;
    bool settled;     /* each later change shows in IDENTITY */
    uint64_t read_ms; /* when it was read */
    uint64_t used;    /* the number of the latest use; 0: nothing is kept here */
    size_t count;
    uint64_t *names; /* hashes of the names that have a hash in them, sorted */
};

struct hashed_directories {
    pthread_mutex_t lock;
    uint64_t secret;
    uint64_t uses;
    size_t name_count; /* of all items */
    struct item items[HASHED_DIRECTORIES_MAX];
};

static_assert((unsigned)HASHED_NAMES_MAX < HASHED_DIRECTORIES_NAMES_MAX,
              "there is room for the names of one directory");

struct hashed_directories *hashed_directories_create(void)
{
    struct hashed_directories *directories = calloc(1, sizeof *directories);
    if (!directories)
        return NULL;
    pthread_mutex_init(&directories->lock, NULL);
    directories->secret = hash_secret(directories);
    return directories;
}

void hashed_directories_destroy(struct hashed_directories *directories)
{
    if (!directories)
        return;
    for (size_t i = 0; i < HASHED_DIRECTORIES_MAX; i++)
        free(directories->items[i].names);
    pthread_mutex_destroy(&directories->lock);
    free(directories);
}

/* --- Reading ---------------------------------------------------------------------------------- */

/* The names of a directory's files. */
struct names {
    struct arena text;
    struct str *items;
    size_t count;
    size_t room;
};

static void names_fini(struct names *names)
{
    arena_fini(&names->text);
    free(names->items);
}

/* Adds a copy of NAME. 0 or a negative errno: -E2BIG if there are too many. */
static int add_name(struct names *names, const char *name)
{
    if (names->count == HASHED_NAMES_MAX)
        return -E2BIG;
    if (names->count == names->room) {
        size_t room = names->room ? 2 * names->room : 64;
        struct str *items = realloc(names->items, room * sizeof *items);
        if (!items)
            return -ENOMEM;
        names->items = items;
        names->room = room;
    }
    names->items[names->count] = arena_copy(&names->text, str_of(name));
    return names->items[names->count++].at ? 0 : -ENOMEM;
}

/* Reads the names in the directory PATH. 0 or a negative errno; NAMES has to be freed in any
 * case. */
static int read_names(int root_fd, const struct path *path, struct names *names)
{
    DIR *stream;
    int error = directory_open(root_fd, path, &stream);
    if (error)
        return error;
    while (!error) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry)
            break;
        if (entry->d_name[0] != '.' && entry->d_type != DT_DIR)
            error = add_name(names, entry->d_name);
    }
    closedir(stream);
    return error ? error : -errno;
}

/* Adds the forms that the directory PATH has to FORMS. */
static void add_forms(int root_fd, const struct path *path, struct hash_forms *forms)
{
    struct names names = {.count = 0};
    struct hash_forms own = {.count = 0};
    int error = read_names(root_fd, path, &names);
    bool *hashed = error ? NULL : calloc(names.count + 1, sizeof *hashed);
    struct hashed_names directory = {names.items, names.count, NULL, hashed};
    if (hashed && hashed_names_judge(&directory, &own) == 0) {
        for (unsigned i = 0; i < own.count && forms->count < HASH_FORMS_MAX; i++)
            forms->items[forms->count++] = own.items[i];
    }
    free(hashed);
    names_fini(&names);
}

static int compare_u64(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Judges NAMES. Sets ITEM's names. 0 or -ENOMEM. */
static int judge_names(const struct names *names, const struct hash_forms *beside, uint64_t secret,
                       struct item *item)
{
    struct hash_forms own;
    bool *hashed = calloc(names->count + 1, sizeof *hashed);
    uint64_t *hashes = malloc((names->count + 1) * sizeof *hashes);
    struct hashed_names directory = {names->items, names->count, beside, hashed};
    int error = hashed && hashes ? hashed_names_judge(&directory, &own) : -ENOMEM;
    for (size_t i = 0; !error && i < names->count; i++) {
        if (hashed[i])
            hashes[item->count++] = hash_bytes(secret, names->items[i]);
    }
    free(hashed);
    if (error || item->count == 0) {
        free(hashes);
        return error;
    }
    qsort(hashes, item->count, sizeof *hashes, compare_u64);
    item->names = hashes;
    return 0;
}

/* Reads and judges the directory PATH into ITEM, whose names are *given*: none, if the directory
 * has too many, or can't be read. */
static void judge(int root_fd, const struct path *path, uint64_t secret, struct item *item)
{
    struct names names = {.count = 0};
    struct hash_forms beside = {.count = 0};
    struct path other;
    unsigned index = 0;
    int error = read_names(root_fd, path, &names);
    while (!error && hashed_names_next_beside(path_view(path), &index, &other))
        add_forms(root_fd, &other, &beside);
    if (!error)
        judge_names(&names, &beside, secret, item);
    names_fini(&names);
}

/* --- The table -------------------------------------------------------------------------------- */

static void forget(struct hashed_directories *directories, struct item *item)
{
    directories->name_count -= item->count;
    free(item->names);
    *item = (struct item){.used = 0};
}

/* The item in use that was used least recently; NULL: none is in use. */
static struct item *least_used(struct hashed_directories *directories)
{
    struct item *least = NULL;
    for (size_t i = 0; i < HASHED_DIRECTORIES_MAX; i++) {
        struct item *item = &directories->items[i];
        if (item->used > 0 && (!least || item->used < least->used))
            least = item;
    }
    return least;
}

static struct item *find_free(struct hashed_directories *directories)
{
    for (size_t i = 0; i < HASHED_DIRECTORIES_MAX; i++) {
        if (directories->items[i].used == 0)
            return &directories->items[i];
    }
    return NULL;
}

/* Makes room for COUNT names, fewer than NAMES_MAX. Returns an item that is free. */
static struct item *make_room(struct hashed_directories *directories, size_t count)
{
    struct item *item = find_free(directories);
    while (!item || directories->name_count + count > HASHED_DIRECTORIES_NAMES_MAX) {
        forget(directories, least_used(directories));
        item = find_free(directories);
    }
    return item;
}

/* The item of the inode of IDENTITY, or NULL. */
static struct item *find(struct hashed_directories *directories,
                         const struct blob_identity *identity)
{
    for (size_t i = 0; i < HASHED_DIRECTORIES_MAX; i++) {
        struct item *item = &directories->items[i];
        if (item->used > 0 && item->identity.inode == identity->inode &&
            item->identity.device == identity->device)
            return item;
    }
    return NULL;
}

static bool is_valid(const struct item *item, const struct blob_identity *identity, uint64_t now_ms)
{
    uint64_t age_ms = now_ms > item->read_ms ? now_ms - item->read_ms : 0;
    return blob_identity_equal(&item->identity, identity) &&
           age_ms < (item->settled ? HASHED_DIRECTORIES_AGE_MS : HASHED_DIRECTORIES_UNSETTLED_MS);
}

static bool has_name(const struct item *item, uint64_t name)
{
    return item->count > 0 &&
           bsearch(&name, item->names, item->count, sizeof *item->names, compare_u64);
}

/* Sets *RET if the directory of IDENTITY is known. */
static bool look_up(struct hashed_directories *directories, const struct blob_identity *identity,
                    uint64_t now_ms, uint64_t name, bool *ret)
{
    pthread_mutex_lock(&directories->lock);
    struct item *item = find(directories, identity);
    bool valid = item && is_valid(item, identity, now_ms);
    if (valid) {
        item->used = ++directories->uses;
        *ret = has_name(item, name);
    }
    pthread_mutex_unlock(&directories->lock);
    return valid;
}

/* *Takes* ITEM's names. */
static void keep(struct hashed_directories *directories, struct item *item)
{
    pthread_mutex_lock(&directories->lock);
    struct item *former = find(directories, &item->identity);
    if (former)
        forget(directories, former);
    struct item *place = make_room(directories, item->count);
    item->used = ++directories->uses;
    directories->name_count += item->count;
    *place = *item;
    pthread_mutex_unlock(&directories->lock);
}

/* --- Asking ----------------------------------------------------------------------------------- */

/* Sets RET to the directory of the file PATH, and *RET_NAME to the file's name. */
static void divide(const struct path *path, struct path *ret, struct str *ret_name)
{
    struct str text = path_view(path);
    size_t slash = str_find_last(text, '/');
    bool below = slash < text.length;
    *ret_name = below ? str_from(text, slash + 1) : text;
    ret->length = below ? slash : 0;
    ret->directory = true;
    ret->closed = false;
    *str_put(ret->text, str_first(text, ret->length)) = '\0';
}

int hashed_directories_ask(struct hashed_directories *directories, const struct hashed_query *query,
                           uint64_t now_ms, bool *ret)
{
    struct path directory;
    struct str name;
    struct stat status;
    struct timespec now;
    *ret = hashed_names_is_output(path_view(query->path));
    divide(query->path, &directory, &name);
    if (*ret || !hashed_names_may_have(name))
        return 0;
    const char *text = directory.length > 0 ? directory.text : ".";
    int error = root_stat_below(query->root_fd, text, 0, query->mode, &status);
    if (error)
        return error == -EAGAIN ? error : 0;
    struct item item = {.read_ms = now_ms};
    blob_identify(&status, &item.identity);
    uint64_t hash = hash_bytes(directories->secret, name);
    if (look_up(directories, &item.identity, now_ms, hash, ret))
        return 0;
    if (query->mode < IO_BY_JOB)
        return query->mode == IO_WITHOUT_WAITING ? -EAGAIN : 0;
    clock_gettime(CLOCK_REALTIME, &now);
    item.settled = item.identity.changed.tv_sec + ROOT_SETTLED_SECONDS < now.tv_sec;
    judge(query->root_fd, &directory, directories->secret, &item);
    *ret = has_name(&item, hash);
    keep(directories, &item);
    return 0;
}
