/* http: the vocabulary of all versions of HTTP (RFC 9110): methods, status codes, request fields,
 * and the pages that explain an error.
 *
 * Owns nothing; everything here is constant. May use base. */
#ifndef SLUICE_HTTP_H
#define SLUICE_HTTP_H

#include "base/str.h"

/* RFC 9110 section 9, and PATCH (RFC 5789). */
enum http_method {
    HTTP_METHOD_OTHER, /* a token that is not one of the methods below */
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

/* The status codes that Sluice sends; RFC 9110 section 15, RFC 6585 section 5. */
enum http_status {
    HTTP_NONE = 0, /* no status */
    HTTP_OK = 200,
    HTTP_NO_CONTENT = 204,
    HTTP_PARTIAL_CONTENT = 206,
    HTTP_MOVED_PERMANENTLY = 301,
    HTTP_FOUND = 302,
    HTTP_SEE_OTHER = 303,
    HTTP_NOT_MODIFIED = 304,
    HTTP_TEMPORARY_REDIRECT = 307,
    HTTP_PERMANENT_REDIRECT = 308,
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
    HTTP_MISDIRECTED_REQUEST = 421,
    HTTP_FIELDS_TOO_LARGE = 431,
    HTTP_INTERNAL_ERROR = 500,
    HTTP_NOT_IMPLEMENTED = 501,
    HTTP_UNAVAILABLE = 503,
    HTTP_VERSION_NOT_SUPPORTED = 505,
};

/* The request fields whose values decide about an answer. Host is not among them: it is the
 * request's authority. */
enum http_field {
    HTTP_FIELD_IF_MATCH,
    HTTP_FIELD_IF_NONE_MATCH,
    HTTP_FIELD_IF_MODIFIED_SINCE,
    HTTP_FIELD_IF_UNMODIFIED_SINCE,
    HTTP_FIELD_RANGE,
    HTTP_FIELD_IF_RANGE,
    HTTP_FIELD_ACCEPT,
    HTTP_FIELD_ACCEPT_ENCODING,
    HTTP_FIELD_SEC_FETCH_DEST, /* W3C Fetch Metadata */
    HTTP_FIELD_COUNT,
};

/* The method called NAME (case-sensitive, RFC 9110 section 9.1), or HTTP_METHOD_OTHER. */
enum http_method http_method_of(struct str name);

/* The status as in a status line, "404 Not Found"; and the self-contained HTML page that explains
 * an error to a person. Empty: the status has no page. Static text. */
struct str http_status_line(enum http_status status);
struct str http_error_page(enum http_status status);

/* The size of an array indexed by status: http_status_index returns less than HTTP_STATUS_SLOTS. */
enum { HTTP_STATUS_SLOTS = 26 };
unsigned http_status_index(enum http_status status);

/* The status with this index; 0: of a status that is not in the list. */
unsigned http_status_at(unsigned index);

#endif
