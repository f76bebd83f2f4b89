/* resource: what a path in ROOT stands for, complete, so that an answer can be planned without asking
 * anybody again.
 *
 * A resource is immutable once published and reference-counted; like a blob it belongs to one thread
 * at a time. It says everything in neutral values, and holds the same once more as prepared HTTP/1
 * field lines, because they are the same for every answer. */
#ifndef SLUICE_RESOURCE_H
#define SLUICE_RESOURCE_H

#include "blob.h"
#include "http.h"
#include "path.h"

enum resource_kind {
    RESOURCE_FILE,     /* a representation to be sent */
    RESOURCE_REDIRECT, /* a directory asked for without its slash */
    RESOURCE_REFUSAL,  /* nothing that can be served; STATUS says why */
};

/* One representation of a file (RFC 9110 section 3.2) and its validators. */
struct variant {
    struct blob *body; /* pinned by the resource */
    struct str media_type;
    struct str etag;        /* with its quotes */
    int64_t last_modified;  /* seconds */
    struct str field_lines; /* ETag, Last-Modified; Content-Type, Accept-Ranges; Content-Length */
    size_t validator_line_bytes; /* of FIELD_LINES, from its start: what a 304 carries */
    size_t partial_line_bytes;   /* and a 206 of one part: all but Content-Length */
};

struct resource {
    uint32_t references;
    enum resource_kind kind;
    enum http_status status; /* of a REFUSAL */
    struct str location;     /* of a REDIRECT: a relative reference, without a query */
    struct variant file;     /* of a FILE */
    char text[];             /* what the views point to */
};

/* A FILE whose content is BODY, which was last modified as its IDENTITY says, but never later than
 * NOW_SECONDS (RFC 9110 section 8.8.2.1). *Pins* BODY. MEDIA_TYPE is copied. NULL: out of memory.
 * *Gives* one reference. */
struct resource *resource_create_file(struct blob *body, const struct blob_identity *identity,
                                      struct str media_type, int64_t now_seconds);

/* A REDIRECT from PATH to PATH with a slash. NULL: out of memory. *Gives* one reference. */
struct resource *resource_create_redirect(const struct path *path);

/* A REFUSAL. NULL: out of memory. *Gives* one reference. */
struct resource *resource_create_refusal(enum http_status status);

static inline struct resource *resource_pin(struct resource *resource)
{
    resource->references++;
    return resource;
}

/* *Takes* one reference. No effect on NULL. */
void resource_drop(struct resource *resource);

/* Bytes of memory that the resource and its content take. */
size_t resource_bytes(const struct resource *resource);

#endif
