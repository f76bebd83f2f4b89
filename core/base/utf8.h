/* utf8: bytes that should be UTF-8 (RFC 3629), character by character.
 *
 * Owns nothing; includes str. File names are bytes; what shows them has to say something for each. */
#ifndef SLUICE_UTF8_H
#define SLUICE_UTF8_H

#include "base/str.h"

/* U+FFFD, which stands for what is no character. */
#define UTF8_REPLACEMENT "\xef\xbf\xbd"

/* Takes the first character off *REST, which is not empty, and returns its bytes: 1 to 4 of them. Where
 * *REST begins with none, takes the longest beginning of one that is there, at least a byte, and returns
 * UTF8_REPLACEMENT (Unicode 15 section 3.9, "substitution of maximal subparts"). Overlong forms,
 * surrogates and what is beyond U+10FFFF are no characters. */
struct str utf8_take(struct str *rest);

#endif
