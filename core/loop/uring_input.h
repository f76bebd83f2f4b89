/* uring_input: the bytes that a connection has received and its session has not consumed, oldest
 * first.
 *
 * The kernel receives by itself, into buffers of its choice, so bytes arrive before they are
 * wanted. Within a turn they stay in these buffers, in a queue without storage of its own: the
 * links between buffers are in one array for all connections (struct uring_note). Bytes that cannot
 * be handed on within the turn are moved to allocated memory, so that no connection keeps buffers
 * from the others. */
#ifndef SLUICE_URING_INPUT_H
#define SLUICE_URING_INPUT_H

#include "base/str.h"
#include "system/uring.h"

#ifdef SLUICE_HAVE_LIBURING

struct uring_note {
    uint16_t next;   /* buffer + 1; 0: none */
    uint16_t first;  /* index of the first byte that has not been handed on */
    uint32_t length; /* bytes from there */
};

struct uring_spill {
    size_t first;
    size_t length;
    char bytes[];
};

struct uring_input {
    struct uring_spill *spill; /* older than the bytes in buffers; NULL: none */
    uint16_t oldest, newest;   /* buffer + 1; 0: none */
    uint32_t buffered;         /* bytes in buffers */
};

/* Appends LENGTH bytes that were received in BUFFER. */
void uring_input_add(struct uring_input *input, struct uring_note *notes, unsigned buffer,
                     uint32_t length);

/* The oldest bytes that are contiguous, *borrowed* until they are dropped. Empty: no input. */
struct str uring_input_view(const struct uring_input *input, const struct uring *uring,
                            const struct uring_note *notes);

/* Drops the first LENGTH bytes of that view. Returns a buffer that is used up to the kernel. */
void uring_input_drop(struct uring_input *input, struct uring *uring, struct uring_note *notes,
                      size_t length);

/* Moves the bytes in buffers to allocated memory and returns all buffers to the kernel. Returns 0,
 * or -ENOMEM with nothing changed. */
int uring_input_spill(struct uring_input *input, struct uring *uring, struct uring_note *notes);

/* Drops everything and returns all buffers to the kernel. */
void uring_input_clear(struct uring_input *input, struct uring *uring, struct uring_note *notes);

static inline bool uring_input_empty(const struct uring_input *input)
{
    return !input->spill && !input->oldest;
}

/* The number of bytes in allocated memory. */
static inline size_t uring_input_spilled(const struct uring_input *input)
{
    return input->spill ? input->spill->length : 0;
}

/* The number of all bytes. */
static inline size_t uring_input_bytes(const struct uring_input *input)
{
    return uring_input_spilled(input) + input->buffered;
}

#endif
#endif
