/* resource: all that is known of one path: enough to plan any response without another look-up.
 *
 * Immutable once published, but for its lease, and reference-counted; like a blob it belongs to one
 * thread at a time. It owns its memory and pins the bodies of its variants.
 *
 * It is of no version of HTTP. It has all values that responses need; fields that every response
 * repeats are kept as blocks (see fields.h), which hold the values and their HTTP/1 lines. A second
 * encoding, such as HPACK, is made of the values of the same blocks.
 *
 * Uses http, path, fields and blob. RFC 9110 sections 3.2 (representations) and 8 (their
 * fields). */
#ifndef SLUICE_RESOURCE_H
#define SLUICE_RESOURCE_H

#include "http/content_coding.h"
#include "http/fields.h"
#include "http/http.h"
#include "http/path.h"
#include "storage/blob.h"

#include <stdatomic.h>

enum resource_kind {
    RESOURCE_FILE,     /* representations that differ in their content coding */
    RESOURCE_LISTING,  /* of a directory: representations that differ in their media type */
    RESOURCE_REDIRECT, /* a directory requested without its slash */
    RESOURCE_REFUSAL,  /* nothing to serve; STATUS says why */
};

/* One representation (RFC 9110 section 3.2) and its validators (section 8.8). */
struct variant {
    struct blob *body; /* pinned by the resource */
    enum content_coding coding;
    struct str media_type; /* in FIELDS; absent: not known */
    struct str etag; /* in FIELDS; with its quotes, and W/ if it is weak; absent: none is known */
    bool dated;      /* LAST_MODIFIED means something */
    int64_t last_modified; /* seconds since 1970 */
    /* In this order: ETag, Last-Modified, the shared fields, Vary; Content-Type, the content
     * fields, Content-Encoding, Accept-Ranges (with ETag only); Content-Length. */
    struct field_block fields;
    struct field_cut validators; /* of FIELDS: those of a 304 */
    struct field_cut partial;    /* of FIELDS: those of a 206 of one part, all but Content-Length */
};

/* How long a resource may be served without a check of what it was made from (RFC 9111 section 4.2
 * calls that fresh): until a time, and while PUBLISHED, a word that workers share, is SEEN: another
 * worker that finds a newer state changes it (site/changes.h). Shared by the resource and its
 * memos; it outlives the resource when a memo holds it. */
struct lease {
    uint32_t references;
    uint8_t marks;           /* LEASE_MARKS when a memo uses it; the cache clears them one by one */
    uint64_t fresh_until_ms; /* date_now's ms; 0 as soon as the resource leaves its cache */
    const _Atomic uint64_t *published; /* outlives the lease */
    uint64_t seen;
};

enum {
    LEASE_HIT = 1,    /* used since the cache's hand last passed */
    LEASE_RECENT = 2, /* used since cache_release_files last passed */
    LEASE_MARKS = LEASE_HIT | LEASE_RECENT,
};

/* Whether no newer state of the resource's path has been published. */
static inline bool lease_is_newest(const struct lease *lease)
{
    return atomic_load_explicit(lease->published, memory_order_relaxed) == lease->seen;
}

static inline bool lease_is_fresh(const struct lease *lease, uint64_t now_ms)
{
    return now_ms < lease->fresh_until_ms && lease_is_newest(lease);
}

/* *Takes* LEASE. No effect on NULL. */
void lease_drop(struct lease *lease);

struct resource {
    uint32_t references;
    enum resource_kind kind;
    enum http_status status; /* of a REFUSAL */
    /* Of a 404: the directory with the site's page for it, as the number of bytes of the path; 0 is
     * ROOT; negative: no directory has one. */
    int page_directory;
    struct str location; /* of a REDIRECT: a relative reference, without a query */
    /* Fields of a page that Sluice makes: of a REDIRECT, a REFUSAL, or an error in place of a
     * variant. They include the defaults; absent: the defaults alone, which plan adds. */
    struct field_block page_fields;
    struct str vary; /* the fields that the choice of a variant depends on; absent: no choice */
    struct lease *lease;
    bool derived;   /* LEASE is that of the resource it was made from */
    bool hashed;    /* of a FILE: its name means this content for ever; set by site_resource */
    unsigned index; /* of a FILE for a directory: which of the site's index names it has */
    unsigned variant_count;
    /* Of a FILE: the plain one, then its coded siblings; of a LISTING: HTML, then JSON. After them,
     * in the same memory, the blocks and the text. */
    struct variant variants[];
};

/* One representation, from which a variant is made. */
struct representation {
    struct blob *body; /* *borrowed*; the resource pins it */
    enum content_coding coding;
    struct str media_type;    /* absent: no Content-Type */
    struct timespec modified; /* of the file */
    /* Hexadecimal digest of the content, at most DIGEST_TAG_DIGITS, for the entity tag. Absent: the
     * tag is made of MODIFIED and the size. */
    struct str digest;
    bool undated; /* MODIFIED means nothing: there is no Last-Modified */
    bool weak;    /* the file's next change might leave the tag as it is */
    /* Nothing shows yet which content the file has: it has no validator, and Accept-Ranges does not
     * invite clients to put parts together that nothing identifies. */
    bool unverified;
    /* Another variant with the same content, whose validators this one has, in place of those that
     * the members above give; *borrowed*. NULL: no other variant. */
    const struct variant *original;
};

enum { RESOURCE_OWN_FIELDS_MAX = 7 }; /* that a resource adds to the lists below */

/* The fields of a resource besides its own. The lists are *borrowed*, and their text copied. */
struct resource_fields {
    const struct fields *shared;  /* in every response by a variant, a 304 too; NULL: none */
    const struct fields *content; /* only in those with content, which say its type; NULL: none */
    const struct fields *page;    /* see page_fields; NULL: absent */
    struct str vary;              /* value of Vary; absent: no such field */
};

/* A FILE or LISTING with COUNT representations. The entity tag is made of modification time and
 * size, so that all servers with the same file send the same one. Last-Modified is not later than
 * NOW_SECONDS (RFC 9110 section 8.8.2.1). *Pins* the bodies; all text is copied. NULL: out of
 * memory. *Gives* one reference. */
struct resource *resource_create(enum resource_kind kind, const struct representation *items,
                                 unsigned count, const struct resource_fields *fields,
                                 int64_t now_seconds);

/* Gives RESOURCE, just created of ORIGINAL's content, the lease of ORIGINAL. */
void resource_derive(struct resource *resource, const struct resource *original);

/* A REDIRECT from PATH to PATH with a slash. PAGE is copied; NULL: the defaults alone. NULL: out of
 * memory. *Gives* one reference. */
struct resource *resource_create_redirect(const struct path *path, const struct fields *page);

/* A REFUSAL. PAGE is copied; NULL: the defaults alone. NULL: out of memory. *Gives* one
 * reference. */
struct resource *resource_create_refusal(enum http_status status, const struct fields *page);

static inline struct resource *resource_pin(struct resource *resource)
{
    resource->references++;
    return resource;
}

/* *Takes* one reference. No effect on NULL. */
void resource_drop(struct resource *resource);

/* RESOURCE's lease, *given*: lease_drop. */
static inline struct lease *resource_lease(struct resource *resource)
{
    resource->lease->references++;
    return resource->lease;
}

/* Bytes of memory that the resource and its content take. */
size_t resource_bytes(const struct resource *resource);

/* Open descriptors that it holds. */
unsigned resource_descriptors(const struct resource *resource);

/* Whether one of them is of a file of the site, not of a copy. */
bool resource_holds_file(const struct resource *resource);

/* The resources that were found for a request. */
struct found {
    struct resource *resource; /* of the path; a REFUSAL if nothing can be served */
    struct resource *page;     /* if that is a 404: the site's page to send instead; or NULL */
    bool fallback;             /* the page is for a route of a script: sent with status 200 */
    bool cached;               /* part of it was not checked in this look-up, see store_confirm */
};

/* *Takes* the references in FOUND, which may be NULL. */
void found_drop(struct found *found);

#endif
