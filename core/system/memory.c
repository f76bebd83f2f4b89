/* memory: see memory.h. */
#include "system/memory.h"

#include <stdlib.h> /* defines __GLIBC__ */

#ifdef __GLIBC__
#include <malloc.h>
#endif

void memory_trim(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}
