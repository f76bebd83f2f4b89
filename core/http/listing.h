/* listing: a directory as a page, for people (HTML) or for programs (JSON, RFC 8259).
 *
 * Pure: entries in, bytes out; includes blob. Names may be any bytes: a page shows U+FFFD for what is not
 * UTF-8, and every reference still leads to the file, since it is percent-encoded byte by byte. References
 * are relative, so a page works behind any prefix; it holds for the path with a slash at its end. */
#ifndef SLUICE_LISTING_H
#define SLUICE_LISTING_H

#include "base/str.h"
#include "storage/blob.h"

enum listing_kind { LISTING_FILE, LISTING_DIRECTORY };

struct listing_entry {
    struct str name; /* neither empty nor "." nor ".."; no slash, no NUL */
    enum listing_kind kind;
    uint64_t bytes; /* of a file */
    int64_t modified_seconds;
};

/* What a page is made from; *borrows* everything, for the call. */
struct listing {
    struct str path; /* the directory's, decoded: "" for the root, "a/b" */
    const struct listing_entry *entries;
    size_t count;
    bool truncated; /* the directory has more than these */
};

/* Directories first, then by name: a number by its value ("file2" before "file10"), ASCII letters of
 * either case alike; what is still the same, by its bytes. The result does not depend on the order before. */
void listing_sort(struct listing_entry *entries, size_t count);

/* The page in HTML: entries in their order, with sizes and times (UTC). It needs nothing from elsewhere:
 * no script, no picture; its style is one constant <style> element, without which it is still a
 * table. NULL: out of memory. *Gives* one reference. */
struct blob *listing_to_html(const struct listing *listing);

/* The page in JSON, with these members, an entry a line:
 *
 *     {"path":"/a/b/","truncated":false,"entries":[
 *     {"name":"c","type":"directory","href":"c/","mtime":"2026-11-25T13:20:00Z"},
 *     {"name":"d e","type":"file","size":1234,"href":"d%20e","mtime":"2026-11-25T13:20:00Z"}
 *     ]}
 *
 * An object rather than the array alone, so that it can say "truncated". "href" leads to the entry even
 * where "name" could not be told exactly. NULL: out of memory. *Gives* one reference. */
struct blob *listing_to_json(const struct listing *listing);

#endif
