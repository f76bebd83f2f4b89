/* uring_input: see uring_input.h. */
#include "loop/uring_input.h"

#ifdef SLUICE_HAVE_LIBURING

#include <errno.h>
#include <stdlib.h>

void uring_input_add(struct uring_input *input, struct uring_note *notes, unsigned buffer,
                     uint32_t length)
{
    notes[buffer] = (struct uring_note){.length = length};
    if (input->oldest)
        notes[input->newest - 1].next = (uint16_t)(buffer + 1);
    else
        input->oldest = (uint16_t)(buffer + 1);
    input->newest = (uint16_t)(buffer + 1);
    input->buffered += length;
}

struct str uring_input_view(const struct uring_input *input, const struct uring *uring,
                            const struct uring_note *notes)
{
    const struct uring_spill *spill = input->spill;
    if (spill)
        return (struct str){spill->bytes + spill->first, spill->length};
    if (!input->oldest)
        return STR("");
    const struct uring_note *note = &notes[input->oldest - 1];
    return (struct str){uring_buffer(uring, input->oldest - 1u) + note->first, note->length};
}

static void drop_oldest(struct uring_input *input, struct uring *uring,
                        const struct uring_note *notes)
{
    unsigned buffer = input->oldest - 1u;
    input->buffered -= notes[buffer].length;
    input->oldest = notes[buffer].next;
    uring_give_back(uring, buffer);
}

void uring_input_drop(struct uring_input *input, struct uring *uring, struct uring_note *notes,
                      size_t length)
{
    if (input->spill) {
        input->spill->first += length;
        input->spill->length -= length;
        if (input->spill->length == 0) {
            free(input->spill);
            input->spill = NULL;
        }
    } else if (input->oldest) {
        struct uring_note *note = &notes[input->oldest - 1];
        note->first = (uint16_t)(note->first + length);
        note->length -= (uint32_t)length;
        input->buffered -= (uint32_t)length;
        if (note->length == 0)
            drop_oldest(input, uring, notes);
    }
}

int uring_input_spill(struct uring_input *input, struct uring *uring, struct uring_note *notes)
{
    size_t before = uring_input_spilled(input), more = input->buffered;
    if (more == 0)
        return 0;
    struct uring_spill *spill = malloc(sizeof(*spill) + before + more);
    if (!spill)
        return -ENOMEM;
    spill->first = 0;
    spill->length = before + more;
    char *to = spill->bytes;
    if (input->spill)
        to = str_put(to, uring_input_view(input, uring, notes));
    free(input->spill);
    input->spill = NULL;
    while (input->oldest) {
        struct str view = uring_input_view(input, uring, notes);
        to = str_put(to, view);
        uring_input_drop(input, uring, notes, view.length);
    }
    input->spill = spill;
    return 0;
}

void uring_input_clear(struct uring_input *input, struct uring *uring, struct uring_note *notes)
{
    free(input->spill);
    input->spill = NULL;
    while (input->oldest)
        drop_oldest(input, uring, notes);
}

#endif
