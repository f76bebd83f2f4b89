/* utf8: reads bytes as UTF-8 (RFC 3629), one character at a time.
 *
 * Owns nothing; includes str. The target of a request may hold UTF-8 that is not encoded. The names
 * of files are arbitrary bytes, so a page or a document that shows them needs a replacement for
 * those that are not UTF-8. */
#ifndef SLUICE_UTF8_H
#define SLUICE_UTF8_H

#include "base/str.h"

/* U+FFFD, the replacement character, in UTF-8. */
#define UTF8_REPLACEMENT "\xef\xbf\xbd"

/* Whether all of S is valid UTF-8. */
bool utf8_is_valid(struct str s);

/* Takes the first character off *REST, which is not empty, and returns its 1 to 4 bytes. If *REST
 * does not begin with a valid character, takes the longest valid beginning of one, at least one
 * byte, and returns UTF8_REPLACEMENT (Unicode 15 section 3.9, "substitution of maximal subparts").
 * Overlong encodings, surrogates and code points over U+10FFFF are not valid. */
struct str utf8_take(struct str *rest);

#endif
