/* resource: what a path in ROOT stands for, complete, so that an answer can be planned without asking
 * anybody again.
 *
 * A resource is immutable once published (but for its lease) and reference-counted; like a
 * blob it belongs to one thread at a time, and in a cache it stands for one path. It says everything in neutral values, and holds the same once more as prepared HTTP/1
 * field lines, because they are the same for every answer. */
#ifndef SLUICE_RESOURCE_H
#define SLUICE_RESOURCE_H

#include "http/content_coding.h"
#include "http/http.h"
#include "http/path.h"
#include "storage/blob.h"

enum resource_kind {
    RESOURCE_FILE,     /* representations that differ in their content coding */
    RESOURCE_LISTING,  /* of a directory: representations that differ in their media type */
    RESOURCE_REDIRECT, /* a directory asked for without its slash */
    RESOURCE_REFUSAL,  /* nothing that can be served; STATUS says why */
};

/* One representation (RFC 9110 section 3.2) and its validators (section 8.8). */
struct variant {
    struct blob *body; /* pinned by the resource */
    enum content_coding coding;
    struct str media_type;
    struct str etag;       /* with its quotes, and W/ if it is weak */
    bool dated;            /* LAST_MODIFIED means something */
    int64_t last_modified; /* seconds */
    /* ETag, Last-Modified, Cache-Control, the site's own, Vary; Content-Type, Content-Encoding,
     * Accept-Ranges; Content-Length */
    struct str field_lines;
    size_t validator_line_bytes; /* of FIELD_LINES, from its start: what a 304 carries */
    size_t partial_line_bytes;   /* and a 206 of one part: all but Content-Length */
};

/* How long a resource may be served without a check of what it was made from (RFC 9111 section 4.2
 * calls that fresh). Shared by the resource and its memos; it outlives the resource when a memo holds it. */
struct lease {
    uint32_t references;
    bool used;               /* through a memo, since the cache last cleared this mark */
    uint64_t fresh_until_ms; /* date_now's ms; 0 as soon as the resource leaves its cache */
};

static inline bool lease_is_fresh(const struct lease *lease, uint64_t now_ms)
{
    return now_ms < lease->fresh_until_ms;
}

/* *Takes* LEASE. No effect on NULL. */
void lease_drop(struct lease *lease);

struct resource {
    uint32_t references;
    enum resource_kind kind;
    enum http_status status; /* of a REFUSAL */
    struct str location;     /* of a REDIRECT: a relative reference, without a query */
    /* The site's own, for a page of ours: of a REDIRECT, a REFUSAL, or an error in place of a variant;
     * absent: it has nothing to say. */
    struct str field_lines;
    struct str vary; /* what the choice among variants depends on; absent: there is none */
    struct lease *lease;
    unsigned variant_count;
    struct variant
        variants[]; /* of a FILE: the plain one, then its coded siblings; of a LISTING: for
                                  people, then for programs. Behind them, what the views point to. */
};

/* What a variant is made of. */
struct representation {
    struct blob *body; /* *borrowed*; the resource pins it */
    enum content_coding coding;
    struct str media_type;
    struct timespec modified; /* of the file */
    struct str digest; /* of the content, as text: the entity tag where MODIFIED says nothing, and
                                 then there is no Last-Modified; else absent */
    bool weak;         /* the next change might have the same time */
};

/* What goes along with every representation of a resource. Values that are absent: no such field. */
struct resource_fields {
    struct str cache_control;
    struct str vary;
    struct str site_lines;  /* further field lines, each with its CRLF */
    struct str error_lines; /* the same of an error in a representation's place */
    bool nosniff;           /* X-Content-Type-Options (WHATWG Fetch) */
};

/* A FILE or LISTING with COUNT representations. The entity tag is made of modification time and size,
 * so that every node with the same file says the same. Last-Modified is never later than NOW_SECONDS
 * (RFC 9110 section 8.8.2.1). *Pins* the bodies; all text is copied. NULL: out of memory. *Gives* one
 * reference. */
struct resource *resource_create(enum resource_kind kind, const struct representation *items,
                                 unsigned count, const struct resource_fields *fields,
                                 int64_t now_seconds);

/* A REDIRECT from PATH to PATH with a slash. NULL: out of memory. *Gives* one reference. */
struct resource *resource_create_redirect(const struct path *path, struct str site_lines);

/* A REFUSAL. NULL: out of memory. *Gives* one reference. */
struct resource *resource_create_refusal(enum http_status status, struct str site_lines);

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

/* What a look-up gives. */
struct found {
    struct resource *resource; /* what there is at the path, if only a refusal */
    struct resource *page;     /* where that is 404: what the site answers with instead; or NULL */
    bool fallback;             /* the page stands for a route: it is no error */
    bool cached;               /* some of it was not looked at now, see store_confirm */
};

/* *Takes* the references in FOUND, which may be NULL. */
void found_drop(struct found *found);

#endif
