/* cache_control: the default Cache-Control of a file (RFC 9111 section 5.2.2), judged by its name.
 *
 * Pure; includes str. Bundlers put a hash of the content into the names of what they write, so that
 * such a name never means other bytes and a browser need never ask again (RFC 8246). All other files
 * are asked for each time, which costs a 304. The judgement is strict: a file wrongly called immutable
 * stays wrong in browsers for a year, one that was missed costs a 304 each time. */
#ifndef SLUICE_CACHE_CONTROL_H
#define SLUICE_CACHE_CONTROL_H

#include "base/str.h"

/* "public, max-age=31536000, immutable" if the last segment of the path NAME has a content hash as
 * bundlers write it, else "no-cache". Static text.
 *
 * The hash is the last part of the name before its extensions, set off by '.', '-', '_' or '~' from
 * what stands before it; words like "min" and "chunk" may come in between: "app.3f2a9c1b.min.js.map".
 * One of:
 * - lower-case hexadecimal, of a length that tools write, no UUID, digits and letters well mixed;
 * - 8 letters and digits of base64url, well mixed and with nothing in them that looks like a word;
 * - 8 characters of base32, A-Z and 2-7, mixed, behind '-'.
 * The extension is one that bundlers write. Names of pictures, films and sounds are more often made
 * from the identity of something than code is (a user, an article), so less counts there: no base32,
 * no name that is all hash, no '_' or '~' before it. */
struct str cache_control_for_name(struct str name);

#endif
