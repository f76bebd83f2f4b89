/* digest: SHA-256, FIPS 180-4. Tells two contents of a file apart when its modification time
 * cannot.
 *
 * Owns nothing and allocates nothing; includes only base. An x86-64 processor with SHA instructions
 * uses them, which is found out at run time. Written here so that a build needs only a C
 * compiler. */
#ifndef SLUICE_DIGEST_H
#define SLUICE_DIGEST_H

#include "base/base.h"

enum {
    DIGEST_BYTES = 32,
    DIGEST_BLOCK_BYTES = 64,
    DIGEST_TAG_DIGITS = 32, /* the first half of a digest, in hexadecimal */
};

/* Which code processes the blocks. All give the same result. */
enum digest_implementation {
    DIGEST_FASTEST,  /* the fastest that this processor supports */
    DIGEST_PORTABLE, /* plain C */
};

/* A digest in progress. */
struct digest {
    uint32_t state[8];
    uint64_t bytes; /* hashed so far */
    void (*take_blocks)(uint32_t state[static 8], const uint8_t *at, size_t count);
    uint8_t block[DIGEST_BLOCK_BYTES]; /* the last, incomplete block */
};

void digest_init(struct digest *digest, enum digest_implementation implementation);

/* Hashes LENGTH more bytes. Splitting the content over several calls does not change the digest. */
void digest_update(struct digest *digest, const void *bytes, size_t length);

/* Finishes the digest and writes it to RET. DIGEST must be initialised again before another use. */
void digest_final(struct digest *digest, uint8_t ret[static DIGEST_BYTES]);

/* Writes the first half of HASH in lower-case hexadecimal, for an entity tag: exactly
 * DIGEST_TAG_DIGITS bytes, no NUL. 128 bits suffice: two contents never share a tag by chance. */
void digest_write_tag(char to[static DIGEST_TAG_DIGITS], const uint8_t hash[static DIGEST_BYTES]);

#endif
