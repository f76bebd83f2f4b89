/* mime_table: the media types that Sluice knows by itself, by the extension of a file's name.
 *
 * Constant. mime.c makes its hash table of them. Text types carry charset=utf-8. */
#ifndef SLUICE_MIME_TABLE_H
#define SLUICE_MIME_TABLE_H

#include "base/str.h"

#define MIME_TEXT(type) STR_INIT(type "; charset=utf-8")

struct mime_row {
    struct str type;
    struct str extensions; /* in lower case, separated by spaces */
};

extern const struct mime_row mime_table[];
extern const size_t mime_table_count;

#endif
