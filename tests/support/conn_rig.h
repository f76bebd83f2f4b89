/* conn_rig: connections without sockets, over a real tree, with a clock of the test's own. */
#ifndef SLUICE_TESTS_CONN_RIG_H
#define SLUICE_TESTS_CONN_RIG_H

#include "conn/conn_phase.h"
#include "support/answers.h"
#include "support/faults.h"
#include "support/tree.h"

#include <criterion/criterion.h>

enum {
    RIG_PATIENCE_MS = 10000,
    RIG_HEADER_MS = 4000,
    RIG_IDLE_MS = 9000,
    RIG_SMALL_BYTES = 900,     /* of small.txt, in memory */
    RIG_MEDIUM_BYTES = 300000, /* of medium.bin, sent from a copy */
    RIG_LARGE_BYTES = 1200000  /* of large.bin, sent from the file itself */
};

/* Bytes that pile up. */
struct pile {
    char *at;
    size_t length;
    size_t room;
};

void pile_add(struct pile *pile, const void *bytes, size_t length);
/* Adds what has arrived at the socket FD, without waiting. */
void pile_add_arrived(struct pile *pile, int fd);
void pile_clear(struct pile *pile);

static inline struct str pile_view(const struct pile *pile)
{
    return (struct str){pile->length > 0 ? pile->at : "", pile->length};
}

struct rig {
    struct tree tree;
    struct mime *mime;
    struct site_settings site;
    struct counters counters;
    struct conn_context context;
    unsigned woken; /* waiters that rig_await has woken */
};

/* With the pipelined profile's limits, and at most STORAGE_BYTES of each kind of storage. The tree
 * has tiny.txt (seed 1, 100 bytes), small.txt (seed 2), large.bin (seed 3). */
void rig_init(struct rig *rig, uint64_t storage_bytes);

/* The same, where what is cached is good for VALID_MS, not a second. */
void rig_init_valid(struct rig *rig, uint64_t storage_bytes, uint64_t valid_ms);

/* For a loop, which brings the time that it is: makes the context anew, with that time, and with at
 * most STORAGE_BYTES of each kind of storage. Every phase lasts 20 s at most. */
void rig_use_real_time(struct rig *rig, uint64_t storage_bytes);

/* Everything must have been given back. */
void rig_fini(struct rig *rig);

void rig_pass_ms(struct rig *rig, uint64_t ms);

/* From now on every look-up that isn't in the cache is PENDING, or not. */
void rig_make_cold(bool cold);

/* Lets the time pass until files that are undecided are checked, and has them checked. */
void rig_check_doubts(struct rig *rig);

/* Waits for a look-up's end. */
void rig_await(struct rig *rig, const struct conn *conn);

/* Gives CONN what it has room for of *BYTES, from the front, and moves *BYTES on; then lets it
 * work. False when no storage could be lent. */
bool rig_give(struct rig *rig, struct conn *conn, struct str *bytes);

/* Takes at most LENGTH bytes of the output, as if sent, and adds them to TO (or to nothing).
 * Returns how many. */
size_t rig_take(struct rig *rig, struct conn *conn, struct pile *to, size_t length);

/* All of BYTES in, all that comes of it out, look-ups waited for, and settled. */
void rig_exchange(struct rig *rig, struct conn *conn, struct str bytes, struct pile *to);

#endif
