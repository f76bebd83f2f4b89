/* hash: a 64-bit hash for look-up tables, keyed by a secret so that a peer cannot choose bytes that
 * collide.
 *
 * Not a cryptographic hash: equal hashes do not mean equal bytes, so a look-up compares the keys
 * too. */
#ifndef SLUICE_HASH_H
#define SLUICE_HASH_H

#include "base/str.h"

/* A random secret. Where the kernel has no entropy yet (early boot), it is derived from ADDRESS,
 * which should be that of a randomly placed mapping. */
uint64_t hash_secret(const void *address);

/* The hash of TEXT under SECRET. */
uint64_t hash_bytes(uint64_t secret, struct str text);

#endif
