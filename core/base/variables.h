/* variables: environment variables, as environ(7) has them.
 *
 * Owns nothing. The array is an argument, so that a test has its own. */
#ifndef SLUICE_VARIABLES_H
#define SLUICE_VARIABLES_H

#include <stddef.h>
#include <string.h>

/* The value of NAME in VARIABLES ("NAME=value", NULL-terminated; NULL: none). *Borrowed*; NULL: it
 * is not set. */
static inline const char *variables_find(char *const *variables, const char *name)
{
    const size_t length = strlen(name);
    for (char *const *at = variables; at && *at; at++) {
        if (strncmp(*at, name, length) == 0 && (*at)[length] == '=')
            return *at + length + 1;
    }
    return NULL;
}

#endif
