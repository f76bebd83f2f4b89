/* access_escape: what a peer has sent, as the text of a log's line.
 *
 * Nearly all that peers send is plain, so whole runs of it are found at once (SCAN_PLAIN) and
 * copied. Pure: writes to the caller's room, which has ACCESS_ESCAPE_BYTES_MAX for each byte. */
#ifndef SLUICE_ACCESS_ESCAPE_H
#define SLUICE_ACCESS_ESCAPE_H

#include "base/str.h"

enum { ACCESS_ESCAPE_BYTES_MAX = 6 }; /* of a byte: "\u001f" */

/* Writes TEXT to TO as Apache's httpd escapes it, which gives printable ASCII. Returns the end. */
char *access_escape_httpd(char *to, struct str text);

/* Writes TEXT to TO as the inside of a string (RFC 8259 section 7), which gives valid UTF-8: bytes
 * that are not UTF-8 become U+FFFD, and controls that terminals obey are escaped. Returns the
 * end. */
char *access_escape_json(char *to, struct str text);

#endif
