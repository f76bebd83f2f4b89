/* networks: the networks that addresses are in. RFC 4632, RFC 4291. */
#include "base/networks.h"

#include <criterion/criterion.h>

Test(networks, have_the_addresses_of_their_prefixes)
{
    static const struct {
        const char *network, *address;
        bool has;
    } rows[] = {
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"10.1.2.3/8", "10.255.0.1", true}, /* bits after the prefix do not count */
        {"192.0.2.128/25", "192.0.2.128", true},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.128/25", "192.0.2.192", true},
        {"2001:db8:8000::/33", "2001:db8:c000::", true},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.1/32", "192.0.2.1", true},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "::1", false},
        {"2001:db8::/32", "2001:db8:ffff::1", true},
        {"2001:db8::/32", "2001:db9::1", false},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"::1", "::1", true},
        {"::/0", "::1", true},
        {"::/0", "192.0.2.1", false},
        {"10.0.0.0/8", "::ffff:10.0.0.1", true},
        {"::ffff:10.0.0.0/104", "10.0.0.1", true},
        {"::ffff:10.0.0.0/104", "11.0.0.1", false},
        {"::ffff:0:0/96", "11.0.0.1", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct networks networks = {.count = 0};
        struct endpoint endpoint;
        cr_assert_eq(networks_add(&networks, str_of(rows[i].network)), NETWORKS_ADDED, "%s",
                     rows[i].network);
        cr_assert(endpoint_parse(str_of(rows[i].address), &endpoint));
        cr_expect_eq(networks_have(&networks, &endpoint), rows[i].has, "%s in %s", rows[i].address,
                     rows[i].network);
    }
}

Test(networks, refuse_what_is_not_a_network)
{
    static const char *const rows[] = {
        "",         "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1",        "10.0.0.0/8/8", "::/129",
        "10.0.0/8", "example.org", "UNIX",      "::ffff:10.0.0.0/95", "10.0.0.0 /8",  "/8",
    };
    struct networks networks = {.count = 0};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_expect_eq(networks_add(&networks, str_of(rows[i])), NETWORKS_MALFORMED, "%s", rows[i]);
    cr_expect(networks_are_empty(&networks));
    for (unsigned i = 0; i < NETWORKS_MAX; i++)
        cr_assert_eq(networks_add(&networks, STR("10.0.0.0/8")), NETWORKS_ADDED);
    cr_expect_eq(networks_add(&networks, STR("10.0.0.0/8")), NETWORKS_TOO_MANY);
}

Test(networks, have_unix_peers_only_by_their_word)
{
    const struct endpoint local = {.version = ENDPOINT_UNIX};
    const struct endpoint unknown = {.version = ENDPOINT_UNKNOWN};
    struct networks networks = {.count = 0};
    cr_assert_eq(networks_add(&networks, STR("0.0.0.0/0")), NETWORKS_ADDED);
    cr_expect_not(networks_have(&networks, &local));
    cr_assert_eq(networks_add(&networks, STR("unix")), NETWORKS_ADDED);
    cr_expect(networks_have(&networks, &local));
    cr_expect_not(networks_have(&networks, &unknown));
}
