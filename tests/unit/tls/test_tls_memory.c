/* The TLS of a worker when OpenSSL gets no memory: each allocation of the server fails once. A
 * connection then fails in good order or continues, the next one is served, and nothing leaks.
 *
 * CRYPTO_set_mem_functions must come before OpenSSL's first allocation, which Criterion makes
 * before it runs a test. So the functions are set when the program is loaded, for all tests; they
 * fail only here. */
#include "tls/tls_stream.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "support/tls_rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

/* --- Allocations that fail -------------------------------------------------------------------- */

static long live;       /* allocations that are not freed */
static bool is_server;  /* the server's code runs */
static long until = -1; /* allocations of the server before one fails; negative: none does */
static bool has_failed;

/* OpenSSL 3.0 itself leaks a name of an algorithm in some failures of its start: 16 bytes. */
static bool is_leaky;

static bool fails(void)
{
    if (!is_server || until < 0 || until-- > 0)
        return false;
    has_failed = true;
    return true;
}

/* Not those of faults.h, which do not affect libraries. */
/* NOLINTBEGIN(bugprone-reserved-identifier) */
void *__real_malloc(size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
/* NOLINTEND(bugprone-reserved-identifier) */

static void *allocate(size_t bytes, const char *file, int line)
{
    (void)file;
    (void)line;
    void *memory = fails() ? NULL : __real_malloc(bytes);
    live += memory != NULL;
#ifdef __SANITIZE_ADDRESS__
    if (memory && is_leaky)
        __lsan_ignore_object(memory);
#endif
    return memory;
}

static void release(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    live -= memory != NULL;
    free(memory);
}

static void *reallocate(void *memory, size_t bytes, const char *file, int line)
{
    if (!memory)
        return allocate(bytes, file, line);
    if (bytes == 0) {
        release(memory, file, line);
        return NULL;
    }
    return fails() ? NULL : __real_realloc(memory, bytes);
}

static void on_server(bool enters)
{
    is_server = enters;
}

/* Has the server's allocation NUMBER, from 0, fail. */
static void arm(long number)
{
    has_failed = false;
    until = number;
}

static bool is_set;

__attribute__((constructor)) static void set_functions(void)
{
    is_set = CRYPTO_set_mem_functions(allocate, reallocate, release) == 1;
}

static void set_up(void)
{
    cr_assert(is_set);
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
        is_server = true;
        tls_stream_close(context, link->stream);
        is_server = false;
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
    until = -1;
    SSL_SESSION *session = converse(context, client);
    SSL_SESSION_free(session);
    return session != NULL;
}

/* Has each allocation of a connection of CLIENT fail. */
static void starve(struct tls_context *context, const struct tls_client *client)
{
    cr_assert(serves(context, client));
    const long before = live;
    long number = 0;
    do {
        arm(number++);
        SSL_SESSION_free(converse(context, client));
        if (number % 16 == 0)
            cr_assert(serves(context, client), "after failure %ld", number);
    } while (has_failed);
    cr_expect_gt(number, 100, "allocations that failed");
    cr_expect(serves(context, client));
    cr_expect_leq(live - before, 16, "%ld allocations leaked by %ld failures", live - before,
                  number);
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
    const long before = live;
    long number = 0;
    is_leaky = true;
    do {
        struct tls_context *context = NULL;
        struct problem problem = {0};
        arm(number);
        is_server = true;
        int error = tls_context_create(&context, rig.shared, &problem);
        is_server = false;
        until = -1;
        number += STRIDE;
        cr_expect_eq(ERR_peek_error(), 0);
        cr_expect(error == 0 || error == -ENOMEM || error == -EINVAL);
        cr_expect_eq(error != 0, problem.what[0] != '\0');
        if (error == 0)
            tls_context_destroy(context);
    } while (has_failed);
    cr_expect_gt(number, 1000);
    is_leaky = false;
    cr_expect_leq(live - before, number / STRIDE, "more than one allocation a failure leaked");
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
    arm(0);
    is_server = true;
    tls_context_refresh(rig.context);
    is_server = false;
    cr_expect(has_failed);
    cr_expect_eq(rig.context->generation, 1, "it is tried again");
    until = -1;
    cr_expect_eq(tls_context_certificates(rig.context), before);
    tls_certificates_unref((struct tls_certificates *)(uintptr_t)before);
    tls_rig_fini(&rig);
}

#endif
