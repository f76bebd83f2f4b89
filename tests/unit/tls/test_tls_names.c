/* tls_names: which host a certificate is for. */
#include "tls/tls_names.h"

#include "support/faults.h"
#include "support/guard.h"
#include "support/rows.h"

#include <errno.h>

static struct tls_names names;

static void set_up(void)
{
    names = (struct tls_names){.address_count = 0};
    static const char *const hosts[] = {
        "example.org",    "*.Example.ORG",       "xn--bcher-kva.example",
        "*.wild.example", "under_score.example", "dot.example.",
        "single"};
    for (size_t i = 0; i < COUNT_OF(hosts); i++)
        cr_assert_eq(tls_names_add_host(&names, str_of(hosts[i])), 0, "%s", hosts[i]);
    cr_assert_eq(tls_names_add_text(&names, STR("192.0.2.1")), 0);
    cr_assert_eq(tls_names_add_text(&names, STR("2001:db8::1")), 0);
}

static void tear_down(void)
{
    faults_clear();
    tls_names_fini(&names);
}

TestSuite(tls_names, .init = set_up, .fini = tear_down);

static const struct match_row {
    const char *section, *host;
    enum tls_match expected;
} match_rows[] = {
    {"RFC 9525 6.3", "example.org", TLS_MATCH_EXACT},
    {"RFC 9525 6.3", "EXAMPLE.org", TLS_MATCH_EXACT},
    {"RFC 9525 6.3", "www.example.org", TLS_MATCH_WILDCARD},
    {"RFC 9525 6.3", "wWw.eXample.Org", TLS_MATCH_WILDCARD},
    {"RFC 9525 6.3", "a.www.example.org", TLS_MATCH_NONE},
    {"RFC 9525 6.3", ".example.org", TLS_MATCH_NONE},
    {"RFC 9525 6.3", "*.example.org", TLS_MATCH_NONE},
    {"RFC 9525 6.3", "wild.example", TLS_MATCH_NONE},
    {"RFC 9525 6.3", "www.wild.example", TLS_MATCH_WILDCARD},
    {"RFC 9525 6.3", "xwild.example", TLS_MATCH_NONE},
    {"RFC 9525 6.3", "xn--bcher-kva.example", TLS_MATCH_EXACT},
    {"RFC 9525 6.3", "xn--bcher-kva.wild.example", TLS_MATCH_WILDCARD},
    {"RFC 9525 6.3",
     "b\xc3\xbc"
     "cher.example",
     TLS_MATCH_NONE},
    {"RFC 9525 6.3", "under_score.example", TLS_MATCH_EXACT},
    {"RFC 9525 6.3", "single", TLS_MATCH_EXACT},
    {"RFC 9525 6.3", "org", TLS_MATCH_NONE},
    {"RFC 1034 3.1", "example.org.", TLS_MATCH_EXACT},
    {"RFC 1034 3.1", "www.example.org.", TLS_MATCH_WILDCARD},
    {"RFC 1034 3.1", "example.org..", TLS_MATCH_NONE},
    {"RFC 1034 3.1", "dot.example", TLS_MATCH_EXACT},
    {"RFC 1034 3.1", ".", TLS_MATCH_NONE},
    {"RFC 1034 3.1", "", TLS_MATCH_NONE},
    {"RFC 9525 6.2", "example.org:443", TLS_MATCH_NONE},
    {"RFC 9525 6.5", "192.0.2.1", TLS_MATCH_EXACT},
    {"RFC 9525 6.5", "192.0.2.2", TLS_MATCH_NONE},
    {"RFC 9525 6.5", "[2001:db8::1]", TLS_MATCH_EXACT},
    {"RFC 9525 6.5", "2001:DB8:0:0::1", TLS_MATCH_EXACT},
    {"RFC 9525 6.5", "[2001:db8::2]", TLS_MATCH_NONE},
    {"RFC 9525 6.5", "[2001:db8::1", TLS_MATCH_NONE},
    {"RFC 9525 6.5", "[::ffff:192.0.2.1]", TLS_MATCH_EXACT},
    {"RFC 9525 6.5", "[192.0.2.1]", TLS_MATCH_NONE},
    {"RFC 9525 6.5", "[]", TLS_MATCH_NONE},
};

Test(tls_names, matches_exactly_or_by_one_label)
{
    rows_begin("certificate names", COUNT_OF(match_rows));
    for (size_t i = 0; i < COUNT_OF(match_rows); i++) {
        const struct match_row *row = &match_rows[i];
        rows_next(row->section, row->host);
        struct str host = guard_copy(str_of(row->host));
        row_expect(tls_names_match(&names, host) == row->expected, "wrong match");
        guard_drop(host);
    }
    rows_end();
}

Test(tls_names, refuses_names_that_no_host_has)
{
    static const char long_label[] =
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        ".example";
    static const struct str rows[] = {
        STR_INIT(""),
        STR_INIT("."),
        STR_INIT("*"),
        STR_INIT("*."),
        STR_INIT("*.*.example.org"),
        STR_INIT("f*.example.org"),
        STR_INIT("www.*.example.org"),
        STR_INIT("good.example\0.evil.example"),
        STR_INIT("a..b"),
        STR_INIT(".example"),
        STR_INIT("a b.example"),
        STR_INIT("b\xc3\xbc.example"),
        STR_INIT("a.example:443"),
        STR_INIT("192.0.2.7"),
        STR_INIT(long_label),
    };
    unsigned before = names.hosts.count;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cr_expect_eq(tls_names_add_host(&names, rows[i]), -EINVAL, "row %zu: %s", i, rows[i].at);
    }
    cr_expect_eq(names.hosts.count, before);
    cr_expect_eq(tls_names_match(&names, STR("good.example")), TLS_MATCH_NONE);
}

Test(tls_names, takes_no_name_over_253_bytes)
{
    char text[300];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 50 == 49 ? '.' : 'a';
    struct str longest = {text, TLS_NAME_BYTES_MAX};
    cr_expect_eq(tls_names_add_host(&names, longest), 0);
    cr_expect_eq(tls_names_match(&names, longest), TLS_MATCH_EXACT);
    text[TLS_NAME_BYTES_MAX] = 'a';
    cr_expect_eq(tls_names_add_host(&names, (struct str){text, TLS_NAME_BYTES_MAX + 1}), -EINVAL);
    cr_expect_eq(tls_names_add_host(&names, (struct str){text, sizeof text - 1}), -EINVAL);
    cr_expect_eq(tls_names_match(&names, (struct str){text, sizeof text - 1}), TLS_MATCH_NONE);
}

Test(tls_names, keeps_each_name_once_in_lower_case)
{
    unsigned before = names.hosts.count, addresses = names.address_count;
    cr_expect_eq(tls_names_add_host(&names, STR("EXAMPLE.org.")), 0);
    cr_expect_eq(tls_names_add_text(&names, STR("192.0.2.1")), 0);
    cr_expect_eq(names.hosts.count, before);
    cr_expect_eq(names.address_count, addresses);
    cr_expect_str_eq(names.hosts.items[1], "*.example.org");
    cr_expect_str_eq(names.hosts.items[5], "dot.example");
}

Test(tls_names, takes_addresses_of_two_lengths_only)
{
    uint8_t bytes[32] = {10, 0, 0, 1};
    for (size_t length = 0; length <= sizeof bytes; length++) {
        bool good = length == 4 || length == 16;
        cr_expect_eq(tls_names_add_address(&names, bytes, length), good ? 0 : -EINVAL);
        cr_expect_eq(tls_names_have_address(&names, bytes, length), good);
    }
    for (uint8_t i = 0; i < 20; i++) {
        bytes[3] = i;
        cr_expect_eq(tls_names_add_address(&names, bytes, 4), 0);
    }
    cr_expect_eq(tls_names_match(&names, STR("10.0.0.19")), TLS_MATCH_EXACT);
}

Test(tls_names, covers_a_wildcard_only_by_the_same_wildcard)
{
    cr_expect(tls_names_cover(&names, STR("*.example.org")));
    cr_expect(tls_names_cover(&names, STR("www.example.org")));
    cr_expect(tls_names_cover(&names, STR("example.org")));
    cr_expect_not(tls_names_cover(&names, STR("*.www.example.org")));
    cr_expect_not(tls_names_cover(&names, STR("other.example")));
}

Test(tls_names, finds_what_two_have_in_common)
{
    struct tls_names other = {.address_count = 0};
    cr_expect_not(tls_names_overlap(&names, &other));
    cr_assert_eq(tls_names_add_text(&other, STR("www.example.org")), 0);
    cr_expect_not(tls_names_overlap(&names, &other), "a wildcard is not the same name");
    cr_assert_eq(tls_names_add_text(&other, STR("192.0.2.1")), 0);
    cr_expect(tls_names_overlap(&names, &other));
    tls_names_fini(&other);
    cr_assert_eq(tls_names_add_text(&other, STR("Single")), 0);
    cr_expect(tls_names_overlap(&names, &other));
    tls_names_fini(&other);
}

Test(tls_names, survives_without_memory)
{
    struct tls_names other = {.address_count = 0};
    faults_fail(FAULT_MEMORY, 0, FAULT_ALWAYS, ENOMEM);
    cr_expect_eq(tls_names_add_text(&other, STR("a.example")), -ENOMEM);
    cr_expect_eq(tls_names_add_text(&other, STR("::1")), -ENOMEM);
    faults_clear();
    cr_expect(tls_names_are_empty(&other));
    tls_names_fini(&other);
}
