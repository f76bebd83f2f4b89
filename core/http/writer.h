/* writer: text that is written twice by the same function: once to be measured, then into a blob of
 * exactly that length. So nobody has to know beforehand how long what is escaped will be.
 *
 * Includes blob; nothing fails but getting the blob. */
#ifndef SLUICE_WRITER_H
#define SLUICE_WRITER_H

#include "base/str.h"
#include "storage/blob.h"

struct writer {
    char *to; /* NULL: only measures */
    size_t length;
};

/* A blob of what WRITE writes about WHAT; it is called twice and has to write the same. NULL: out of
 * memory. *Gives* one reference. */
struct blob *writer_compose(void (*write)(struct writer *w, const void *what), const void *what);

static inline void writer_put(struct writer *w, struct str text)
{
    if (w->to)
        str_put(w->to + w->length, text);
    w->length += text.length;
}

/* VALUE in decimal. */
void writer_put_u64(struct writer *w, uint64_t value);

/* TEXT percent-encoded, as path_put_encoded does it. */
void writer_put_encoded(struct writer *w, struct str text);

enum { WRITER_ESCAPE_BYTES = 8 };

/* TEXT, any bytes, as UTF-8 (see utf8_take). ESCAPE is asked for all characters but those that mean
 * themselves wherever text is quoted: visible ASCII and the space without & < > " ' and backslash. It
 * returns the CHARACTER, or a constant, or what it has written to ROOM. */
void writer_put_escaped(struct writer *w, struct str text,
                        struct str (*escape)(struct str character,
                                             char room[static WRITER_ESCAPE_BYTES]));

#endif
