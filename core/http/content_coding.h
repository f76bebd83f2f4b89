/* content_coding: chooses a content coding, RFC 9110 sections 8.4.1 and 12.5.3.
 *
 * Pure: takes the value of an Accept-Encoding field and the available codings, returns a choice.
 * Includes qvalue. */
#ifndef SLUICE_CONTENT_CODING_H
#define SLUICE_CONTENT_CODING_H

#include "http/qvalue.h"

/* In ascending order of preference among codings of equal weight: a later one usually compresses
 * better. */
enum content_coding {
    CONTENT_CODING_IDENTITY,
    CONTENT_CODING_GZIP,
    CONTENT_CODING_ZSTD,
    CONTENT_CODING_BR,
    CONTENT_CODING_COUNT,
};

struct content_coding_text {
    struct str name;   /* as in Content-Encoding */
    struct str alias;  /* another name that clients may use; absent: null */
    struct str suffix; /* of the name of a file in this coding; empty for identity */
};

extern const struct content_coding_text content_coding_texts[CONTENT_CODING_COUNT];

/* All codings except identity, as a set of content_coding_bit. */
#define CONTENT_CODING_ALL_CODED (((1u << CONTENT_CODING_COUNT) - 1) & ~1u)

/* The bit of CODING in a set. */
static inline unsigned content_coding_bit(enum content_coding coding)
{
    return 1u << coding;
}

/* The weight that ACCEPT_ENCODING gives each coding: 0 (not acceptable) to QVALUE_MAX.
 *
 * A coding has the weight of its own element, else that of "*". Without either, identity is
 * acceptable with less than any listed weight (1 thousandth), and nothing else is. A field that is
 * absent (null) or empty accepts only identity: the RFC allows any coding for an absent one, but a
 * client without the field often cannot decode anything.
 *
 * The grammar is strict, for each element by itself: a malformed element (a qvalue over 1, with
 * more than three decimals or without its leading digit; another parameter) is skipped, which at
 * worst costs the client a coding. Of a coding listed twice the lower weight counts, so the order
 * of the list never matters. */
void content_coding_weigh(struct str accept_encoding,
                          uint16_t ret_weights[static CONTENT_CODING_COUNT]);

/* Chooses the coding in AVAILABLE, a set of content_coding_bit, that has the greatest weight; of
 * equals the last in enum content_coding. False, with *RET untouched: none is acceptable. If
 * identity was available, the client has refused it: the answer is 406, or identity all the same
 * (sections 12.1 and 12.4.1 leave it to the server; 12.5.3 says SHOULD send without a coding only
 * while identity is not refused). */
bool content_coding_choose(struct str accept_encoding, unsigned available,
                           enum content_coding *ret);

#endif
