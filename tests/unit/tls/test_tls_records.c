/* tls_stream: records that a client of libssl never sends, made here by hand under its keys.
 * RFC 8446 sections 5.2 to 5.4, 6, 7.3. */
#include "tls/tls_stream.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "support/tls_rig.h"

#include <criterion/criterion.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

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

enum { KEY_BYTES = 16, IV_BYTES = 12, TAG_BYTES = 16, HEADER_BYTES = 5 };
enum { ALERT = 21, HANDSHAKE = 22, DATA = 23, UNKNOWN = 99 };
enum { WARNING = 1, FATAL = 2, CLOSE_NOTIFY = 0, USER_CANCELED = 90 };

/* The client's side of a connection by TLS_AES_128_GCM_SHA256, from the end of the handshake on. */
struct forger {
    struct tls_link *link;
    unsigned char key[KEY_BYTES], iv[IV_BYTES];
    uint64_t number; /* of the next record */
};

/* HKDF-Expand-Label with an empty context, RFC 8446 section 7.1. */
static void expand(const unsigned char *secret, const char *label, unsigned char *to, size_t length)
{
    static char digest[] = "SHA256";
    unsigned char info[64];
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    int info_length = snprintf((char *)info, sizeof info, "%c%c%ctls13 %s", 0, (int)length,
                               (int)(strlen("tls13 ") + strlen(label)), label);
    info[info_length] = 0; /* the empty context */
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret, 32),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, (size_t)info_length + 1),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    cr_assert_eq(EVP_KDF_derive(context, to, length, parameters), 1);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

static struct forger begin(void)
{
    struct forger forger = {0};
    forger.link = tls_link_create(rig.context, &(struct tls_client){
                                                   .version = TLS1_3_VERSION,
                                                   .suites = "TLS_AES_128_GCM_SHA256",
                                               });
    cr_assert(tls_link_shake(forger.link, SIZE_MAX));
    expand(forger.link->secret, "key", forger.key, sizeof forger.key);
    expand(forger.link->secret, "iv", forger.iv, sizeof forger.iv);
    return forger;
}

/* Gives the server a record of TYPE with CONTENT and PADDING zeros. */
static enum tls_result give(struct forger *forger, int type, struct str content, size_t padding)
{
    static unsigned char record[HEADER_BYTES + (32 << 10)];
    const size_t inner = content.length + 1 + padding, length = inner + TAG_BYTES;
    const unsigned char header[] = {DATA, 3, 3, (unsigned char)(length >> 8),
                                    (unsigned char)length};
    unsigned char iv[IV_BYTES], *at = record + HEADER_BYTES;
    int done;
    memcpy(record, header, sizeof header);
    memset(at, 0, length);
    if (content.length > 0)
        memcpy(at, content.at, content.length);
    at[content.length] = (unsigned char)type;
    memcpy(iv, forger->iv, sizeof iv);
    for (unsigned i = 0; i < 8; i++)
        iv[IV_BYTES - 1 - i] ^= (unsigned char)(forger->number >> (8 * i));
    forger->number++;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), NULL, forger->key, iv);
    EVP_EncryptUpdate(context, NULL, &done, header, sizeof header);
    EVP_EncryptUpdate(context, at, &done, at, (int)inner);
    EVP_EncryptFinal_ex(context, at + inner, &done);
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, at + inner);
    EVP_CIPHER_CTX_free(context);
    return tls_link_feed(forger->link, (struct str){(char *)record, HEADER_BYTES + length});
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
