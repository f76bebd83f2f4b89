/* http: the vocabulary that everything else speaks: methods, status codes, fields, a request.
 *
 * Owns nothing. Nothing here belongs to one version of HTTP (RFC 9110 defines it for all): sessions
 * fill struct request from the wire, whatever the wire. */
#ifndef SLUICE_HTTP_H
#define SLUICE_HTTP_H

#include "str.h"

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
    HTTP_FIELD_COUNT,
};

/* How a request's content is delimited; RFC 9112 section 6. */
enum http_framing {
    HTTP_FRAMING_NONE,
    HTTP_FRAMING_LENGTH,
    HTTP_FRAMING_CHUNKED,
};

/* A request, as *borrowed* views into the input: valid inside one step (next, look up, plan, push,
 * consume) and not a moment longer. */
struct request {
    enum http_method method;
    enum http_status refusal; /* not HTTP_NONE: the message can't be served, only answered so */
    unsigned minor;           /* HTTP/1.minor */
    struct str path;          /* of the target, raw: "/a%20b" */
    struct str query;         /* behind '?', raw; absent: null */
    struct str fields[HTTP_FIELD_COUNT]; /* absent: null; repeated though it may not be: empty */
    enum http_framing framing;
    uint64_t content_bytes; /* for HTTP_FRAMING_LENGTH */
    bool close;             /* Connection: close */
    bool keep_alive;        /* Connection: keep-alive */
    bool expects_continue;  /* Expect: 100-continue */
};

/* The method called NAME (case-sensitive, RFC 9110 section 9.1), or HTTP_METHOD_OTHER. */
enum http_method http_method_of(struct str name);

/* "404 Not Found", and the self-contained HTML page that explains an error to a person. */
struct str http_status_line(enum http_status status);
struct str http_error_page(enum http_status status);

/* Room for an array indexed by status: http_status_index is below HTTP_STATUS_SLOTS. */
enum { HTTP_STATUS_SLOTS = 20 };
unsigned http_status_index(enum http_status status);

#endif
