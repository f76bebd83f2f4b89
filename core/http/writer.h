/* writer: composes a text of unknown length in a blob of exactly its length. The same function
 * writes the text twice: first to measure it, then into the blob. So no caller computes lengths of
 * escaped text.
 *
 * Includes blob. Fails only if the blob cannot be allocated. */
#ifndef SLUICE_WRITER_H
#define SLUICE_WRITER_H

#include "base/str.h"
#include "storage/blob.h"

struct writer {
    char *to; /* NULL: only measure */
    size_t length;
};

/* Makes a blob of the text that WRITE writes for WHAT. WRITE is called twice and must write the
 * same. NULL: out of memory. *Gives* one reference. */
struct blob *writer_compose(void (*write)(struct writer *w, const void *what), const void *what);

/* Appends TEXT. */
static inline void writer_put(struct writer *w, struct str text)
{
    if (w->to)
        str_put(w->to + w->length, text);
    w->length += text.length;
}

/* Appends VALUE in decimal. */
void writer_put_u64(struct writer *w, uint64_t value);

/* Appends TEXT, percent-encoded as by path_put_encoded. */
void writer_put_encoded(struct writer *w, struct str text);

enum { WRITER_ESCAPE_BYTES = 8 };

/* Appends TEXT, which may be any bytes, as UTF-8 (see utf8_take). Space and visible ASCII other
 * than & < > " ' and backslash are copied. For every other character ESCAPE is called, which
 * returns CHARACTER, a constant, or text that it wrote to ROOM. */
void writer_put_escaped(struct writer *w, struct str text,
                        struct str (*escape)(struct str character,
                                             char room[static WRITER_ESCAPE_BYTES]));

#endif
