/* poison: memory that is kept for its next owner, and nobody may touch meanwhile.
 *
 * AddressSanitizer reports a use of poisoned memory like one of freed memory. Without it these do
 * nothing. Whoever poisons memory lifts that before it is freed or used again. */
#ifndef SLUICE_POISON_H
#define SLUICE_POISON_H

#include "base.h"

#if defined(__SANITIZE_ADDRESS__)
#define POISON_WORKS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISON_WORKS 1
#endif
#endif

#ifdef POISON_WORKS
#include <sanitizer/asan_interface.h>
#endif

static inline void poison(const void *at, size_t bytes)
{
#ifdef POISON_WORKS
    ASAN_POISON_MEMORY_REGION(at, bytes);
#else
    (void)at, (void)bytes;
#endif
}

static inline void unpoison(const void *at, size_t bytes)
{
#ifdef POISON_WORKS
    ASAN_UNPOISON_MEMORY_REGION(at, bytes);
#else
    (void)at, (void)bytes;
#endif
}

#endif
