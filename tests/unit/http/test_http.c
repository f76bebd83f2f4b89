/* http: the names of methods (RFC 9110 section 9) and status codes (section 15), and the error
 * pages. */
#include "http/http.h"
#include "support/guard.h"

#include <criterion/criterion.h>

Test(http, recognises_methods_by_their_exact_names)
{
    static const struct {
        struct str name;
        enum http_method method;
    } rows[] = {
        {STR_INIT("GET"), HTTP_GET},           {STR_INIT("HEAD"), HTTP_HEAD},
        {STR_INIT("OPTIONS"), HTTP_OPTIONS},   {STR_INIT("POST"), HTTP_POST},
        {STR_INIT("PUT"), HTTP_PUT},           {STR_INIT("DELETE"), HTTP_DELETE},
        {STR_INIT("PATCH"), HTTP_PATCH},       {STR_INIT("TRACE"), HTTP_TRACE},
        {STR_INIT("CONNECT"), HTTP_CONNECT},   {STR_INIT("get"), HTTP_METHOD_OTHER},
        {STR_INIT("Get"), HTTP_METHOD_OTHER},  {STR_INIT("GE"), HTTP_METHOD_OTHER},
        {STR_INIT("GETS"), HTTP_METHOD_OTHER}, {STR_INIT("HEAD\0"), HTTP_METHOD_OTHER},
        {STR_INIT("PRI"), HTTP_METHOD_OTHER},  {STR_INIT("PROPFIND"), HTTP_METHOD_OTHER},
        {STR_INIT(""), HTTP_METHOD_OTHER},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str name = guard_copy(rows[i].name);
        cr_expect_eq(http_method_of(name), rows[i].method, "\"%s\"", rows[i].name.at);
        guard_drop(name);
    }
}

static const struct row {
    enum http_status status;
    struct str line;
    bool page;
} rows[] = {
    {HTTP_OK, STR_INIT("200 OK"), false},
    {HTTP_MOVED_PERMANENTLY, STR_INIT("301 Moved Permanently"), true},
    {HTTP_FOUND, STR_INIT("302 Found"), true},
    {HTTP_SEE_OTHER, STR_INIT("303 See Other"), true},
    {HTTP_TEMPORARY_REDIRECT, STR_INIT("307 Temporary Redirect"), true},
    {HTTP_NOT_MODIFIED, STR_INIT("304 Not Modified"), false},
    {HTTP_PERMANENT_REDIRECT, STR_INIT("308 Permanent Redirect"), true},
    {HTTP_BAD_REQUEST, STR_INIT("400 Bad Request"), true},
    {HTTP_FORBIDDEN, STR_INIT("403 Forbidden"), true},
    {HTTP_NOT_FOUND, STR_INIT("404 Not Found"), true},
    {HTTP_METHOD_NOT_ALLOWED, STR_INIT("405 Method Not Allowed"), true},
    {HTTP_NOT_ACCEPTABLE, STR_INIT("406 Not Acceptable"), true},
    {HTTP_REQUEST_TIMEOUT, STR_INIT("408 Request Timeout"), true},
    {HTTP_CONTENT_TOO_LARGE, STR_INIT("413 Content Too Large"), true},
    {HTTP_MISDIRECTED_REQUEST, STR_INIT("421 Misdirected Request"), true},
    {HTTP_URI_TOO_LONG, STR_INIT("414 URI Too Long"), true},
    {HTTP_FIELDS_TOO_LARGE, STR_INIT("431 Request Header Fields Too Large"), true},
    {HTTP_PRECONDITION_FAILED, STR_INIT("412 Precondition Failed"), true},
    {HTTP_RANGE_NOT_SATISFIABLE, STR_INIT("416 Range Not Satisfiable"), true},
    {HTTP_NO_CONTENT, STR_INIT("204 No Content"), false},
    {HTTP_PARTIAL_CONTENT, STR_INIT("206 Partial Content"), false},
    {HTTP_INTERNAL_ERROR, STR_INIT("500 Internal Server Error"), true},
    {HTTP_NOT_IMPLEMENTED, STR_INIT("501 Not Implemented"), true},
    {HTTP_UNAVAILABLE, STR_INIT("503 Service Unavailable"), true},
    {HTTP_VERSION_NOT_SUPPORTED, STR_INIT("505 HTTP Version Not Supported"), true},
};

static_assert(COUNT_OF(rows) == HTTP_STATUS_SLOTS - 1, "a row for each status");

Test(http, writes_status_lines_with_code_and_phrase)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str line = http_status_line(rows[i].status);
        cr_expect(str_equal(line, rows[i].line), "%s", rows[i].line.at);
    }
}

Test(http, gives_every_status_its_own_index)
{
    bool taken[HTTP_STATUS_SLOTS] = {false};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        unsigned index = http_status_index(rows[i].status);
        cr_assert_lt(index, HTTP_STATUS_SLOTS, "%s", rows[i].line.at);
        cr_expect_not(taken[index], "%s", rows[i].line.at);
        taken[index] = true;
    }
    cr_expect_lt(http_status_index(HTTP_NONE), HTTP_STATUS_SLOTS);
    cr_expect_lt(http_status_index((enum http_status)299), HTTP_STATUS_SLOTS);
    cr_expect_not(taken[http_status_index((enum http_status)299)], "not taken for a known one");
}

static bool has(struct str text, struct str part)
{
    return memmem(text.at, text.length, part.at, part.length) != NULL;
}

Test(http, explains_errors_on_pages_that_load_nothing)
{
    static const struct str forbidden[] = {
        STR_INIT("http:"), STR_INIT("https:"),  STR_INIT("src="),
        STR_INIT("href="), STR_INIT("<script"), STR_INIT("url("),
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str page = http_error_page(rows[i].status);
        cr_expect_eq(page.length > 0, rows[i].page, "%s", rows[i].line.at);
        if (page.length == 0)
            continue;
        cr_expect(str_starts_with(page, STR("<!doctype html>")), "%s", rows[i].line.at);
        cr_expect(has(page, rows[i].line), "%s", rows[i].line.at);
        cr_expect(has(page, STR("charset=utf-8")), "%s", rows[i].line.at);
        cr_expect_eq(str_find(page, '\0'), page.length, "%s", rows[i].line.at);
        cr_expect_lt(page.length, 1024, "%s: small", rows[i].line.at);
        for (size_t j = 0; j < COUNT_OF(forbidden); j++)
            cr_expect_not(has(page, forbidden[j]), "%s: %s", rows[i].line.at, forbidden[j].at);
    }
}
