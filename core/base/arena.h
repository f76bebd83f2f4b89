/* arena: strings and small structs of one owner, freed all at once.
 *
 * Owns chunks of memory from malloc. Its allocations are valid until arena_fini; a part cannot be
 * freed. A zeroed struct arena is an empty one. One thread at a time may allocate; any thread may
 * read allocated memory. Meant for settings and other things that are made once and then only read:
 * nothing here is on the path of a request. */
#ifndef SLUICE_ARENA_H
#define SLUICE_ARENA_H

#include "base/str.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* the newest first */
    char *at;                   /* free bytes of the newest */
    size_t left;
};

/* Frees everything that ARENA gave; it is then empty and can be used again. */
void arena_fini(struct arena *arena);

/* BYTES (0 is allowed) of zeroed memory, aligned for any object. NULL: out of memory. */
void *arena_alloc(struct arena *arena, size_t bytes);

/* A copy of TEXT with a NUL after its end (not counted); TEXT may have NULs in it. An absent TEXT
 * gives an empty copy. The copy is absent (its pointer is NULL) only when memory is out. */
struct str arena_copy(struct arena *arena, struct str text);

/* --- Lists of strings ----------------------------------------------------------------------- */

/* Strings in an arena, in the order in which they were added. Zeroed: none. */
struct arena_list {
    const char **items; /* each ends in a NUL */
    unsigned count;
    unsigned room;
};

/* Appends a copy of TEXT. 0 or -ENOMEM, with LIST unchanged. */
int arena_list_append(struct arena_list *list, struct arena *arena, struct str text);

#endif
