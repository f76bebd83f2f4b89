/* memory: what the C library's allocator keeps. malloc_trim(3).
 *
 * Owns nothing. May be called in any thread. */
#ifndef SLUICE_MEMORY_H
#define SLUICE_MEMORY_H

/* Returns the pages that hold no allocated memory to the kernel, in all threads' heaps. Takes some
 * milliseconds for 100 MB, in which other threads may wait for their heaps. Does nothing where the
 * C library cannot do it. */
void memory_trim(void);

#endif
