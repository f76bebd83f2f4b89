/* hash: bytes -> a number to find them by, keyed by a secret so that nobody outside can make them collide.
 *
 * Not for anything that has to withstand an attack on the hash itself: whoever finds by it compares. */
#ifndef SLUICE_HASH_H
#define SLUICE_HASH_H

#include "base/str.h"

/* A fresh secret. Where the system has no entropy yet (early boot), the ADDRESS of a random mapping has to
 * do. */
uint64_t hash_secret(const void *address);

uint64_t hash_bytes(uint64_t secret, struct str text);

#endif
