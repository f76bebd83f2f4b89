/* request: one request as every version of HTTP has it (RFC 9110): method, authority, path, query,
 * fields.
 *
 * A session fills it in from the wire. All text in it is *borrowed* from the session's input: in
 * HTTP/1 it is valid inside one step (next, look up, plan, push, consume) and no longer, because
 * the same bytes are parsed again after a wait. A session that can't parse twice (HPACK decoding
 * changes the decoder's table) copies the request to memory of its own with request_copy and keeps
 * that. Pure; may use base. */
#ifndef SLUICE_REQUEST_H
#define SLUICE_REQUEST_H

#include "http/http.h"

enum {
    REQUEST_MORE_MAX = 8,               /* further lines of lists that are kept */
    REQUEST_JOINED_BYTES_MAX = 8 << 10, /* of a list on several lines */
};

/* A further value of a field that is a list. */
struct request_more {
    enum http_field field;
    struct str value;
};

struct request {
    enum http_method method;
    enum http_status refusal; /* not HTTP_NONE: the request is answered with this status */
    unsigned more_count;
    /* host[:port] as the client wrote it, RFC 9110 section 7.2: the target's, else Host's. Empty if
     * Host is empty; absent in HTTP/1.0 without Host. */
    struct str authority;
    struct str path;  /* of the target, raw: "/a%20b" */
    struct str query; /* after '?', raw; absent if there is no '?' */
    /* Absent fields are absent strings. A field that was repeated and is not a list is empty. A
     * list that was repeated has its first value here: read it with request_field. */
    struct str fields[HTTP_FIELD_COUNT];
    struct request_more more[REQUEST_MORE_MAX]; /* the first MORE_COUNT, in the order they came */
};

/* An empty request: an unknown method, nothing refused, all text absent. */
void request_init(struct request *ret);

/* Adds a line with VALUE to FIELD. Lines of a list are one list (RFC 9110 section 5.3). A field
 * that is not a list has no single meaning when it comes twice: it becomes present and empty, which
 * matches nothing. So does a list with more lines, or more bytes on them, than can be joined. */
void request_add_field(struct request *request, enum http_field field, struct str value);

/* See request_field; for requests in which a list has several lines. */
struct str request_field_joined(const struct request *request, enum http_field field,
                                char *scratch);

/* The whole value of FIELD (RFC 9110 section 5.3): absent, the value of its one line, or the values
 * of all its lines joined by ", ". Joined values are written to SCRATCH, which has room for
 * REQUEST_JOINED_BYTES_MAX bytes; no more is written than the lines had. */
static inline struct str request_field(const struct request *request, enum http_field field,
                                       char *scratch)
{
    return request->more_count == 0 ? request->fields[field]
                                    : request_field_joined(request, field, scratch);
}

/* The bytes of all text in REQUEST. */
size_t request_bytes(const struct request *request);

/* Copies REQUEST to *RET and all its text to TO, which has room for request_bytes. *RET borrows
 * from TO alone. */
void request_copy(struct request *ret, const struct request *request, char *to);

#endif
