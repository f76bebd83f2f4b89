/* http: the vocabulary that everything else speaks: methods, status codes, fields, a request.
 *
 * Owns nothing. Nothing here belongs to one version of HTTP (RFC 9110 defines it for all): sessions
 * fill struct request from the wire, whatever the wire. */
#ifndef SLUICE_HTTP_H
#define SLUICE_HTTP_H

#include "base/str.h"

/* RFC 9110 section 9, and PATCH (RFC 5789). */
enum http_method {
    HTTP_METHOD_OTHER, /* a token, but no method that we know */
    HTTP_GET,
    HTTP_HEAD,
    HTTP_OPTIONS,
    HTTP_POST,
    HTTP_PUT,
    HTTP_DELETE,
    HTTP_PATCH,
    HTTP_TRACE,
    HTTP_CONNECT,
    HTTP_METHOD_COUNT,
};

/* Those that Sluice sends; RFC 9110 section 15, RFC 6585 section 5. 0 stands for none. */
enum http_status {
    HTTP_NONE = 0,
    HTTP_OK = 200,
    HTTP_NO_CONTENT = 204,
    HTTP_PARTIAL_CONTENT = 206,
    HTTP_MOVED_PERMANENTLY = 301,
    HTTP_NOT_MODIFIED = 304,
    HTTP_BAD_REQUEST = 400,
    HTTP_FORBIDDEN = 403,
    HTTP_NOT_FOUND = 404,
    HTTP_METHOD_NOT_ALLOWED = 405,
    HTTP_NOT_ACCEPTABLE = 406,
    HTTP_REQUEST_TIMEOUT = 408,
    HTTP_PRECONDITION_FAILED = 412,
    HTTP_CONTENT_TOO_LARGE = 413,
    HTTP_URI_TOO_LONG = 414,
    HTTP_RANGE_NOT_SATISFIABLE = 416,
    HTTP_FIELDS_TOO_LARGE = 431,
    HTTP_INTERNAL_ERROR = 500,
    HTTP_NOT_IMPLEMENTED = 501,
    HTTP_UNAVAILABLE = 503,
    HTTP_VERSION_NOT_SUPPORTED = 505,
};

/* The request fields that somebody here reads as a value. */
enum http_field {
    HTTP_FIELD_HOST,
    HTTP_FIELD_IF_MATCH,
    HTTP_FIELD_IF_NONE_MATCH,
    HTTP_FIELD_IF_MODIFIED_SINCE,
    HTTP_FIELD_IF_UNMODIFIED_SINCE,
    HTTP_FIELD_RANGE,
    HTTP_FIELD_IF_RANGE,
    HTTP_FIELD_ACCEPT,
    HTTP_FIELD_ACCEPT_ENCODING,
    HTTP_FIELD_COUNT,
};

/* How a request's content is delimited; RFC 9112 section 6. */
enum http_framing {
    HTTP_FRAMING_NONE,
    HTTP_FRAMING_LENGTH,
    HTTP_FRAMING_CHUNKED,
};

enum {
    HTTP_MORE_MAX = 8, /* further lines of lists that are kept */
    HTTP_JOINED_BYTES_MAX =
        8 << 10, /* as long as any head: the values of one list are never more */
};

/* A further value of a field that is a list. */
struct http_more {
    enum http_field field;
    struct str value;
};

/* A request, as *borrowed* views into the input: valid inside one step (next, look up, plan, push,
 * consume) and not a moment longer. */
struct request {
    enum http_method method;
    enum http_status refusal; /* not HTTP_NONE: the message can't be served, only answered so */
    unsigned minor;           /* HTTP/1.minor */
    enum http_framing framing;
    uint64_t content_bytes; /* for HTTP_FRAMING_LENGTH */
    bool close;             /* Connection: close */
    bool keep_alive;        /* Connection: keep-alive */
    bool expects_continue;  /* Expect: 100-continue */
    unsigned more_count;
    struct str path;  /* of the target, raw: "/a%20b" */
    struct str query; /* behind '?', raw; absent: null */
    /* Absent: null; repeated though it is no list: empty. Of a list that may have been repeated, this is
     * the first value only: see http_field_value. */
    struct str fields[HTTP_FIELD_COUNT];
    struct http_more more[HTTP_MORE_MAX]; /* in the order in which they came; MORE_COUNT count */
};

/* The method called NAME (case-sensitive, RFC 9110 section 9.1), or HTTP_METHOD_OTHER. */
enum http_method http_method_of(struct str name);

/* Adds a line with VALUE to what REQUEST knows of FIELD. Lines of a list are one list (RFC 9110 section
 * 5.3). A field that is no list has no single meaning when it comes twice: it is present and empty,
 * which matches nothing. So is a list of which there are more lines than can be kept. */
void http_field_add(struct request *request, enum http_field field, struct str value);

/* See http_field_value; for requests in which a list has several lines. */
struct str http_field_joined(const struct request *request, enum http_field field, char *scratch);

/* The whole value of FIELD in REQUEST (section 5.3): absent, what its one line says, or the values of
 * all its lines joined by ", ". These are put into SCRATCH, which has room for HTTP_JOINED_BYTES_MAX
 * bytes; no more is written than the lines had. */
static inline struct str http_field_value(const struct request *request, enum http_field field,
                                          char *scratch)
{
    return request->more_count == 0 ? request->fields[field]
                                    : http_field_joined(request, field, scratch);
}

/* "404 Not Found", and the self-contained HTML page that explains an error to a person. */
struct str http_status_line(enum http_status status);
struct str http_error_page(enum http_status status);

/* Room for an array indexed by status: http_status_index is below HTTP_STATUS_SLOTS. */
enum { HTTP_STATUS_SLOTS = 21 };
unsigned http_status_index(enum http_status status);

#endif
