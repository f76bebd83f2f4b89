/* directory_read: see directory_read.h. getdents64(2) by readdir(3). */
#include "site/directory_read.h"

#include "http/listing.h"
#include "system/root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Entries are collected until there are this many; then the first ones in order are kept. */
enum { COLLECTED_MAX = 2 * DIRECTORY_READ_ENTRIES_MAX };

/* The entries read so far; each name is allocated by itself. */
struct entries {
    struct listing_entry *items;
    size_t count;
    size_t room;
    bool truncated; /* the first DIRECTORY_READ_ENTRIES_MAX are in order; others were dropped */
};

/* A name in the directory, as a path below ROOT. */
struct place {
    int root_fd;
    const struct site_settings *settings;
    size_t directory_bytes; /* with the final slash; 0: ROOT itself */
    char path[PATH_BYTES_MAX + 1];
};

/* Drops the entries from number FIRST on. */
static void drop_from(struct entries *entries, size_t first)
{
    while (entries->count > first)
        free((void *)(uintptr_t)entries->items[--entries->count].name.at);
}

static void entries_fini(struct entries *entries)
{
    drop_from(entries, 0);
    free(entries->items);
}

/* Sorts the entries, and drops those that are too many. */
static void put_in_order(struct entries *entries)
{
    listing_sort(entries->items, entries->count);
    if (entries->count <= DIRECTORY_READ_ENTRIES_MAX)
        return;
    drop_from(entries, DIRECTORY_READ_ENTRIES_MAX);
    entries->truncated = true;
}

/* Whether ENTRY would be dropped: it comes after enough others. */
static bool is_too_late(const struct entries *entries, const struct listing_entry *entry)
{
    return entries->truncated &&
           listing_compare(entry, &entries->items[DIRECTORY_READ_ENTRIES_MAX - 1]) > 0;
}

/* Adds ENTRY, whose name is copied. Returns 0 or -ENOMEM. */
static int add(struct entries *entries, const struct listing_entry *entry)
{
    if (entries->count == COLLECTED_MAX)
        put_in_order(entries);
    if (entries->count == entries->room) {
        size_t room = entries->room ? 2 * entries->room : 64;
        struct listing_entry *items = realloc(entries->items, room * sizeof *items);
        if (!items)
            return -ENOMEM;
        entries->items = items;
        entries->room = room;
    }
    char *copy = strdup(entry->name.at);
    if (!copy)
        return -ENOMEM;
    entries->items[entries->count] = *entry;
    entries->items[entries->count++].name.at = copy;
    return 0;
}

/* Whether FOUND, of a directory, need not be examined, because its type, which some file systems
 * give along with the name, shows that it would be dropped. */
static bool is_needless(const struct entries *entries, const struct dirent *found)
{
    const struct listing_entry entry = {
        .name = str_of(found->d_name),
        .kind = found->d_type == DT_DIR ? LISTING_DIRECTORY : LISTING_FILE,
    };
    return (found->d_type == DT_DIR || found->d_type == DT_REG) && is_too_late(entries, &entry);
}

/* Adds FOUND if a client could request it. A name that cannot be examined is omitted. Returns 0 or
 * a negative errno. */
static int consider(struct entries *entries, struct place *place, const struct dirent *found)
{
    struct stat status;
    struct str name = str_of(found->d_name);
    if (name.at[0] == '.' || place->directory_bytes + name.length > PATH_BYTES_MAX ||
        is_needless(entries, found))
        return 0;
    if (place->directory_bytes == 0 && site_settings_is_private(place->settings, name))
        return 0;
    *str_put(place->path + place->directory_bytes, name) = '\0';
    int error = root_stat_below(place->root_fd, place->path, 0, IO_BY_JOB, &status);
    if (error == -EMFILE || error == -ENFILE || error == -ENOMEM)
        return error;
    if (error || !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)))
        return 0;
    const struct listing_entry entry = {
        .name = name,
        .kind = S_ISDIR(status.st_mode) ? LISTING_DIRECTORY : LISTING_FILE,
        .bytes = (uint64_t)status.st_size,
        .modified_seconds = status.st_mtim.tv_sec,
    };
    return is_too_late(entries, &entry) ? 0 : add(entries, &entry);
}

/* Reads all of STREAM. Returns 0 or a negative errno. */
static int read_entries(DIR *stream, struct place *place, struct entries *entries)
{
    for (;;) {
        errno = 0;
        const struct dirent *found = readdir(stream);
        if (!found)
            return -errno;
        int error = consider(entries, place, found);
        if (error)
            return error;
    }
}

int directory_open(int root_fd, const struct path *path, DIR **ret)
{
    const char *name = path->length > 0 ? path->text : ".";
    int fd = root_open_below(root_fd, name, O_RDONLY | O_DIRECTORY, IO_BY_JOB);
    if (fd < 0)
        return fd;
    *ret = fdopendir(fd);
    if (*ret)
        return 0;
    int error = -errno;
    close(fd);
    return error;
}

int directory_read(int root_fd, const struct path *path, const struct site_settings *settings,
                   struct blob **ret_html, struct blob **ret_json)
{
    struct entries entries = {0};
    struct place place = {.root_fd = root_fd, .settings = settings};
    struct str name = path_view(path);
    DIR *stream;
    int error = directory_open(root_fd, path, &stream);
    if (error)
        return error;
    if (name.length > 0 && name.length < PATH_BYTES_MAX) {
        char *end = str_put(str_put(place.path, name), STR("/"));
        place.directory_bytes = (size_t)(end - place.path);
    }
    error = read_entries(stream, &place, &entries);
    closedir(stream);
    if (!error) {
        put_in_order(&entries);
        struct listing listing = {name, entries.items, entries.count, entries.truncated};
        *ret_html = listing_to_html(&listing);
        *ret_json = listing_to_json(&listing);
        if (!*ret_html || !*ret_json) {
            blob_drop(*ret_html);
            blob_drop(*ret_json);
            error = -ENOMEM;
        }
    }
    entries_fini(&entries);
    return error;
}
