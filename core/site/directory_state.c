/* directory_state: see directory_state.h. */
#include "site/directory_state.h"

#include "base/hash.h"

/* The name of the directory that holds the file, or the index, of PATH: "" for the root. */
static struct str folder_of(const struct path *path)
{
    struct str name = path_view(path);
    if (path->directory)
        return name;
    size_t slash = str_find_last(name, '/');
    return slash < name.length ? str_first(name, slash) : STR("");
}

/* The state of a directory of STATUS at SECONDS; 0 if it has just changed: the next change might
 * leave its times as they are. */
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

/* Asks the kernel, for ITEM, which has the name. */
static void refresh(struct directory_state *item, const struct directory_query *query)
{
    struct stat status;
    const char *name = item->name_bytes > 0 ? item->name : ".";
    int error = root_stat_below(query->root->fd, name, 0, IO_WITHOUT_WAITING, &status);
    item->state = error ? 0 : state_of(&status, query->now->seconds);
    item->seen_ms = query->now->ms;
}

uint64_t directory_states_get(struct directory_states *states, const struct directory_query *query,
                              uint64_t *ret_seen_ms)
{
    struct str name = folder_of(query->path);
    if (name.length > DIRECTORY_STATE_NAME_BYTES_MAX)
        return 0;
    uint64_t hash = hash_bytes((uintptr_t)query->root, name);
    struct directory_state *item = &states->items[hash % DIRECTORY_STATES_COUNT];
    bool same =
        item->root == query->root && str_equal((struct str){item->name, item->name_bytes}, name);
    if (!same || item->seen_ms == 0 || query->now->ms - item->seen_ms >= query->age_ms_max) {
        *str_put(item->name, name) = '\0';
        item->name_bytes = name.length;
        item->root = query->root;
        refresh(item, query);
    }
    *ret_seen_ms = item->seen_ms;
    return item->state;
}

void directory_states_forget(struct directory_states *states, const struct root *root)
{
    for (size_t i = 0; i < DIRECTORY_STATES_COUNT; i++) {
        if (states->items[i].root == root)
            states->items[i] = (struct directory_state){.state = 0};
    }
}
