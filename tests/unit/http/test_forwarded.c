/* forwarded: which client and scheme the fields name. RFC 7239, whose sections label the rows. The
 * proxies in 10.0.0.0/8 and 2001:db8:1::/48 are trusted. */
#include "http/forwarded.h"
#include "support/rows.h"

#include <criterion/criterion.h>

static struct networks trusted;

static void set_up(void)
{
    trusted = (struct networks){.count = 0};
    networks_add(&trusted, STR("10.0.0.0/8"));
    networks_add(&trusted, STR("2001:db8:1::/48"));
}

TestSuite(forwarded, .init = set_up);

#define F "Forwarded: "
#define X "X-Forwarded-For: "
#define P "X-Forwarded-Proto: "

static const struct {
    const char *label;
    const char *lines[4];
    const char *client; /* NULL: the connection's */
    bool secure;
} rows[] = {
    {"nothing", {NULL}, NULL, false},
    /* X-Forwarded-For */
    {"one address", {X "192.0.2.1"}, "192.0.2.1", false},
    {"from the right", {X "1.1.1.1, 192.0.2.1"}, "192.0.2.1", false},
    {"over trusted proxies", {X "1.1.1.1, 192.0.2.1, 10.0.0.1,10.0.0.2"}, "192.0.2.1", false},
    {"trusted proxies alone", {X "10.0.0.1, 10.0.0.2"}, "10.0.0.1", false},
    {"over lines", {X "1.1.1.1", X "192.0.2.1", X "10.0.0.1"}, "192.0.2.1", false},
    {"empty elements", {X ", 192.0.2.1 ,, 10.0.0.1,"}, "192.0.2.1", false},
    {"an empty field", {X}, NULL, false},
    {"an end at a name", {X "192.0.2.1, unknown, 10.0.0.1"}, "10.0.0.1", false},
    {"an end at nonsense", {X "192.0.2.1, x"}, NULL, false},
    {"IPv6", {X "2001:db8::1"}, "2001:db8::1", false},
    {"IPv6 in brackets", {X "[2001:db8::1]"}, "2001:db8::1", false},
    {"IPv6 with a port", {X "[2001:db8::1]:47011, 2001:db8:1::5"}, "2001:db8::1", false},
    {"IPv4 with a port", {X "192.0.2.1:4711"}, "192.0.2.1", false},
    {"a mapped address", {X "192.0.2.1, ::ffff:10.0.0.1"}, "192.0.2.1", false},
    {"a zone", {X "fe80::1%eth0"}, NULL, false},
    {"a field's name in any case", {"x-forwarded-FOR: 192.0.2.1"}, "192.0.2.1", false},
    /* X-Forwarded-Proto */
    {"https", {X "192.0.2.1", P "https"}, "192.0.2.1", true},
    {"https alone", {P "HTTPS"}, NULL, true},
    {"http", {X "192.0.2.1", P "http"}, "192.0.2.1", false},
    {"another scheme", {X "192.0.2.1", P "httpss"}, "192.0.2.1", false},
    {"one for two proxies", {X "192.0.2.1, 10.0.0.1", P "https"}, "192.0.2.1", true},
    {"one each, of the client", {X "192.0.2.1, 10.0.0.1", P "https, http"}, "192.0.2.1", true},
    {"one each, of a proxy", {X "192.0.2.1, 10.0.0.1", P "http, https"}, "192.0.2.1", false},
    {"one that the client sent", {X "1.1.1.1, 192.0.2.1", P "https, http"}, "192.0.2.1", false},
    {"fewer than proxies, of which the client sent one",
     {X "192.0.2.1, 10.0.0.1, 10.0.0.2", P "https, http"},
     "192.0.2.1",
     false},
    {"fewer than proxies, all https",
     {X "192.0.2.1, 10.0.0.1, 10.0.0.2", P "https", P "https"},
     "192.0.2.1",
     true},
    {"two, and no addresses", {P "https, http"}, NULL, false},
    /* Forwarded */
    {"4: for", {F "for=192.0.2.60"}, "192.0.2.60", false},
    {"4: names in any case", {F "For=192.0.2.60;PROTO=HTTPS"}, "192.0.2.60", true},
    {"4: IPv6", {F "For=\"[2001:db8:cafe::17]:4711\""}, "2001:db8:cafe::17", false},
    {"4: in any order", {F "for=192.0.2.60;proto=https;by=203.0.113.43"}, "192.0.2.60", true},
    {"4: in another order",
     {F "by=203.0.113.43;host=a;proto=https;for=192.0.2.60"},
     "192.0.2.60",
     true},
    {"4: from the right", {F "for=192.0.2.43, for=198.51.100.17"}, "198.51.100.17", false},
    {"4: over trusted proxies",
     {F "for=1.1.1.1, for=192.0.2.43;proto=https, for=10.0.0.1;proto=http"},
     "192.0.2.43",
     true},
    {"4: the scheme of the client, not of a proxy",
     {F "for=192.0.2.43;proto=http, for=10.0.0.1;proto=https"},
     "192.0.2.43",
     false},
    {"4: over lines", {F "for=192.0.2.43", F "for=10.0.0.1"}, "192.0.2.43", false},
    {"4: the scheme alone", {F "proto=https"}, NULL, true},
    {"4: a quoted token", {F "for=\"192.0.2.60\";proto=\"https\""}, "192.0.2.60", true},
    {"4: a quoted pair", {F "for=\"192.0.2.6\\0\""}, "192.0.2.60", false},
    {"4: a comma in quotes", {F "for=192.0.2.60;x=\"a, for=1.1.1.1\""}, "192.0.2.60", false},
    {"4: a semicolon in quotes", {F "x=\";for=1.1.1.1\";for=192.0.2.60"}, "192.0.2.60", false},
    {"4: a quote in quotes", {F "x=\"\\\"\";for=192.0.2.60"}, "192.0.2.60", false},
    {"4: empty pairs", {F ";for=192.0.2.60;;proto=https;"}, "192.0.2.60", true},
    {"4: spaces", {F "for=192.0.2.43 ,\tfor=10.0.0.1"}, "192.0.2.43", false},
    {"spaces at a semicolon", {F "for=192.0.2.60; proto=https"}, "192.0.2.60", true},
    {"4: empty elements", {F ", for=192.0.2.60,, for=10.0.0.1,"}, "192.0.2.60", false},
    {"4: spaces at the equals sign", {F "for = 192.0.2.60"}, NULL, false},
    {"4: a parameter twice", {F "for=192.0.2.60;for=1.1.1.1"}, NULL, false},
    {"4: an IPv6 address without quotes", {F "for=[2001:db8::1]"}, NULL, false},
    {"4: an address with a port without quotes", {F "for=192.0.2.60:80"}, NULL, false},
    {"4: a quote that is not closed", {F "for=\"192.0.2.60"}, NULL, false},
    {"4: bytes after a quoted-string", {F "for=\"192.0.2.60\"x"}, NULL, false},
    {"4: no value", {F "for="}, NULL, false},
    {"4: no name", {F "=192.0.2.60"}, NULL, false},
    {"4: a line that is malformed, before another",
     {F "for=\"x", F "for=192.0.2.60"},
     "192.0.2.60",
     false},
    {"6: IPv6 without brackets", {F "for=\"2001:db8::1\""}, NULL, false},
    {"6: unknown", {F "for=192.0.2.43, for=unknown, for=10.0.0.1"}, "10.0.0.1", false},
    {"6: unknown alone", {F "for=unknown;proto=https"}, NULL, true},
    {"6.3: an obfuscated name", {F "for=192.0.2.43, for=_hidden"}, NULL, false},
    {"6.3: an obfuscated port", {F "for=\"192.0.2.43:_p-1.x\""}, "192.0.2.43", false},
    {"6: a malformed port", {F "for=\"192.0.2.43:x\""}, NULL, false},
    {"6: a port that is too large", {F "for=\"192.0.2.43:65536\""}, NULL, false},
    {"6: an address in brackets that is not IPv6", {F "for=\"[192.0.2.43]\""}, NULL, false},
    {"5: no for, before a trusted proxy", {F "proto=https, for=10.0.0.1"}, "10.0.0.1", true},
    /* Both */
    {"both agree", {F "for=192.0.2.1;proto=https", X "192.0.2.1"}, "192.0.2.1", true},
    {"both agree by another way", {F "for=192.0.2.1", X "192.0.2.1, 10.0.0.1"}, "192.0.2.1", false},
    {"both disagree", {F "for=192.0.2.1;proto=https", X "192.0.2.2"}, NULL, false},
    {"one names none", {F "for=unknown;proto=https", X "192.0.2.2"}, NULL, false},
    {"both schemes", {F "for=192.0.2.1;proto=https", P "https"}, "192.0.2.1", true},
    {"the schemes disagree", {F "for=192.0.2.1;proto=https", P "http"}, "192.0.2.1", false},
    {"the schemes disagree the other way",
     {F "for=192.0.2.1;proto=http", P "https"},
     "192.0.2.1",
     false},
};

Test(forwarded, names_the_client_and_its_scheme)
{
    rows_begin("forwarded", COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rows_next("RFC 7239", rows[i].label);
        struct forwarded_fields fields = {.lines[0].count = 0};
        struct forwarded forwarded;
        char text[ENDPOINT_TEXT_BYTES] = "none";
        for (unsigned j = 0; j < COUNT_OF(rows[i].lines) && rows[i].lines[j]; j++) {
            const struct str line = str_of(rows[i].lines[j]);
            const size_t colon = str_find(line, ':');
            forwarded_take(&fields, str_first(line, colon), str_trim(str_from(line, colon + 1)));
        }
        forwarded_find(&fields, &trusted, &forwarded);
        if (forwarded.client.version != ENDPOINT_UNKNOWN)
            endpoint_text(&forwarded.client, text);
        row_expect(strcmp(text, rows[i].client ? rows[i].client : "none") == 0, "%s", text);
        row_expect(forwarded.secure == rows[i].secure, "secure: %d", forwarded.secure);
    }
    rows_end();
}

/* However many there are, the last ones count. */
Test(forwarded, keeps_the_last_lines_and_elements)
{
    struct forwarded_fields fields = {.lines[0].count = 0};
    struct forwarded forwarded;
    char line[2048], *at = line;
    for (unsigned i = 0; i < 3 * FORWARDED_LINES_MAX; i++)
        forwarded_take(&fields, STR("X-Forwarded-For"),
                       i == 0 ? STR("192.0.2.1") : STR("10.0.0.1"));
    forwarded_find(&fields, &trusted, &forwarded);
    cr_expect_eq(forwarded.client.address[0], 10, "the first line is not known any more");
    fields = (struct forwarded_fields){.lines[0].count = 0};
    for (unsigned i = 0; i < 3 * FORWARDED_ELEMENTS_MAX; i++)
        at = str_put(at, i == 3 * FORWARDED_ELEMENTS_MAX - 2 ? STR("for=192.0.2.9,")
                                                             : STR("for=10.0.0.1,"));
    forwarded_take(&fields, STR("forwarded"), (struct str){line, (size_t)(at - line)});
    forwarded_find(&fields, &trusted, &forwarded);
    cr_expect_eq(forwarded.client.address[0], 192);
}

/* The walk does not jump over elements that are not known any more. */
Test(forwarded, ends_at_the_last_element_that_it_keeps)
{
    enum { ELEMENTS = 1000 };
    static char line[ELEMENTS * sizeof "for=10.0.0.1,"];
    struct forwarded_fields fields = {.lines[0].count = 0};
    struct forwarded forwarded;
    char *at = line;
    for (unsigned i = 0; i < ELEMENTS; i++)
        at = str_put(at, STR("for=10.0.0.1,"));
    forwarded_take(&fields, STR("Forwarded"), STR("for=192.0.2.9;proto=https"));
    forwarded_take(&fields, STR("Forwarded"), (struct str){line, (size_t)(at - line)});
    forwarded_find(&fields, &trusted, &forwarded);
    cr_expect_eq(forwarded.client.address[0], 10);
    cr_expect_not(forwarded.secure);
}
