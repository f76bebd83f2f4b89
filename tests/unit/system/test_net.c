/* net: the addresses to listen on, and the URLs to reach them by. */
#include "base/str.h"
#include "support/net_rig.h"
#include "system/net.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* --- Addresses -------------------------------------------------------------------------------- */

Test(net, parses_addresses_and_explains_others)
{
    static const struct {
        const char *text;
        enum net_added added;
        const char *found; /* the first address, formatted */
    } rows[] = {
        {"127.0.0.1", NET_ADDED, "127.0.0.1"},
        {"0.0.0.0", NET_ADDED, "0.0.0.0"},
        {"255.255.255.255", NET_ADDED, "255.255.255.255"},
        {"::1", NET_ADDED, "::1"},
        {"[::1]", NET_ADDED, "::1"},
        {"::", NET_ADDED, "::"},
        {"[::]", NET_ADDED, "::"},
        {"2001:DB8:0::1", NET_ADDED, "2001:db8::1"},
        {"::ffff:127.0.0.1", NET_ADDED, "127.0.0.1"},
        {"fe80::1%lo", NET_ADDED, "fe80::1%lo"},
        {"[fe80::1%lo]", NET_ADDED, "fe80::1%lo"},
        {"localhost", NET_ADDED, "127.0.0.1"},
        {"LocalHost", NET_ADDED, "127.0.0.1"},
        {"example.com", NET_ADDED_NOT_NUMERIC, NULL},
        {"eth0", NET_ADDED_NOT_NUMERIC, NULL},
        {"127.0.0.1:80", NET_ADDED_HAS_PORT, NULL},
        {"[::1]:80", NET_ADDED_HAS_PORT, NULL},
        {"localhost:80", NET_ADDED_HAS_PORT, NULL},
        {"8080", NET_ADDED_MALFORMED, NULL}, /* getaddrinfo would parse 0.0.31.144 */
        {"127.1", NET_ADDED_MALFORMED, NULL},
        {"127.0.0.1.", NET_ADDED_MALFORMED, NULL},
        {"300.0.0.1", NET_ADDED_MALFORMED, NULL},
        {"0127.0.0.1", NET_ADDED_MALFORMED, NULL},
        {"10.0.0.0/8", NET_ADDED_MALFORMED, NULL},
        {" 127.0.0.1", NET_ADDED_NOT_NUMERIC, NULL},
        {"[127.0.0.1]", NET_ADDED_MALFORMED, NULL},
        {"[::1", NET_ADDED_MALFORMED, NULL},
        {"::1]", NET_ADDED_MALFORMED, NULL},
        {"[]", NET_ADDED_MALFORMED, NULL},
        {"[", NET_ADDED_MALFORMED, NULL},
        {":", NET_ADDED_MALFORMED, NULL},
        {"*", NET_ADDED_MALFORMED, NULL},
        {"", NET_ADDED_MALFORMED, NULL},
        {"1::2::3", NET_ADDED_MALFORMED, NULL},
        {"fe80::1%no-such-interface", NET_ADDED_MALFORMED, NULL},
        {"fe80::1%a-scope-that-is-much-longer-than-any-interface-name-of-linux-could-ever-be-at-all",
         NET_ADDED_MALFORMED, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct net_set set = {0};
        char text[NET_ADDRESS_BYTES];
        enum net_added added = net_add(&set, rows[i].text);
        cr_expect_eq(added, rows[i].added, "\"%s\": %d", rows[i].text, (int)added);
        cr_expect_eq(set.count > 0, rows[i].found != NULL, "\"%s\"", rows[i].text);
        if (set.count == 0 || !rows[i].found)
            continue;
        net_address_text(&set.addresses[0], text);
        cr_expect_str_eq(text, rows[i].found, "\"%s\": %s", rows[i].text, text);
    }
}

Test(net, merges_addresses_that_another_covers)
{
    static const struct {
        const char *label;
        const char *texts[5];
        const char *left[5];
    } rows[] = {
        {"twice", {"127.0.0.1", "127.0.0.1"}, {"127.0.0.1"}},
        {"two forms", {"::1", "[0::1]"}, {"::1"}},
        {"the wildcard first", {"0.0.0.0", "127.0.0.1", "10.0.0.1"}, {"0.0.0.0"}},
        {"the wildcard last", {"127.0.0.1", "10.0.0.1", "0.0.0.0"}, {"0.0.0.0"}},
        {"each its family", {"127.0.0.1", "::"}, {"127.0.0.1", "::"}},
        {"both wildcards", {"::1", "0.0.0.0", "127.0.0.1", "::"}, {"0.0.0.0", "::"}},
        {"localhost is two", {"localhost", "::1"}, {"127.0.0.1", "::1"}},
        {"scopes differ", {"fe80::1%lo", "fe80::1"}, {"fe80::1%lo", "fe80::1"}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct net_set set = net_rig_set(rows[i].texts);
        unsigned count = 0;
        for (; count < COUNT_OF(rows[i].left) && rows[i].left[count]; count++) {
            char text[NET_ADDRESS_BYTES];
            cr_assert(count < set.count, "%s", rows[i].label);
            net_address_text(&set.addresses[count], text);
            cr_expect_str_eq(text, rows[i].left[count], "%s", rows[i].label);
        }
        cr_expect_eq(set.count, count, "%s", rows[i].label);
    }
    static const char *const both[] = {"localhost", "::1", NULL}, *const one[] = {"localhost",
                                                                                  NULL};
    cr_expect(net_rig_set(one).addresses[1].optional, "localhost may do without ::1");
    cr_expect_not(net_rig_set(both).addresses[1].optional, "asked for by itself");
}

Test(net, refuses_too_many_addresses)
{
    struct net_set set = {0};
    for (int i = 0; i <= NET_ADDRESSES_MAX; i++) {
        char text[32];
        snprintf(text, sizeof text, "10.0.0.%d", i);
        cr_expect_eq(net_add(&set, text), i < NET_ADDRESSES_MAX ? NET_ADDED : NET_ADDED_TOO_MANY);
    }
    cr_expect_eq(set.count, NET_ADDRESSES_MAX);
}

/* --- URLs ------------------------------------------------------------------------------------- */

Test(net, writes_urls_that_a_browser_accepts)
{
    static const struct {
        const char *address;
        uint16_t port;
        const char *url;
    } rows[] = {
        {"127.0.0.1", 8080, "http://127.0.0.1:8080/"},
        {"127.0.0.1", 80, "http://127.0.0.1/"},
        {"10.1.2.3", 65535, "http://10.1.2.3:65535/"},
        {"::1", 8080, "http://[::1]:8080/"},
        {"2001:db8::1", 80, "http://[2001:db8::1]/"},
        {"fe80::1%lo", 8080, "http://[fe80::1%25lo]:8080/"}, /* RFC 6874 */
        {"0.0.0.0", 8080, "http://127.0.0.1:8080/"},
        {"localhost", 1, "http://127.0.0.1:1/"},
        {"127.0.0.1", 443, "http://127.0.0.1:443/"},
    };
    char urls[NET_URLS_MAX][NET_URL_BYTES];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct net_set set = {.port = rows[i].port};
        net_add(&set, rows[i].address);
        cr_expect(net_urls(&set, urls) >= 1);
        cr_expect_str_eq(urls[0], rows[i].url);
    }
}

Test(net, writes_https_urls_of_a_secure_set)
{
    static const struct {
        const char *address;
        uint16_t port;
        const char *url;
    } rows[] = {
        {"127.0.0.1", 443, "https://127.0.0.1/"},
        {"::1", 80, "https://[::1]:80/"},
        {"0.0.0.0", 8443, "https://127.0.0.1:8443/"},
    };
    char urls[NET_URLS_MAX][NET_URL_BYTES];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct net_set set = {.port = rows[i].port, .secure = true};
        net_add(&set, rows[i].address);
        cr_expect(net_urls(&set, urls) >= 1);
        cr_expect_str_eq(urls[0], rows[i].url);
    }
}

Test(net, writes_the_loopback_url_of_a_wildcard_first)
{
    struct net_set set = {.port = 8080};
    char urls[NET_URLS_MAX][NET_URL_BYTES];
    net_add_any(&set);
    unsigned count = net_urls(&set, urls);
    cr_expect(count >= 1 && count <= 4, "%u", count);
    cr_expect_str_eq(urls[0], "http://127.0.0.1:8080/");
    for (unsigned i = 0; i < count; i++) {
        cr_expect(str_starts_with(str_of(urls[i]), STR("http://")), "%s", urls[i]);
        cr_expect(str_ends_with(str_of(urls[i]), STR(":8080/")), "%s", urls[i]);
        for (unsigned j = 0; j < i; j++)
            cr_expect_str_neq(urls[i], urls[j]);
    }
}

Test(net, writes_at_most_net_urls_max)
{
    struct net_set set = {.port = 8080};
    char urls[NET_URLS_MAX][NET_URL_BYTES], text[64];
    for (int i = 0; i < NET_ADDRESSES_MAX; i++) {
        snprintf(text, sizeof text, "2001:db8:1111:2222:3333:4444:5555:%04x", 0x1000 + i);
        cr_assert_eq(net_add(&set, text), NET_ADDED);
    }
    cr_expect_eq(net_urls(&set, urls), NET_ADDRESSES_MAX);
    snprintf(text, sizeof text, "http://[2001:db8:1111:2222:3333:4444:5555:101f]:8080/");
    cr_expect_str_eq(urls[NET_ADDRESSES_MAX - 1], text);
}
