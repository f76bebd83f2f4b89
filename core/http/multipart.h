/* multipart: several ranges as one body, multipart/byteranges. RFC 9110 section 14.6, RFC 2046
 * section 5.1.
 *
 * The heads of the parts are written into one blob. The body alternates between parts of that blob
 * and parts of the file, so the file is not copied. */
#ifndef SLUICE_MULTIPART_H
#define SLUICE_MULTIPART_H

#include "base/num.h"
#include "http/range.h"
#include "http/resource.h"
#include "storage/outq.h"

enum {
    MULTIPART_PARTS_MAX = 2 * RANGE_MAX + 1, /* a head and a range each, and the end */
    MULTIPART_TYPE_BYTES = 64,
};

struct multipart {
    struct blob *heads;    /* holds one reference */
    struct str media_type; /* points into TYPE: multipart/byteranges with the boundary */
    unsigned part_count;
    struct outq_part parts[MULTIPART_PARTS_MAX]; /* *borrow* from HEADS and from the file's body */
    char type[MULTIPART_TYPE_BYTES];
};

/* Makes the body for RANGES of FILE, which it *borrows*. NULL: out of memory. *Gives*:
 * multipart_destroy. */
struct multipart *multipart_create(const struct variant *file, const struct range_set *ranges);
void multipart_destroy(struct multipart *multipart);

enum { MULTIPART_RANGE_BYTES = 6 + 3 * NUM_U64_DIGITS_MAX + 2 };

/* Writes "bytes FIRST-LAST/BYTES", the value of Content-Range (section 14.4); no NUL. Returns its
 * length. */
size_t multipart_write_range(char to[static MULTIPART_RANGE_BYTES], const struct range *range,
                             uint64_t bytes);

#endif
