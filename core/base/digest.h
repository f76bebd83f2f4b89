/* digest: SHA-256, FIPS 180-4: what tells one content from another where the time of a file's last change
 * cannot.
 *
 * Owns nothing and allocates nothing; includes base. Any x86-64 processor with SHA instructions uses them;
 * it finds out at run time. Our own, so that a build needs nothing but a compiler. */
#ifndef SLUICE_DIGEST_H
#define SLUICE_DIGEST_H

#include "base/base.h"

enum {
    DIGEST_BYTES = 32,
    DIGEST_BLOCK_BYTES = 64,
    DIGEST_TAG_DIGITS = 32, /* half of a digest, in hexadecimal */
};

/* How blocks are taken in. The result is the same. */
enum digest_way {
    DIGEST_FASTEST,  /* of those that this processor has */
    DIGEST_PORTABLE, /* plain C */
};

/* A digest under way. */
struct digest {
    uint32_t state[8];
    uint64_t bytes; /* taken in so far */
    void (*take_blocks)(uint32_t state[static 8], const uint8_t *at, size_t count);
    uint8_t block[DIGEST_BLOCK_BYTES]; /* the last BYTES % DIGEST_BLOCK_BYTES of them */
};

void digest_init(struct digest *digest, enum digest_way way);

/* Takes in LENGTH more bytes. How the content is divided among the calls does not matter. */
void digest_update(struct digest *digest, const void *bytes, size_t length);

/* Ends the digest, which is good for nothing but digest_init after that. */
void digest_final(struct digest *digest, uint8_t ret[static DIGEST_BYTES]);

/* Writes the first half of the digest HASH in lower-case hexadecimal, for an entity tag: exactly
 * DIGEST_TAG_DIGITS bytes, no NUL. 128 bits: equal by chance in no life of any server. */
void digest_write_tag(char to[static DIGEST_TAG_DIGITS], const uint8_t hash[static DIGEST_BYTES]);

#endif
