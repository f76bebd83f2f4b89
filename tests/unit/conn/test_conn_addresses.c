/* conn_addresses: connections are counted by address, up to a limit. */
#include "conn/conn_addresses.h"
#include "support/faults.h"
#include "support/prng.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>

enum { CONNECTIONS = 64, LIMIT = 3 };

static struct conn_addresses *addresses;

static void set_up(void)
{
    addresses = conn_addresses_create(CONNECTIONS, LIMIT);
    cr_assert_not_null(addresses);
}

static void tear_down(void)
{
    conn_addresses_destroy(addresses);
}

TestSuite(conn_addresses, .init = set_up, .fini = tear_down, .timeout = 120);

static uint64_t key_of(const char *text)
{
    struct endpoint peer = {.version = strchr(text, ':') ? 6 : 4, .port = 4711};
    cr_assert_eq(inet_pton(peer.version == 4 ? AF_INET : AF_INET6, text, peer.address), 1);
    return conn_addresses_key(&peer);
}

Test(conn_addresses, counts_ipv4_by_address_and_ipv6_by_64)
{
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.1", "193.0.2.1", false},
        {"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true},
        {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
        {"2001:db8:1:2::1", "2002:db8:1:2::1", false},
        {"64:ff9b::192.0.2.1", "192.0.2.1", true}, /* RFC 6052 2.1 */
        {"64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2", false},
        {"fe80::1", "fe80::1", true}, /* all hosts of a link share the prefix */
        {"fe80::1", "fe80::2", false},
        {"::1", "127.0.0.1", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_expect_eq(key_of(rows[i].a) == key_of(rows[i].b), rows[i].same, "%s %s", rows[i].a,
                     rows[i].b);
}

Test(conn_addresses, counts_no_peer_without_an_address)
{
    const struct endpoint unknown = {.version = 0};
    const uint64_t key = conn_addresses_key(&unknown);
    cr_expect_eq(key, CONN_ADDRESS_NONE);
    for (unsigned i = 0; i < 10 * CONNECTIONS; i++)
        cr_expect(conn_addresses_take(addresses, key));
    conn_addresses_give(addresses, key);
}

Test(conn_addresses, refuses_one_more_than_the_limit)
{
    uint64_t one = key_of("192.0.2.1"), other = key_of("192.0.2.2");
    for (unsigned i = 0; i < LIMIT; i++)
        cr_expect(conn_addresses_take(addresses, one));
    cr_expect_not(conn_addresses_take(addresses, one));
    cr_expect(conn_addresses_take(addresses, other));
    conn_addresses_give(addresses, one);
    cr_expect(conn_addresses_take(addresses, one));
    cr_expect_not(conn_addresses_take(addresses, one));
}

Test(conn_addresses, has_another_limit_from_now_on)
{
    const uint64_t one = key_of("192.0.2.1");
    for (unsigned i = 0; i < LIMIT; i++)
        cr_expect(conn_addresses_take(addresses, one));
    conn_addresses_set_limit(addresses, 1);
    conn_addresses_give(addresses, one);
    cr_expect_not(conn_addresses_take(addresses, one), "it has more than that");
    conn_addresses_set_limit(addresses, 0);
    for (unsigned i = 0; i < 2 * LIMIT; i++)
        cr_expect(conn_addresses_take(addresses, one), "there is none");
}

Test(conn_addresses, forgets_an_address_with_its_last_connection)
{
    for (uint64_t key = 0; key < 100 * CONNECTIONS; key++) {
        cr_assert(conn_addresses_take(addresses, key));
        cr_assert(conn_addresses_take(addresses, key));
        conn_addresses_give(addresses, key);
        conn_addresses_give(addresses, key);
    }
}

Test(conn_addresses, has_room_for_as_many_addresses_as_connections)
{
    for (uint64_t key = 0; key < CONNECTIONS; key++)
        cr_expect(conn_addresses_take(addresses, key));
    for (uint64_t key = 0; key < CONNECTIONS; key++)
        conn_addresses_give(addresses, key);
    for (uint64_t key = 1000; key < 1000 + CONNECTIONS; key++)
        cr_expect(conn_addresses_take(addresses, key));
}

/* Random takes and gives, compared with an array of counts. */
Test(conn_addresses, agrees_with_a_plain_count)
{
    enum { KEYS = CONNECTIONS };
    struct prng prng = {3};
    unsigned counts[KEYS] = {0};
    for (unsigned i = 0; i < 20000; i++) {
        unsigned key = (unsigned)prng_below(&prng, KEYS);
        if (prng_below(&prng, 2)) {
            bool taken = conn_addresses_take(addresses, key);
            cr_assert_eq(taken, counts[key] < LIMIT);
            counts[key] += taken;
        } else if (counts[key] > 0) {
            conn_addresses_give(addresses, key);
            counts[key]--;
        }
    }
}

Test(conn_addresses, cannot_be_made_without_memory)
{
    for (unsigned skip = 0; skip < 3; skip++) {
        faults_fail(FAULT_MEMORY, skip, 1, ENOMEM);
        cr_expect_null(conn_addresses_create(CONNECTIONS, LIMIT));
    }
    faults_clear();
}

static void *take_and_give(void *argument)
{
    uint64_t key = *(const uint64_t *)argument;
    for (unsigned i = 0; i < 20000; i++) {
        if (conn_addresses_take(addresses, key))
            conn_addresses_give(addresses, key);
    }
    return NULL;
}

Test(conn_addresses, threads_count_together)
{
    pthread_t threads[4];
    uint64_t keys[] = {7, 7, 7, 8};
    for (unsigned i = 0; i < COUNT_OF(threads); i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, take_and_give, &keys[i]), 0);
    for (unsigned i = 0; i < COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < LIMIT; i++)
        cr_expect(conn_addresses_take(addresses, 7));
    cr_expect_not(conn_addresses_take(addresses, 7));
}
