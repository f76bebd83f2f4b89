/* asan: poisons memory that a pool keeps and that must not be touched until it is lent again.
 *
 * With AddressSanitizer, a use of poisoned memory is reported like a use of freed memory. Without
 * it both functions do nothing. Unpoison memory before freeing it or lending it again. */
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
