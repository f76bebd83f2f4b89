/* header_policy: which fields rules may set. Sections are RFC 9110's. */
#include "http/header_policy.h"
#include "support/guard.h"

#include <criterion/criterion.h>

Test(header_policy, refuses_fields_that_only_the_server_knows)
{
    static const struct {
        const char *section;
        struct str name;
        bool refused;
    } rows[] = {
        {"6.6.1", STR_INIT("Date"), true},
        {"6.6.2", STR_INIT("Trailer"), true},
        {"7.6.1", STR_INIT("Connection"), true},
        {"7.6.1", STR_INIT("Keep-Alive"), true},
        {"7.6.1", STR_INIT("Proxy-Connection"), true},
        {"7.6.1", STR_INIT("TE"), true},
        {"7.6.1", STR_INIT("Transfer-Encoding"), true},
        {"7.8", STR_INIT("Upgrade"), true},
        {"8.4", STR_INIT("Content-Encoding"), true},
        {"8.6", STR_INIT("Content-Length"), true},
        {"8.8.2", STR_INIT("Last-Modified"), true},
        {"8.8.3", STR_INIT("ETag"), true},
        {"10.2.1", STR_INIT("Allow"), true},
        {"10.2.2", STR_INIT("Location"), true},
        {"10.2.3", STR_INIT("Retry-After"), true},
        {"10.2.4", STR_INIT("Server"), true},
        {"11.6.1", STR_INIT("WWW-Authenticate"), true},
        {"11.7.1", STR_INIT("Proxy-Authenticate"), true},
        {"14.3", STR_INIT("Accept-Ranges"), true},
        {"14.4", STR_INIT("Content-Range"), true},
        {"RFC 9111, 5.1", STR_INIT("Age"), true},
        {"a password", STR_INIT("Basic-Auth"), true},
        {"5.1, no case", STR_INIT("content-LENGTH"), true},
        {"5.1, no case", STR_INIT("PROXY-anything"), true},
        {"no prefix", STR_INIT("Dates"), false},
        {"no prefix", STR_INIT("Dat"), false},
        {"no proxy", STR_INIT("X-Proxy-Name"), false},
        {"no proxy", STR_INIT("Proxy"), false},
        {"8.3", STR_INIT("Content-Type"), false},
        {"12.5.5", STR_INIT("Vary"), false},
        {"RFC 6265", STR_INIT("Set-Cookie"), false},
        {"RFC 8288", STR_INIT("Link"), false},
        {"RFC 9111, 5.2", STR_INIT("Cache-Control"), false},
        {"anything", STR_INIT("X-Robots-Tag"), false},
        {"nothing", STR_INIT(""), false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str name = guard_copy(rows[i].name);
        cr_expect_eq(header_policy_of(name)->refusal != NULL, rows[i].refused, "%s: %s",
                     rows[i].section, rows[i].name.at);
        guard_drop(name);
    }
}

Test(header_policy, separates_fields_of_the_file_from_others)
{
    static const struct {
        struct str name;
        enum header_policy_subject subject;
        bool single;
    } rows[] = {
        {STR_INIT("content-type"), HEADER_POLICY_OF_CONTENT_TYPE, true},
        {STR_INIT("Cache-Control"), HEADER_POLICY_OF_FILE, false},
        {STR_INIT("CDN-Cache-Control"), HEADER_POLICY_OF_FILE, false},
        {STR_INIT("any-cache-control"), HEADER_POLICY_OF_FILE, false},
        {STR_INIT("X-Cache-Controls"), HEADER_POLICY_OF_ANY, false},
        {STR_INIT("Expires"), HEADER_POLICY_OF_FILE, true},
        {STR_INIT("Content-Disposition"), HEADER_POLICY_OF_FILE, true},
        {STR_INIT("Content-Language"), HEADER_POLICY_OF_FILE, false},
        {STR_INIT("Access-Control-Allow-Origin"), HEADER_POLICY_OF_ANY, true},
        {STR_INIT("X-Content-Type-Options"), HEADER_POLICY_OF_ANY, true},
        {STR_INIT("Content-Security-Policy"), HEADER_POLICY_OF_ANY, false},
        {STR_INIT("Vary"), HEADER_POLICY_OF_ANY, false},
        {STR_INIT("X-Anything"), HEADER_POLICY_OF_ANY, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct header_policy *header = header_policy_of(rows[i].name);
        cr_expect_eq(header->subject, rows[i].subject, "%s", rows[i].name.at);
        cr_expect_eq(header->single, rows[i].single, "%s", rows[i].name.at);
    }
}
