/* tls_stream: records that a client of libssl never sends, made here by hand under its keys.
 * RFC 8446 sections 5.2 to 5.4, 6, 7.3. */
#include "tls/tls_stream.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "support/tls_forger.h"
#include "support/tls_rig.h"

#include <criterion/criterion.h>

static struct tls_rig rig;

static void set_up(void)
{
    tls_rig_init(&rig, NULL, 0);
}

static void tear_down(void)
{
    tls_rig_fini(&rig);
}

TestSuite(tls_records, .init = set_up, .fini = tear_down, .timeout = 60);

/* --- Making records --------------------------------------------------------------------------- */

enum { ALERT = 21, HANDSHAKE = 22, DATA = 23, UNKNOWN = 99 };
enum { WARNING = 1, FATAL = 2, CLOSE_NOTIFY = 0, USER_CANCELED = 90 };

/* The client's side of a connection, from the end of the handshake on. */
struct forger {
    struct tls_link *link;
    struct tls_forger side;
};

static struct forger begin(void)
{
    struct forger forger = {0};
    forger.link = tls_link_create(rig.context, &(struct tls_client){
                                                   .version = TLS1_3_VERSION,
                                                   .suites = TLS_FORGER_SUITE,
                                               });
    cr_assert(tls_link_shake(forger.link, SIZE_MAX));
    tls_forger_init(&forger.side, forger.link->secret);
    return forger;
}

/* Gives the server a record of TYPE with CONTENT and PADDING zeros. */
static enum tls_result give(struct forger *forger, int type, struct str content, size_t padding)
{
    struct tls_forger *side = &forger->side;
    const size_t length = tls_forger_make(side, type, content.at, content.length, padding);
    return tls_link_feed(forger->link, (struct str){(char *)side->record, length});
}

static enum tls_result give_alert(struct forger *forger, int level, int alert)
{
    const char content[] = {(char)level, (char)alert};
    return give(forger, ALERT, (struct str){content, sizeof content}, 0);
}

/* --- What the server does with them ----------------------------------------------------------- */

Test(tls_records, opens_padded_records)
{
    struct forger forger = begin();
    cr_expect_eq(give(&forger, DATA, STR("GET "), 0), TLS_WANTS_INPUT);
    cr_expect_eq(give(&forger, DATA, STR("/ "), 1000), TLS_WANTS_INPUT);
    cr_expect_eq(give(&forger, DATA, STR("HTTP"), TLS_RECORD_BYTES_MAX - 4), TLS_WANTS_INPUT);
    cr_expect(str_equal((struct str){forger.link->received, forger.link->received_length},
                        STR("GET / HTTP")));
    tls_link_destroy(forger.link);
}

Test(tls_records, bounds_empty_records)
{
    enum { EMPTY_MAX = 32 }; /* libssl's bound */
    struct forger forger = begin();
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned j = 0; j < EMPTY_MAX; j++)
            cr_assert_eq(give(&forger, DATA, STR(""), j), TLS_WANTS_INPUT);
        cr_assert_eq(give(&forger, DATA, STR("x"), 0), TLS_WANTS_INPUT);
    }
    for (unsigned j = 0; j < EMPTY_MAX; j++)
        cr_assert_eq(give(&forger, DATA, STR(""), 0), TLS_WANTS_INPUT);
    cr_expect_eq(give(&forger, DATA, STR(""), 0), TLS_FAILED);
    cr_expect_eq(forger.link->received_length, 3);
    tls_link_destroy(forger.link);
}

Test(tls_records, bounds_warnings)
{
    struct forger forger = begin();
    unsigned count = 0;
    enum tls_result result;
    while ((result = give_alert(&forger, WARNING, USER_CANCELED)) == TLS_WANTS_INPUT)
        cr_assert_lt(++count, 8);
    cr_expect_eq(result, TLS_FAILED);
    tls_link_destroy(forger.link);
}

Test(tls_records, ends_at_close_notify_and_fails_at_an_alert)
{
    struct forger forger = begin();
    cr_expect_eq(give_alert(&forger, WARNING, USER_CANCELED), TLS_WANTS_INPUT);
    cr_expect_eq(give_alert(&forger, WARNING, CLOSE_NOTIFY), TLS_ENDED);
    cr_expect_eq(give(&forger, DATA, STR("more"), 0), TLS_ENDED);
    cr_expect_eq(forger.link->received_length, 0);
    tls_link_destroy(forger.link);
    forger = begin();
    size_t sent = forger.link->sent_length;
    cr_expect_eq(give_alert(&forger, FATAL, SSL_AD_INTERNAL_ERROR), TLS_FAILED);
    tls_stream_close(rig.context, forger.link->stream);
    cr_expect_eq(rig.context->output_length, 0);
    cr_expect_eq(forger.link->sent_length, sent, "an alert is not answered");
    tls_link_destroy(forger.link);
}

Test(tls_records, fails_with_an_alert_at_what_no_client_may_send)
{
    static char long_content[TLS_RECORD_BYTES_MAX + 1];
    static const struct {
        int type;
        struct str content;
        int alert;
    } rows[] = {
        {DATA, {long_content, sizeof long_content}, SSL_AD_RECORD_OVERFLOW},
        {UNKNOWN, STR_INIT("x"), SSL_AD_UNEXPECTED_MESSAGE},
        {0, STR_INIT(""), SSL_AD_UNEXPECTED_MESSAGE},
        {HANDSHAKE, STR_INIT("\x01\x00\x00\x01x"), SSL_AD_UNEXPECTED_MESSAGE},
        {HANDSHAKE, STR_INIT("\x14\x00\x00\x01x"), SSL_AD_UNEXPECTED_MESSAGE},
        {HANDSHAKE, STR_INIT("\x18\x00\x00\x02\x00\x00"), SSL_AD_ILLEGAL_PARAMETER},
        {HANDSHAKE, STR_INIT("\x18\x00\x00\x01\x07"), SSL_AD_ILLEGAL_PARAMETER},
        {ALERT, STR_INIT("\x02"), SSL_AD_UNEXPECTED_MESSAGE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct forger forger = begin();
        char byte;
        cr_expect_eq(give(&forger, rows[i].type, rows[i].content, 0), TLS_FAILED, "row %zu", i);
        SSL_read(forger.link->client, &byte, 1);
        cr_expect_eq(tls_link_alert(forger.link), rows[i].alert, "row %zu: %d", i,
                     tls_link_alert(forger.link));
        cr_expect_eq(forger.link->received_length, 0);
        tls_link_destroy(forger.link);
    }
}

#endif
