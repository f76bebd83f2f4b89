/* http: see http.h. */
#include "http/http.h"

static const struct {
    struct str name;
    enum http_method method;
} methods[] = {
    {STR_INIT("GET"), HTTP_GET},         {STR_INIT("HEAD"), HTTP_HEAD},
    {STR_INIT("OPTIONS"), HTTP_OPTIONS}, {STR_INIT("POST"), HTTP_POST},
    {STR_INIT("PUT"), HTTP_PUT},         {STR_INIT("DELETE"), HTTP_DELETE},
    {STR_INIT("PATCH"), HTTP_PATCH},     {STR_INIT("TRACE"), HTTP_TRACE},
    {STR_INIT("CONNECT"), HTTP_CONNECT},
};
static_assert(COUNT_OF(methods) == HTTP_METHOD_COUNT - 1, "a name for each known method");

enum http_method http_method_of(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        if (str_equal(methods[i].name, name))
            return methods[i].method;
    }
    return HTTP_METHOD_OTHER;
}

/* The page that explains a status to people: small, self-contained, light or dark as they
 * prefer. */
#define PAGE(status, reason, advice)                                                          \
    "<!doctype html><html lang=en><meta charset=utf-8>"                                       \
    "<meta name=viewport content=\"width=device-width\"><title>" status " " reason "</title>" \
    "<style>:root{color-scheme:light dark}body{font:1.1rem/1.5 system-ui,sans-serif;"         \
    "margin:18vh auto;max-width:32rem;padding:0 1rem}</style><h1>" status " " reason          \
    "</h1><p>" advice "</p></html>\n"

#define STATUS(code, reason, advice)                                            \
    {                                                                           \
        code, STR_INIT(#code " " reason), STR_INIT(PAGE(#code, reason, advice)) \
    }
#define STATUS_WITHOUT_PAGE(code, reason)              \
    {                                                  \
        code, STR_INIT(#code " " reason), STR_INIT("") \
    }

static const struct {
    unsigned code;
    struct str line;
    struct str page;
} statuses[] = {
    {0},
    STATUS_WITHOUT_PAGE(200, "OK"),
    STATUS_WITHOUT_PAGE(204, "No Content"),
    STATUS_WITHOUT_PAGE(206, "Partial Content"),
    STATUS(301, "Moved Permanently", "This page is at another address now."),
    STATUS(302, "Found", "This page is temporarily at another address."),
    STATUS(303, "See Other", "The answer is at another address."),
    STATUS_WITHOUT_PAGE(304, "Not Modified"),
    STATUS(307, "Temporary Redirect", "This page is temporarily at another address."),
    STATUS(308, "Permanent Redirect", "This page is at another address now."),
    STATUS(400, "Bad Request", "The request is malformed."),
    STATUS(403, "Forbidden", "The server may not read this page."),
    STATUS(404, "Not Found", "There is no page at this address."),
    STATUS(405, "Method Not Allowed", "This server answers GET, HEAD and OPTIONS only."),
    STATUS(406, "Not Acceptable",
           "No available representation of this page matches the Accept headers."),
    STATUS(408, "Request Timeout", "The request took too long to arrive."),
    STATUS(412, "Precondition Failed", "A precondition of the request failed."),
    STATUS(413, "Content Too Large", "The request has more content than this server accepts."),
    STATUS(414, "URI Too Long", "The address is too long."),
    STATUS(416, "Range Not Satisfiable", "The requested range is outside the page."),
    STATUS(421, "Misdirected Request", "This server has no site for this host."),
    STATUS(431, "Request Header Fields Too Large", "The request\xe2\x80\x99s header is too long."),
    STATUS(500, "Internal Server Error", "The server could not read this page."),
    STATUS(501, "Not Implemented", "The server does not support this request."),
    STATUS(503, "Service Unavailable", "The server is short of resources; try again soon."),
    STATUS(505, "HTTP Version Not Supported", "This server speaks HTTP/1.0 and HTTP/1.1."),
};

static_assert(COUNT_OF(statuses) == HTTP_STATUS_SLOTS, "a slot for each status, and one for none");

unsigned http_status_index(enum http_status status)
{
    for (unsigned i = 1; i < COUNT_OF(statuses); i++) {
        if (statuses[i].code == (unsigned)status)
            return i;
    }
    return 0;
}

unsigned http_status_at(unsigned index)
{
    return statuses[index].code;
}

struct str http_status_line(enum http_status status)
{
    return statuses[http_status_index(status)].line;
}

struct str http_error_page(enum http_status status)
{
    return statuses[http_status_index(status)].page;
}
