/* openssl_memory: see openssl_memory.h. */
#include "support/openssl_memory.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

struct openssl_memory openssl_memory = {.until = -1};

static bool fails(void)
{
    if (!openssl_memory.is_watched || openssl_memory.until < 0 || openssl_memory.until-- > 0)
        return false;
    openssl_memory.has_failed = true;
    return true;
}

/* Not those of faults.h, which do not affect libraries. */
/* NOLINTBEGIN(bugprone-reserved-identifier) */
void *__real_malloc(size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
/* NOLINTEND(bugprone-reserved-identifier) */

static void *allocate(size_t bytes, const char *file, int line)
{
    (void)file;
    (void)line;
    void *memory = fails() ? NULL : __real_malloc(bytes);
    openssl_memory.live += memory != NULL;
#ifdef __SANITIZE_ADDRESS__
    if (memory && openssl_memory.is_leaky)
        __lsan_ignore_object(memory);
#endif
    return memory;
}

static void check_wiped(void *memory)
{
    struct str secret = openssl_memory.secret;
    if (memory && secret.at && memmem(memory, malloc_usable_size(memory), secret.at, secret.length))
        openssl_memory.unwiped++;
}

static void release(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    check_wiped(memory);
    openssl_memory.live -= memory != NULL;
    free(memory);
}

static void *reallocate(void *memory, size_t bytes, const char *file, int line)
{
    if (!memory)
        return allocate(bytes, file, line);
    if (bytes == 0) {
        release(memory, file, line);
        return NULL;
    }
    return fails() ? NULL : __real_realloc(memory, bytes);
}

__attribute__((constructor)) static void set_functions(void)
{
    openssl_memory.is_set = CRYPTO_set_mem_functions(allocate, reallocate, release) == 1;
}

#endif
