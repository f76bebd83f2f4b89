/* The TLS of a worker when OpenSSL gets no memory: each allocation of the server fails once. A
 * connection then fails in good order or continues, the next one is served, and nothing leaks. */
#include "tls/tls_stream.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "support/openssl_memory.h"
#include "support/tls_rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/err.h>

static void on_server(bool enters)
{
    openssl_memory.is_watched = enters;
}

static void set_up(void)
{
    cr_assert(openssl_memory.is_set);
    tls_rig_on_server = on_server;
}

TestSuite(tls_memory, .init = set_up, .timeout = 120);

/* --- Connections ------------------------------------------------------------------------------ */

static const struct str text = STR_INIT("GET / HTTP/1.1\r\n\r\n");

/* A connection with a request and an answer. Returns the session that the client can resume; NULL:
 * it has failed. */
static SSL_SESSION *converse(struct tls_context *context, const struct tls_client *client)
{
    struct tls_link *link = tls_link_create(context, client);
    SSL_SESSION *session = NULL;
    bool done = tls_link_shake(link, SIZE_MAX) &&
                tls_link_feed(link, tls_link_write(link, text)) == TLS_WANTS_INPUT &&
                link->received_length == text.length && tls_link_answers(link, text);
    if (done && link->session) {
        session = link->session;
        SSL_SESSION_up_ref(session);
    }
    if (link->stream) {
        openssl_memory.is_watched = true;
        tls_stream_close(context, link->stream);
        openssl_memory.is_watched = false;
    }
    context->output_length = 0;
    cr_expect_eq(ERR_peek_error(), 0, "errors are left in the queue");
    tls_link_destroy(link);
    ERR_clear_error();
    return session;
}

/* Whether a connection of CLIENT succeeds while no allocation fails. */
static bool serves(struct tls_context *context, const struct tls_client *client)
{
    openssl_memory.until = -1;
    SSL_SESSION *session = converse(context, client);
    SSL_SESSION_free(session);
    return session != NULL;
}

/* Has each allocation of a connection of CLIENT fail. */
static void starve(struct tls_context *context, const struct tls_client *client)
{
    cr_assert(serves(context, client));
    const long before = openssl_memory.live;
    long number = 0;
    do {
        openssl_memory_arm(number++);
        SSL_SESSION_free(converse(context, client));
        if (number % 16 == 0)
            cr_assert(serves(context, client), "after failure %ld", number);
    } while (openssl_memory.has_failed);
    cr_expect_gt(number, 100, "allocations that failed");
    cr_expect(serves(context, client));
    cr_expect_leq(openssl_memory.live - before, 16, "%ld allocations leaked by %ld failures",
                  openssl_memory.live - before, number);
}

Test(tls_memory, fails_connections_in_good_order)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct tls_rig rig;
    tls_rig_init(&rig, NULL, 0);
    for (unsigned i = 0; i < 2; i++) {
        struct tls_client client = {.host = "example.org", .version = versions[i]};
        starve(rig.context, &client);
        client.session = converse(rig.context, &client);
        cr_assert_not_null(client.session);
        starve(rig.context, &client);
        SSL_SESSION_free(client.session);
    }
    tls_rig_fini(&rig);
}

/* --- Contexts --------------------------------------------------------------------------------- */

Test(tls_memory, fails_to_start_in_good_order)
{
    enum { STRIDE = 29 };
    struct tls_rig rig;
    tls_rig_init(&rig, NULL, 0);
    const long before = openssl_memory.live;
    long number = 0;
    /* OpenSSL 3.0 itself leaks a name of an algorithm in some failures of its start: 16 bytes. */
    openssl_memory.is_leaky = true;
    do {
        struct tls_context *context = NULL;
        struct problem problem = {0};
        openssl_memory_arm(number);
        openssl_memory.is_watched = true;
        int error = tls_context_create(&context, rig.shared, &problem);
        openssl_memory.is_watched = false;
        openssl_memory.until = -1;
        number += STRIDE;
        cr_expect_eq(ERR_peek_error(), 0);
        cr_expect(error == 0 || error == -ENOMEM || error == -EINVAL);
        cr_expect_eq(error != 0, problem.what[0] != '\0');
        if (error == 0)
            tls_context_destroy(context);
    } while (openssl_memory.has_failed);
    cr_expect_gt(number, 1000);
    openssl_memory.is_leaky = false;
    cr_expect_leq(openssl_memory.live - before, number / STRIDE,
                  "more than one allocation a failure leaked");
    cr_expect(serves(rig.context, &(struct tls_client){0}));
    tls_rig_fini(&rig);
}

/* A generation that cannot be built for want of memory is built for a later client. */
Test(tls_memory, keeps_certificates_until_new_ones_can_be_parsed)
{
    struct tls_rig rig;
    tls_rig_init(&rig, &(struct tls_maker){.common_name = "old"}, 1);
    tls_shared_publish(rig.shared,
                       tls_rig_certificates(&(struct tls_maker){.common_name = "new"}, 1));
    const struct tls_certificates *before =
        rig.context->generation == 1 ? tls_shared_acquire(rig.shared, &(unsigned){0}) : NULL;
    cr_assert_not_null(before);
    openssl_memory_arm(0);
    openssl_memory.is_watched = true;
    tls_context_refresh(rig.context);
    openssl_memory.is_watched = false;
    cr_expect(openssl_memory.has_failed);
    cr_expect_eq(rig.context->generation, 1, "it is tried again");
    openssl_memory_arm(-1);
    cr_expect_eq(tls_context_certificates(rig.context), before);
    tls_certificates_unref((struct tls_certificates *)(uintptr_t)before);
    tls_rig_fini(&rig);
}

#endif
