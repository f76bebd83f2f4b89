/* listing: writes a directory as a page, in HTML for people or in JSON (RFC 8259) for programs.
 *
 * Pure: takes entries, returns a blob. Names may be any bytes: a page shows U+FFFD for those that
 * are not UTF-8, but every link leads to its file, because links are percent-encoded byte by byte.
 * Links are relative, so a page works under any prefix; its own path must end in a slash. */
#ifndef SLUICE_LISTING_H
#define SLUICE_LISTING_H

#include "base/str.h"
#include "storage/blob.h"

enum listing_kind { LISTING_FILE, LISTING_DIRECTORY };

struct listing_entry {
    struct str name; /* not empty, "." or ".."; without slash and NUL */
    enum listing_kind kind;
    uint64_t bytes; /* size of a file; unused for a directory */
    int64_t modified_seconds;
};

/* The contents of a page; *borrows* everything for the call. */
struct listing {
    struct str path; /* of the directory, decoded: "" for the root, "a/b" */
    const struct listing_entry *entries;
    size_t count;
    bool truncated; /* the directory has more entries than these, which are the first in order */
};

/* Compares two entries as for qsort: directories come first, then the order is by name. Numbers in
 * names are compared by value ("file2" before "file10"), letters ignoring case (ASCII); names that
 * are still equal are compared byte by byte. Sizes and times count only if the names are equal. */
int listing_compare(const struct listing_entry *a, const struct listing_entry *b);

/* Sorts ENTRIES by that. The result does not depend on the initial order. */
void listing_sort(struct listing_entry *entries, size_t count);

/* The page in HTML: the entries in the given order, with sizes and times (UTC). It needs no other
 * resource: no script and no image, and its style is one constant <style> element, without which it
 * is still a table. NULL: out of memory. *Gives* one reference. */
struct blob *listing_to_html(const struct listing *listing);

/* The page in JSON, one line per entry, with these members:
 *
 *     {"path":"/a/b/","truncated":false,"entries":[
 *     {"name":"c","type":"directory","href":"c/","mtime":"2026-11-25T13:20:00Z"},
 *     {"name":"d e","type":"file","size":1234,"href":"d%20e","mtime":"2026-11-25T13:20:00Z"}
 *     ]}
 *
 * An object instead of the bare array, so that it can have "truncated". "href" leads to the entry
 * even if "name" contains U+FFFD. NULL: out of memory. *Gives* one reference. */
struct blob *listing_to_json(const struct listing *listing);

#endif
