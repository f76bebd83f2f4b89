/* path: turns the path of a request target (RFC 3986) into a path below ROOT.
 *
 * Pure: no file system. Percent-decodes once (UTF-8 that is not encoded counts as if it were: an
 * IRI, RFC 3987 section 3.1), removes dot segments after decoding (section 5.2.4;
 * never above the root), merges repeated slashes, and refuses paths that must not name a file. The
 * result has no leading slash, no ".", no "..", no empty segment. openat2 with RESOLVE_BENEATH
 * checks it again all the same. */
#ifndef SLUICE_PATH_H
#define SLUICE_PATH_H

#include "base/str.h"

enum {
    PATH_BYTES_MAX = 4095, /* of a decoded path: PATH_MAX without its NUL */
};

enum path_result {
    PATH_OK,
    /* 400: no leading slash, a malformed escape, an encoded NUL, a byte that must be encoded
     * (control, space, '#', '?'), or bytes beyond ASCII that are not valid UTF-8. */
    PATH_MALFORMED,
    /* 404: a segment begins with a dot, and is not ".well-known" at the root. */
    PATH_HIDDEN,
    /* 404: an encoded slash, which no file name can contain; or longer than PATH_BYTES_MAX at any
     * time, even if dot segments would shorten it. */
    PATH_UNNAMABLE,
};

struct path {
    size_t length;                 /* of TEXT; 0: the root */
    bool directory;                /* the target ends in a slash or a dot segment, or is the root */
    bool closed;                   /* HIDDEN or UNNAMABLE: never served, whatever exists */
    char text[PATH_BYTES_MAX + 1]; /* "a/b/c", NUL-terminated, no final slash */
};

/* Whether P is in "/.well-known/acme-challenge/", where a certificate authority asks for the files
 * that show who controls a host (RFC 8555 section 8.3). */
bool path_is_challenge(const struct path *p);

/* The text of PATH, *borrowed*. */
static inline struct str path_view(const struct path *path)
{
    return (struct str){path->text, path->length};
}

/* Decodes TARGET, the path of a request target without '?' and the query. *RET is always written,
 * and is meaningless if the result is MALFORMED. In the text of a HIDDEN or UNNAMABLE path an
 * encoded slash is a NUL, and a path that is too long is truncated: such a path is only used to
 * apply the site's rules. MALFORMED takes precedence over the others. A segment that a later ".."
 * removes does not make a path HIDDEN or UNNAMABLE. A backslash is an ordinary byte, and so is an
 * encoded control byte: Linux allows both in names. */
enum path_result path_decode(struct str target, struct path *ret);

enum { PATH_ROOTED_BYTES_MAX = PATH_BYTES_MAX + 2 };

/* Writes P with its leading slash, and the slash of a directory, to TO, which has room for
 * PATH_ROOTED_BYTES_MAX bytes: as rules see it. Returns the end of the text written. */
char *path_put_rooted(const struct path *p, char *to);

/* The number of bytes that path_put_encoded writes for TEXT. */
size_t path_encoded_bytes(struct str text);

/* Writes TEXT, one segment of a path, to TO, percent-encoded (RFC 3986 section 2.1). TO has room
 * for it. All bytes are encoded except the unreserved ones, so slashes and colons too: the result
 * cannot be taken for "//host" or a scheme. Returns the end of the text written. */
char *path_put_encoded(char *to, struct str text);

/* The same for the query of a request target, which is encoded already, except perhaps for bytes
 * beyond ASCII: those alone are encoded. */
size_t path_query_bytes(struct str query);
char *path_put_query(char *to, struct str query);

/* Writes the last segment of P, percent-encoded, and a slash: the relative reference for the
 * redirect from a directory's name without a slash. TO has room for ROOM bytes; no NUL. Returns the
 * length; 0: P is the root, or ROOM is too small. */
size_t path_write_redirect(const struct path *p, char *to, size_t room);

#endif
