/* content_coding: which content coding a client wants, RFC 9110 sections 8.4.1 and 12.5.3.
 *
 * Pure: an Accept-Encoding field's value and what is at hand in, a choice out. Includes qvalue. */
#ifndef SLUICE_CONTENT_CODING_H
#define SLUICE_CONTENT_CODING_H

#include "http/qvalue.h"

/* In ascending order of preference among what a client likes equally: the smaller the result, the
 * later. */
enum content_coding {
    CONTENT_CODING_IDENTITY,
    CONTENT_CODING_GZIP,
    CONTENT_CODING_ZSTD,
    CONTENT_CODING_BR,
    CONTENT_CODING_COUNT,
};

struct content_coding_text {
    struct str name;   /* in Content-Encoding */
    struct str alias;  /* that a client may say instead; absent: null */
    struct str suffix; /* of a file that holds the coded form; empty for identity */
};

extern const struct content_coding_text content_coding_texts[CONTENT_CODING_COUNT];

/* All but identity, as a set of content_coding_bit. */
#define CONTENT_CODING_ALL_CODED (((1u << CONTENT_CODING_COUNT) - 1) & ~1u)

/* The bit that stands for CODING in a set. */
static inline unsigned content_coding_bit(enum content_coding coding)
{
    return 1u << coding;
}

/* How much ACCEPT_ENCODING likes each coding: 0 (not acceptable) to QVALUE_MAX.
 *
 * The field's own word comes first, then that of "*", then: identity is acceptable, though less
 * than all that is listed (1 thousandth), and nothing else is. A field that is absent (null) or
 * empty wants identity only; the RFC allows anything for an absent one, but who says nothing often
 * understands nothing.
 *
 * Strict as to the grammar, and to the element alone: one that is malformed (a qvalue over 1, of
 * more than three decimals, without its leading digit; another parameter) counts as not there,
 * which at worst costs the client a coding. Of a coding listed twice the lower weight counts, so
 * that the order of the list never matters. */
void content_coding_weigh(struct str accept_encoding,
                          uint16_t ret_weights[static CONTENT_CODING_COUNT]);

/* The coding of AVAILABLE, a set of content_coding_bit, that ACCEPT_ENCODING likes best; of equals the last
 * in enum content_coding. False, *RET untouched: none is acceptable. Then the client has refused identity
 * too, if that is available: 406, or identity all the same (sections 12.1 and 12.4.1 leave it to
 * the server; 12.5.3 says SHOULD send without a coding only while identity isn't refused). */
bool content_coding_choose(struct str accept_encoding, unsigned available,
                           enum content_coding *ret);

#endif
