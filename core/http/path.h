/* path: from the path of a request target (RFC 3986) to a path below ROOT.
 *
 * Pure: no file system. Percent-decodes once, removes dot segments after decoding (section 5.2.4:
 * never above the root), merges repeated slashes, and refuses what must not name a file. The result
 * has no leading slash, no ".", no "..", no empty segment; openat2 with RESOLVE_BENEATH has the last
 * word all the same. */
#ifndef SLUICE_PATH_H
#define SLUICE_PATH_H

#include "base/str.h"

enum {
    PATH_BYTES_MAX = 4095, /* of a decoded path: PATH_MAX less its NUL */
};

enum path_result {
    PATH_OK,
    PATH_MALFORMED, /* 400: no leading slash, a bad escape, an encoded NUL, or a byte that must come
                       encoded: control, space, '#', '?', beyond ASCII */
    PATH_HIDDEN,    /* 404: a segment begins with a dot, and is not ".well-known" at the root */
    PATH_UNNAMABLE, /* 404: an encoded slash, which no file name can hold; or over PATH_BYTES_MAX,
                       if only on the way to something shorter */
};

struct path {
    size_t length;  /* of TEXT; 0 for the root */
    bool directory; /* the target ends in a slash (or a dot segment), or is the root */
    bool closed;    /* nothing is served there, whatever there is: HIDDEN or UNNAMABLE */
    char text[PATH_BYTES_MAX + 1]; /* "a/b/c", NUL-terminated, no slash at the end */
};

/* The text of PATH. *Borrowed*. */
static inline struct str path_view(const struct path *path)
{
    return (struct str){path->text, path->length};
}

/* Decodes TARGET, the path of a request target up to and without '?'. *RET is written in any case,
 * and means nothing if it is MALFORMED. An encoded slash stands in the text as NUL, and what is too long is
 * cut: such a path is good for the site's rules alone. MALFORMED wins over the others wherever it stands; a segment
 * that a later ".." takes away makes nothing HIDDEN or UNNAMABLE. A backslash is an ordinary byte,
 * and so is an encoded control byte: Linux allows both in names. */
enum path_result path_decode(struct str target, struct path *ret);

/* The bytes that path_put_encoded writes for TEXT. */
size_t path_encoded_bytes(struct str text);

/* Writes TEXT, one segment of a path, percent-encoded (RFC 3986 section 2.1) at TO, which has room for
 * it: all but the unreserved bytes, a slash and the colon too, so that it is neither "//host" nor taken
 * for a scheme. Returns the place behind it. */
char *path_put_encoded(char *to, struct str text);

/* Writes the last segment of P, percent-encoded, and a slash: the relative reference that redirects
 * from a directory's name without the slash. TO has room for ROOM bytes; no NUL is written. Returns
 * the length, or 0 when P is the root or ROOM too small. */
size_t path_write_redirect(const struct path *p, char *to, size_t room);

#endif
