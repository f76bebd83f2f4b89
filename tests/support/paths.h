/* paths: a path by its name, as path_decode would make it. */
#ifndef SLUICE_TESTS_PATHS_H
#define SLUICE_TESTS_PATHS_H

#include "http/path.h"

/* "" and names that end in a slash are directories. */
static inline struct path path_named(const char *text)
{
    struct path path = {.length = strlen(text)};
    memcpy(path.text, text, path.length);
    if (path.length == 0 || text[path.length - 1] == '/') {
        path.directory = true;
        path.length -= path.length > 0;
        path.text[path.length] = '\0';
    }
    return path;
}

#endif
