/* directory_read: see directory_read.h. getdents64(2) by readdir(3). */
#include "site/directory_read.h"

#include "http/listing.h"
#include "system/root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* The entries read so far; each name is allocated by itself. */
struct entries {
    struct listing_entry *items;
    size_t count;
    size_t room;
    bool truncated; /* the directory has more than DIRECTORY_READ_ENTRIES_MAX */
};

/* A name in the directory, as a path below ROOT. */
struct place {
    int root_fd;
    const struct site_settings *settings;
    size_t directory_bytes; /* with the final slash; 0: ROOT itself */
    char path[PATH_BYTES_MAX + 1];
};

static void entries_fini(struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        free((void *)(uintptr_t)entries->items[i].name.at);
    free(entries->items);
}

/* Adds a copy of NAME with its kind, size and time from STATUS. Returns 0 or -ENOMEM. */
static int add(struct entries *entries, const char *name, const struct stat *status)
{
    if (entries->count == entries->room) {
        size_t room = entries->room ? 2 * entries->room : 64;
        struct listing_entry *items = realloc(entries->items, room * sizeof *items);
        if (!items)
            return -ENOMEM;
        entries->items = items;
        entries->room = room;
    }
    char *copy = strdup(name);
    if (!copy)
        return -ENOMEM;
    entries->items[entries->count++] = (struct listing_entry){
        .name = str_of(copy),
        .kind = S_ISDIR(status->st_mode) ? LISTING_DIRECTORY : LISTING_FILE,
        .bytes = (uint64_t)status->st_size,
        .modified_seconds = status->st_mtim.tv_sec,
    };
    return 0;
}

/* Adds NAME if a client could request it. A name that cannot be examined is omitted. Returns 0 or a
 * negative errno. */
static int consider(struct entries *entries, struct place *place, const char *name)
{
    struct stat status;
    size_t length = strlen(name);
    if (name[0] == '.' || place->directory_bytes + length > PATH_BYTES_MAX)
        return 0;
    if (place->directory_bytes == 0 && site_settings_is_private(place->settings, str_of(name)))
        return 0;
    memcpy(place->path + place->directory_bytes, name, length + 1);
    int error = root_stat_below(place->root_fd, place->path, 0, IO_BY_JOB, &status);
    if (error == -EMFILE || error == -ENFILE || error == -ENOMEM)
        return error;
    if (error || !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)))
        return 0;
    return add(entries, name, &status);
}

/* Reads all of STREAM. Returns 0 or a negative errno. */
static int read_entries(DIR *stream, struct place *place, struct entries *entries)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry)
            return -errno;
        if (entries->count == DIRECTORY_READ_ENTRIES_MAX) {
            entries->truncated = true;
            return 0;
        }
        int error = consider(entries, place, entry->d_name);
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
        listing_sort(entries.items, entries.count);
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
