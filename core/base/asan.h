/* asan: memory that is kept for its next owner, and nobody may touch meanwhile.
 *
 * AddressSanitizer reports a use of poisoned memory like one of freed memory. Without it these do
 * nothing. Whoever poisons memory lifts that before it is freed or used again. */
#ifndef SLUICE_ASAN_H
#define SLUICE_ASAN_H

#include "base/base.h"

#if defined(__SANITIZE_ADDRESS__)
#define ASAN_WORKS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASAN_WORKS 1
#endif
#endif

#ifdef ASAN_WORKS
#include <sanitizer/asan_interface.h>
#endif

static inline void asan_poison(const void *at, size_t bytes)
{
#ifdef ASAN_WORKS
    ASAN_POISON_MEMORY_REGION(at, bytes);
#else
    (void)at, (void)bytes;
#endif
}

static inline void asan_unpoison(const void *at, size_t bytes)
{
#ifdef ASAN_WORKS
    ASAN_UNPOISON_MEMORY_REGION(at, bytes);
#else
    (void)at, (void)bytes;
#endif
}

#endif
