/* arena: see arena.h.
 *
 * A chunk is a header and then memory that is given away from its start. What doesn't fit into the
 * rest of the newest chunk begins another; the rest is lost, which is little for strings
 * of settings. */
#include "base/arena.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>

enum { CHUNK_BYTES = 4096 };

struct arena_chunk {
    struct arena_chunk *next;
    max_align_t bytes[];
};

void arena_fini(struct arena *arena)
{
    while (arena->chunks) {
        struct arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        free(chunk);
    }
    *arena = (struct arena){.left = 0};
}

static bool add_chunk(struct arena *arena, size_t bytes)
{
    size_t room = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
    struct arena_chunk *chunk = calloc(1, sizeof *chunk + room);
    if (!chunk)
        return false;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    arena->at = (char *)chunk->bytes;
    arena->left = room;
    return true;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    enum { ALIGNMENT = alignof(max_align_t) };
    if (bytes > SIZE_MAX / 2)
        return NULL;
    size_t taken = (bytes + !bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (taken > arena->left && !add_chunk(arena, taken))
        return NULL;
    void *at = arena->at;
    arena->at += taken;
    arena->left -= taken;
    return at;
}

struct str arena_copy(struct arena *arena, struct str text)
{
    char *at = arena_alloc(arena, text.length + 1);
    if (!at)
        return STR_ABSENT;
    str_put(at, text); /* the NUL is there: the memory was zeroed */
    return (struct str){at, text.length};
}

int arena_list_append(struct arena_list *list, struct arena *arena, struct str text)
{
    struct str copy = arena_copy(arena, text);
    if (!copy.at)
        return -ENOMEM;
    if (list->count == list->room) {
        unsigned room = list->room ? 2 * list->room : 4;
        const char **items = arena_alloc(arena, room * sizeof *items);
        if (!items)
            return -ENOMEM;
        if (list->count > 0)
            memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = copy.at;
    return 0;
}
