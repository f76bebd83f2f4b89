/* mime: file name -> media type (RFC 9110 section 8.3), by the extension after the last dot.
 *
 * Owns a hash table of extensions, built at start and then only read, so any number of threads may
 * share it. The built-in table covers the web's usual types; its text types carry charset=utf-8.
 * --mime-types FILE adds to it and overrides it: the types of FILE are sent as they are written.
 * Files below /.well-known/ without an extension have a table of their own (RFC 8615). */
#ifndef SLUICE_MIME_H
#define SLUICE_MIME_H

#include "base/problem.h"
#include "base/str.h"

struct mime;

/* The built-in table, or NULL when memory is out. *Gives*: mime_destroy. */
struct mime *mime_create(void);
void mime_destroy(struct mime *mime);

/* Reads TEXT, lines "type/subtype ext ext …" as in /etc/mime.types: '#' starts a comment, a type
 * without extensions is skipped, a later line wins. A type may have parameters written without
 * spaces (text/plain;charset=utf-8). An extension with a dot in it ("gpkg.tar" exists) is accepted
 * but never found. NAME is the file's, for messages. Returns 0; -EINVAL for a malformed line, or
 * -ENOMEM, with *RET_PROBLEM set; the lines before it stay in effect. Call it before MIME is
 * shared. */
int mime_read(struct mime *mime, struct str text, const char *name, struct problem *ret_problem);

/* Whether A and B give the same type to every name. */
bool mime_equal(const struct mime *a, const struct mime *b);

/* *Takes* FORMER, which MIME replaces and which others may still use: mime_destroy destroys
 * both. */
void mime_keep(struct mime *mime, struct mime *former);

/* The media type for the file NAME, a path below ROOT without a slash at its start: by its
 * extension, case ignored; if that is unknown or missing, by its path below .well-known/; else
 * application/octet-stream. *Borrowed* from MIME. */
struct str mime_of(const struct mime *mime, struct str name);

/* Whether content of TYPE is compressed as it is: pictures (but for SVG and bitmaps), sound,
 * films, web fonts, archives. */
bool mime_is_compressed(struct str type);

#endif
