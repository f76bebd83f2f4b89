/* cache_control: the default Cache-Control of a file (RFC 9111 section 5.2.2), derived from its
 * name.
 *
 * Pure; includes str. Bundlers put a hash of the content into the names of their output, so such a
 * name always means the same bytes, and a browser need not revalidate it (RFC 8246). All other
 * files are revalidated each time, which costs a 304. The test is strict: a file wrongly called
 * immutable stays wrong in browsers for a year, a missed one costs a 304 each time. */
#ifndef SLUICE_CACHE_CONTROL_H
#define SLUICE_CACHE_CONTROL_H

#include "base/str.h"

/* "public, max-age=31536000, immutable" if the last segment of the path NAME contains a content
 * hash in a form that bundlers write, else "no-cache". Static text.
 *
 * The hash is the last part of the name before its extensions. It follows '.', '-', '_' or '~';
 * words like "min" and "chunk" may come between it and the extension: "app.3f2a9c1b.min.js.map". It
 * is one of:
 * - lower-case hexadecimal of a length that tools write, not a UUID, digits and letters well mixed;
 * - 8 letters and digits of base64url, well mixed and without anything that resembles a word;
 * - 8 characters of base32 (A-Z and 2-7), mixed, after '-'.
 * The extension is one that bundlers write. Names of pictures, films and sounds, more often than
 * those of code, are made from an identifier (of a user, of an article). So the rules for them are
 * stricter: no base32, no name that is only a hash, no '_' or '~' before the hash. */
struct str cache_control_for_name(struct str name);

#endif
