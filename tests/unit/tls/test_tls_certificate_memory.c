/* tls_certificate: OpenSSL without memory, and memory that has held a private key. */
#include "tls/tls_certificate.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "support/openssl_memory.h"
#include "support/tls_maker.h"
#include "tls/tls_self_signed.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/err.h>

static struct tls_made made;
static struct problem problem;

static void set_up(void)
{
    cr_assert(openssl_memory.is_set);
    made = tls_make(&(struct tls_maker){.names = "DNS:a.example,DNS:b.example,IP:::1"});
}

static void tear_down(void)
{
    tls_made_fini(&made);
}

TestSuite(tls_certificate_memory, .init = set_up, .fini = tear_down, .timeout = 60);

static int parse(struct tls_certificate **ret)
{
    enum tls_fault fault;
    return tls_certificate_parse(ret, str_of(made.certificate_pem), str_of(made.key_pem), &problem,
                                 &fault);
}

static int make(struct tls_certificate **ret)
{
    return tls_self_signed_create(ret, "box", (int64_t)time(NULL), &problem);
}

enum { STRIDE = 13 }; /* libssl's context alone makes thousands of allocations */

/* Makes a certificate by RUN, or does without it, while an allocation fails; it has all its NAMES,
 * if OpenSSL can do without that allocation. */
static void run_starved(int (*run)(struct tls_certificate **ret), unsigned names)
{
    struct tls_certificate *certificate = NULL;
    openssl_memory.is_watched = true;
    int error = run(&certificate);
    openssl_memory.is_watched = false;
    cr_expect(error == 0 || error == -ENOMEM || error == -EINVAL);
    cr_expect_eq(error == 0, certificate != NULL);
    cr_expect_eq(ERR_peek_error(), 0, "errors are left in the queue");
    if (certificate)
        cr_expect_eq(certificate->names.hosts.count + certificate->names.address_count, names);
    tls_certificate_unref(certificate);
}

/* Has every STRIDE-th allocation of RUN fail once. */
static void starve(int (*run)(struct tls_certificate **ret), unsigned names)
{
    run_starved(run, names); /* loads what OpenSSL keeps */
    long before = openssl_memory.live, number = 0;
    do {
        openssl_memory_arm(number);
        run_starved(run, names);
        number += STRIDE;
    } while (openssl_memory.has_failed);
    cr_expect_gt(number, 100, "allocations that failed");
    cr_expect_leq(openssl_memory.live - before, 16, "%ld allocations leaked",
                  openssl_memory.live - before);
}

Test(tls_certificate_memory, is_read_whole_or_not_at_all)
{
    starve(parse, 3);
}

Test(tls_certificate_memory, is_made_whole_or_not_at_all)
{
    starve(make, 4);
}

/* The buffers that hold the file's lines are wiped. OpenSSL's own decoders are not (3.0): that of
 * base64 frees the rest of a line, those of DER free whole keys, which are not looked for here. */
Test(tls_certificate_memory, leaves_no_line_of_a_key_in_freed_buffers)
{
    struct tls_certificate *certificate = NULL;
    /* The line before the last, after the bytes that the last one overwrites in a buffer. */
    const char *end = strstr(made.key_pem, "\n-----END");
    openssl_memory.secret = (struct str){end - 26, 24};
    cr_assert_eq(parse(&certificate), 0);
    tls_certificate_unref(certificate);
    openssl_memory.secret = STR_ABSENT;
    cr_expect_leq(openssl_memory.unwiped, 1, "%u", openssl_memory.unwiped);
}

#endif
