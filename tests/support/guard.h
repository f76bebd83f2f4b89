/* guard: inputs that end at an inaccessible page, so that a parser that reads one byte too far
 * crashes at once, in any build. A copy lives until guard_drop, or as long as the test's
 * process. */
#ifndef SLUICE_TESTS_GUARD_H
#define SLUICE_TESTS_GUARD_H

#include "base/str.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* The bytes that a copy of LENGTH bytes takes, without its guard page. */
static inline size_t guard_room(size_t length)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (length + page - 1) / page * page;
}

/* Copies TEXT to directly below an inaccessible page. An absent string stays absent; an empty one
 * points at the page itself. */
static inline struct str guard_copy(struct str text)
{
    if (text.at == NULL)
        return text;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t room = guard_room(text.length);
    char *first =
        mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (first == MAP_FAILED || mprotect(first + room, page, PROT_NONE) != 0)
        abort();
    char *at = first + room - text.length;
    memcpy(at, text.at, text.length);
    return (struct str){at, text.length};
}

/* Unmaps a copy from guard_copy. */
static inline void guard_drop(struct str copy)
{
    if (copy.at == NULL)
        return;
    size_t room = guard_room(copy.length);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    munmap((char *)(uintptr_t)copy.at + copy.length - room, room + page);
}

#endif
