/* directory_state: see directory_state.h. */
#include "site/directory_state.h"

#include "base/hash.h"

/* The name of the directory that PATH's file, or index, is in: "" for the root. */
static struct str folder_of(const struct path *path)
{
    struct str name = path_view(path);
    if (path->directory)
        return name;
    size_t slash = str_find_last(name, '/');
    return slash < name.length ? str_first(name, slash) : STR("");
}

/* What STATUS, of a directory, comes to; never 0. Seen at SECONDS; 0 if it has just changed, since the next
 * change might have the same time. */
static uint64_t state_of(const struct stat *status, int64_t seconds)
{
    struct blob_identity identity;
    blob_identify(status, &identity);
    if (!S_ISDIR(status->st_mode) || identity.changed.tv_sec + ROOT_SETTLED_SECONDS >= seconds)
        return 0;
    const uint64_t words[] = {
        identity.device,
        identity.inode,
        (uint64_t)identity.modified.tv_sec,
        (uint64_t)identity.modified.tv_nsec,
        (uint64_t)identity.changed.tv_sec,
        (uint64_t)identity.changed.tv_nsec,
    };
    return hash_bytes(0, (struct str){(const char *)words, sizeof words}) | 1;
}

uint64_t directory_states_get(struct directory_states *folders, int root_fd,
                              const struct path *path, const struct date_now *now, uint64_t ms,
                              uint64_t *ret_seen_ms)
{
    struct str name = folder_of(path);
    if (name.length > DIRECTORY_STATE_NAME_BYTES_MAX)
        return 0;
    struct directory_state *folder = &folders->items[hash_bytes(0, name) % DIRECTORY_STATES_COUNT];
    bool same = str_equal((struct str){folder->name, folder->name_bytes}, name);
    if (!same || folder->seen_ms == 0 || now->ms - folder->seen_ms >= ms) {
        struct stat status;
        *str_put(folder->name, name) = '\0';
        folder->name_bytes = name.length;
        int error = root_stat_below(root_fd, name.length > 0 ? folder->name : ".", 0,
                                    IO_WITHOUT_WAITING, &status);
        folder->state = error ? 0 : state_of(&status, now->seconds);
        folder->seen_ms = now->ms;
    }
    *ret_seen_ms = folder->seen_ms;
    return folder->state;
}

void directory_states_forget(struct directory_states *folders)
{
    for (size_t i = 0; i < DIRECTORY_STATES_COUNT; i++)
        folders->items[i] = (struct directory_state){.state = 0};
}
