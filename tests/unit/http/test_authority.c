/* authority: RFC 3986 section 3.2, RFC 9110 sections 4.2.1 and 7.2, RFC 9112 sections 3.2.2 and
 * 3.2.3. */
#include "http/authority.h"

#include "support/guard.h"
#include "support/rows.h"

#include <criterion/criterion.h>

Test(authority, accepts_hosts_with_and_without_ports)
{
    static const struct {
        const char *section; /* of RFC 3986 */
        struct str text;     /* also the label */
        bool host, complete;
    } rows[] = {
        {"3.2.2", STR_INIT("a"), true, false},
        {"3.2.2", STR_INIT("a:80"), true, true},
        {"3.2.3", STR_INIT("a:"), true, false},
        {"3.2.2", STR_INIT(""), true, false},
        {"3.2.3", STR_INIT(":80"), true, false},
        {"3.2.2", STR_INIT("xn--bcher-kva.example:8080"), true, true},
        {"3.2.2", STR_INIT("a-rather-long-name.of-many-parts.example.org"), true, false},
        {"3.2.2", STR_INIT("127.0.0.1:8080"), true, true},
        {"3.2.2", STR_INIT("!$&'()*+,;=_~"), true, false},
        {"2.1", STR_INIT("a%41b"), true, false},
        {"2.1", STR_INIT("a%4"), false, false},
        {"2.1", STR_INIT("a%zz"), false, false},
        {"3.2.2", STR_INIT("[::1]"), true, false},
        {"3.2.2", STR_INIT("[::1]:443"), true, true},
        {"3.2.2", STR_INIT("[::1]:"), true, false},
        {"3.2.2", STR_INIT("[2001:db8:0:0:0:0:0:1]"), true, false},
        {"3.2.2", STR_INIT("[::ffff:192.0.2.1]:80"), true, true},
        {"3.2.2", STR_INIT("[::ffff:192.0.2.256]"), false, false},
        {"3.2.2", STR_INIT("[1:2:3:4:5:6:7:8:9]"), false, false},
        {"3.2.2", STR_INIT("[1::2::3]"), false, false},
        {"3.2.2", STR_INIT("[:::]"), false, false},
        {"3.2.2", STR_INIT("[12345::]"), false, false},
        {"3.2.2", STR_INIT("[127.0.0.1]"), false, false},
        {"3.2.2", STR_INIT("[fe80::1%25eth0]"), false, false},
        {"3.2.2", STR_INIT("[::1\0]"), false, false},
        {"3.2.2", STR_INIT("[]"), false, false},
        {"3.2.2", STR_INIT("["), false, false},
        {"3.2.2", STR_INIT("[::1"), false, false},
        {"3.2.2", STR_INIT("::1"), false, false},
        {"3.2.2", STR_INIT("::1]"), false, false},
        {"3.2.2", STR_INIT("[::1]a"), false, false},
        {"3.2.2", STR_INIT("a[::1]"), false, false},
        {"3.2.2", STR_INIT("[[::1]]"), false, false},
        {"3.2.2", STR_INIT("[v1.a:b]"), true, false},
        {"3.2.2", STR_INIT("[VfF.!~]:1"), true, true},
        {"3.2.2", STR_INIT("[v1.]"), false, false},
        {"3.2.2", STR_INIT("[v.a]"), false, false},
        {"3.2.2", STR_INIT("[vg.a]"), false, false},
        {"3.2.2", STR_INIT("[v1.a b]"), false, false},
        {"3.2.2", STR_INIT("[v1.a/b]"), false, false},
        {"3.2.3", STR_INIT("a:b"), false, false},
        {"3.2.3", STR_INIT("a:-1"), false, false},
        {"3.2.3", STR_INIT("a:80:80"), false, false},
        {"3.2.3", STR_INIT("[::1]:a"), false, false},
        {"3.2.1", STR_INIT("user@a"), false, false},
        {"3.2", STR_INIT("a/b"), false, false},
        {"3.2", STR_INIT("a?b"), false, false},
        {"3.2", STR_INIT("a#b"), false, false},
        {"3.2.2", STR_INIT("a b"), false, false},
        {"3.2.2", STR_INIT("a\\b"), false, false},
        {"3.2.2", STR_INIT("\xc3\xbc"), false, false},
    };
    rows_begin("URI", COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rows_next(rows[i].section, rows[i].text.at);
        struct str text = guard_copy(rows[i].text);
        row_expect(authority_is_host(text) == rows[i].host, "host");
        row_expect(authority_is_complete(text) == rows[i].complete, "complete");
        guard_drop(text);
    }
    rows_end();
}

Test(authority, removes_the_authority_from_absolute_targets)
{
    static const struct {
        const char *section; /* of RFC 9110 */
        struct str target;   /* also the label */
        const char *rest;    /* NULL: refused */
    } rows[] = {
        {"4.2.1", STR_INIT("http://a/b?c"), "/b?c"},
        {"4.2.1", STR_INIT("HTTP://a:80/"), "/"},
        {"4.2.1", STR_INIT("http://a"), ""},
        {"4.2.1", STR_INIT("http://a?b=/c"), "?b=/c"},
        {"4.2.2", STR_INIT("https://[::1]:8443/x"), "/x"},
        {"4.2.1", STR_INIT("http://"), NULL},
        {"4.2.1", STR_INIT("http:///a"), NULL},
        {"4.2.1", STR_INIT("http://:80/a"), NULL},
        {"4.2.1", STR_INIT("http://?a"), NULL},
        {"4.2.1", STR_INIT("http:/a"), NULL},
        {"4.2.1", STR_INIT("http"), NULL},
        {"4.2.4", STR_INIT("http://user@a/"), NULL},
        {"4.2.1", STR_INIT("http://a:b/"), NULL},
        {"4.2.1", STR_INIT("http://[::1/"), NULL},
        {"4.2", STR_INIT("ftp://a/"), NULL},
        {"4.2", STR_INIT("a"), NULL},
        {"4.2", STR_INIT("/a"), NULL},
    };
    rows_begin("URI", COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *rest = rows[i].rest;
        rows_next(rows[i].section, rows[i].target.at);
        struct str target = guard_copy(rows[i].target), before = target;
        struct str authority = {NULL, 0};
        bool cut = authority_cut(&target, &authority);
        row_expect(cut == (rest != NULL), "%d", cut);
        row_expect(str_equal(target, rest ? str_of(rest) : before), "%.*s", (int)target.length,
                   target.at);
        row_expect(cut == (authority.at != NULL), "authority");
        if (cut) /* what was cut off: the scheme with "//", and the authority as it was written */
            row_expect(authority.at + authority.length == target.at &&
                           memcmp(authority.at - 2, "//", 2) == 0,
                       "%.*s", (int)authority.length, authority.at);
        guard_drop(before);
    }
    rows_end();
}

/* RFC 9110 section 4.2.3: scheme and host are not case-sensitive. */
Test(authority, gives_the_host_without_its_port)
{
    static const struct {
        const char *authority, *expected;
    } rows[] = {
        {"Example.ORG", "example.org"},
        {"a.b:80", "a.b"},
        {"a.b.", "a.b"},
        {"a.b.:80", "a.b"},
        {"a.b:", "a.b"},
        {"[FE80::A]:80", "[fe80::a]"},
        {"[::1]", "[::1]"},
        {"", ""},
        {":80", ""},
        {".", ""},
    };
    char to[AUTHORITY_HOST_BYTES_MAX], text[AUTHORITY_HOST_BYTES_MAX + 1];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str authority = guard_copy(str_of(rows[i].authority));
        struct str host = authority_host(authority, to);
        cr_expect(str_equal(host, str_of(rows[i].expected)), "%s: %.*s", rows[i].authority,
                  (int)host.length, host.at);
        guard_drop(authority);
    }
    memset(text, 'a', sizeof text);
    cr_expect_eq(authority_host((struct str){text, sizeof text}, to).length, 0, "too long");
    cr_expect_eq(authority_host((struct str){text, sizeof text - 1}, to).length,
                 AUTHORITY_HOST_BYTES_MAX);
    cr_expect_eq(authority_host(STR_ABSENT, to).length, 0);
}

Test(authority, gives_a_port_that_a_redirect_can_repeat)
{
    static const struct {
        const char *authority, *port;
    } rows[] = {
        {"example.org", ""},         {"example.org:", ""},
        {"example.org:80", ":80"},   {"example.org:65535", ":65535"},
        {"example.org:0000080", ""}, {"[::1]", ""},
        {"[::1]:80", ":80"},         {"", ""},
        {"example.org.:80", ":80"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str port = authority_port(str_of(rows[i].authority));
        cr_expect(str_equal(port, str_of(rows[i].port)), "%s: %.*s", rows[i].authority,
                  (int)port.length, port.at);
    }
}
