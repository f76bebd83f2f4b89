/* openssl_memory: allocations of OpenSSL that fail when a test wants it, and are counted.
 *
 * CRYPTO_set_mem_functions must come before OpenSSL's first allocation, which Criterion makes
 * before it runs a test. So the functions are set when the program is loaded, for all tests; they
 * fail only where a test says so. Unlike faults.h this reaches into the library. Not thread-safe.
 * Only in builds with OpenSSL. */
#ifndef SLUICE_TESTS_OPENSSL_MEMORY_H
#define SLUICE_TESTS_OPENSSL_MEMORY_H

#ifdef SLUICE_HAVE_OPENSSL

#include "base/str.h"

struct openssl_memory {
    bool is_set;     /* the functions are in use */
    long live;       /* allocations that are not freed */
    bool is_watched; /* the code under test runs: its allocations count */
    long until;      /* allocations of that code before one fails; negative: none does */
    bool has_failed;
    bool is_leaky;     /* what is allocated now may leak */
    struct str secret; /* no memory that is freed may have these bytes; absent: not checked */
    unsigned unwiped;  /* allocations that were freed with them */
};

extern struct openssl_memory openssl_memory;

/* Has allocation NUMBER, from 0, of the code under test fail; negative: none. */
static inline void openssl_memory_arm(long number)
{
    openssl_memory.has_failed = false;
    openssl_memory.until = number;
}

#endif
#endif
