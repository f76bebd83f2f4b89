/* uring_input: what one connection has received and its session has not got yet, oldest first.
 *
 * The kernel receives on its own, into buffers of its choice, so bytes come that nobody has asked for
 * yet. They stay in their buffers for a turn, in a queue without storage of its own: links between
 * buffers are kept once for all (struct uring_notes). What can't be handed on within the turn is moved
 * to memory that is allocated for it, so that no connection keeps buffers from the others. */
#ifndef SLUICE_URING_INPUT_H
#define SLUICE_URING_INPUT_H

#include "base/str.h"
#include "system/uring.h"

#ifdef SLUICE_HAVE_LIBURING

struct uring_note {
    uint16_t next;   /* buffer + 1; 0: none */
    uint16_t first;  /* byte that has not been handed on */
    uint32_t length; /* bytes from there */
};

struct uring_spill {
    size_t first;
    size_t length;
    char bytes[];
};

struct uring_input {
    struct uring_spill *spill; /* older than what is in buffers; NULL: none */
    uint16_t oldest, newest;   /* buffer + 1; 0: none */
};

/* LENGTH bytes have come in BUFFER. */
void uring_input_add(struct uring_input *input, struct uring_note *notes, unsigned buffer,
                     uint32_t length);

/* The oldest bytes that lie together, *borrowed* until they are dropped. Empty: there are none. */
struct str uring_input_view(const struct uring_input *input, const struct uring *uring,
                            const struct uring_note *notes);

/* Drops the first LENGTH bytes of that view; gives back what is used up. */
void uring_input_drop(struct uring_input *input, struct uring *uring, struct uring_note *notes,
                      size_t length);

/* Gives all buffers back, what is in them moved elsewhere. 0, or -ENOMEM with nothing changed. */
int uring_input_spill(struct uring_input *input, struct uring *uring, struct uring_note *notes);

/* Drops everything. */
void uring_input_clear(struct uring_input *input, struct uring *uring, struct uring_note *notes);

static inline bool uring_input_empty(const struct uring_input *input)
{
    return !input->spill && !input->oldest;
}

/* Bytes, besides those in buffers. */
static inline size_t uring_input_spilled(const struct uring_input *input)
{
    return input->spill ? input->spill->length : 0;
}

#endif
#endif
