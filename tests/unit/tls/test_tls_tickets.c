/* tls_tickets: keys rotate by time alone, and the last two are known. */
#include "tls/tls_tickets.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <criterion/criterion.h>
#include <string.h>

static struct tls_tickets tickets;

static void set_up(void)
{
    cr_assert_eq(tls_tickets_init(&tickets), 0);
}

static void tear_down(void)
{
    tls_tickets_fini(&tickets);
}

TestSuite(tls_tickets, .init = set_up, .fini = tear_down);

enum { START_S = 1000 };

static struct tls_ticket_key current(void)
{
    struct tls_ticket_key key;
    tls_tickets_current(&tickets, &key);
    return key;
}

static bool equal(const struct tls_ticket_key *a, const struct tls_ticket_key *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

Test(tls_tickets, keeps_a_key_for_an_hour)
{
    struct tls_ticket_key first = current(), key;
    const int64_t hour_s = TLS_TICKET_ROTATION_S;
    tls_tickets_rotate(&tickets, START_S);
    tls_tickets_rotate(&tickets, START_S + hour_s - 1);
    key = current();
    cr_expect(equal(&key, &first));
    tls_tickets_rotate(&tickets, START_S + hour_s);
    key = current();
    cr_expect_not(equal(&key, &first));
    cr_expect_eq(tls_tickets_find(&tickets, key.name, &key), TLS_TICKET_CURRENT);
    cr_expect_eq(tls_tickets_find(&tickets, first.name, &key), TLS_TICKET_PREVIOUS);
    cr_expect(equal(&key, &first));
    tls_tickets_rotate(&tickets, START_S + 2 * hour_s - 1);
    cr_expect_eq(tls_tickets_find(&tickets, first.name, &key), TLS_TICKET_PREVIOUS);
    tls_tickets_rotate(&tickets, START_S + 2 * hour_s);
    cr_expect_eq(tls_tickets_find(&tickets, first.name, &key), TLS_TICKET_UNKNOWN);
}

Test(tls_tickets, knows_no_previous_key_at_the_start)
{
    static const uint8_t zeros[TLS_TICKET_NAME_BYTES];
    struct tls_ticket_key key;
    cr_expect_eq(tls_tickets_find(&tickets, zeros, &key), TLS_TICKET_UNKNOWN);
}

Test(tls_tickets, rotates_again_after_the_clock_was_set_back)
{
    struct tls_ticket_key first = current(), key;
    tls_tickets_rotate(&tickets, START_S * 1000);
    tls_tickets_rotate(&tickets, START_S);
    key = current();
    cr_expect(equal(&key, &first));
    tls_tickets_rotate(&tickets, START_S + TLS_TICKET_ROTATION_S);
    key = current();
    cr_expect_not(equal(&key, &first));
}

Test(tls_tickets, hands_over_both_keys_and_their_age)
{
    struct tls_tickets other;
    struct tls_ticket_keys keys;
    struct tls_ticket_key first = current(), key;
    cr_assert_eq(tls_tickets_init(&other), 0);
    tls_tickets_rotate(&tickets, START_S);
    tls_tickets_rotate(&tickets, START_S + TLS_TICKET_ROTATION_S);
    tls_tickets_export(&tickets, &keys);
    tls_tickets_import(&other, &keys);
    struct tls_ticket_key second = current();
    cr_expect_eq(tls_tickets_find(&other, second.name, &key), TLS_TICKET_CURRENT);
    cr_expect_eq(tls_tickets_find(&other, first.name, &key), TLS_TICKET_PREVIOUS);
    tls_tickets_rotate(&other, START_S + 2 * TLS_TICKET_ROTATION_S - 1);
    cr_expect_eq(tls_tickets_find(&other, second.name, &key), TLS_TICKET_CURRENT);
    tls_tickets_rotate(&other, START_S + 2 * TLS_TICKET_ROTATION_S);
    cr_expect_eq(tls_tickets_find(&other, second.name, &key), TLS_TICKET_PREVIOUS);
    tls_tickets_fini(&other);
}

#endif
