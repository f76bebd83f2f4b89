/* config_file: reads the syntax of a configuration file, a line at a time: sections, and keys with
 * values, as git and systemd write them.
 *
 *     # a comment, also after white space
 *     listen = 443 tls
 *     [site example.org www.example.org]
 *     root = /srv/example
 *     cache-control = "public, max-age=60"
 *
 * Pure: knows neither files nor options, and allocates nothing. The text is UTF-8, perhaps with a
 * byte order mark; lines end in LF or CR LF, the last also without one. `#` begins a comment at the
 * start of a line or after white space, `;` at the start of a line only. A value is literal,
 * without the white space around it. A value that begins with a double quote ends with the next
 * one, and in it \" is a quote and \\ a backslash. Elsewhere quotes are part of the value; a `#`
 * between two of them does not begin a comment. */
#ifndef SLUICE_CONFIG_FILE_H
#define SLUICE_CONFIG_FILE_H

#include "base/problem.h"
#include "base/str.h"

enum { CONFIG_FILE_LINE_BYTES_MAX = 4096 }; /* without its end */

enum config_file_item {
    CONFIG_FILE_SECTION, /* [NAME] */
    CONFIG_FILE_VALUE,   /* KEY = VALUE */
    CONFIG_FILE_END,     /* no line is left */
    CONFIG_FILE_WRONG,   /* a line is malformed: *RET_PROBLEM is set */
};

/* A text that is being read; made by config_file_init. */
struct config_file {
    const char *path; /* for problems; *borrowed*, as the text */
    struct str rest;
    unsigned line;   /* of the item that was read last, from 1 */
    bool is_section; /* that line begins with a bracket, malformed or not */

    /* The last item. NAME is that of the section, or the key; *borrowed* from the text; of a
     * malformed line absent, if it can't be found. VALUE ends in a NUL, and is valid until the next
     * item is read. */
    struct str name;
    struct str value;
    char bytes[CONFIG_FILE_LINE_BYTES_MAX + 1];
};

/* Starts to read TEXT, which came from the file PATH. */
void config_file_init(struct config_file *ret, const char *path, struct str text);

/* Reads the next item, and skips empty lines and comments before it. After WRONG it may be called
 * again, and goes on with the next line. */
enum config_file_item config_file_next(struct config_file *file, struct problem *ret_problem);

#endif
