/* tls_maker: certificates and keys, made when a test runs. For every test program that is linked
 * with libcrypto; only in builds with OpenSSL. A failure aborts the test. */
#ifndef SLUICE_TESTS_TLS_MAKER_H
#define SLUICE_TESTS_TLS_MAKER_H

#ifdef SLUICE_HAVE_OPENSSL

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A certificate and its key. */
struct tls_made {
    X509 *certificate;
    EVP_PKEY *key;
    char *certificate_pem; /* with a NUL, as the key */
    char *key_pem;         /* PKCS #8 */
};

/* Everything may be left zero. */
struct tls_maker {
    const char *names;               /* of subjectAltName: "DNS:example.org,IP:::1"; NULL: none */
    const char *common_name;         /* NULL: "test" */
    const char *key;                 /* "P-256" (NULL), "P-384", ..., "RSA-2048", "ED25519" */
    int64_t first_s, last_s;         /* POSIX times; 0: one hour ago, and in 90 days */
    const struct tls_made *issuer;   /* NULL: signed by its own key */
    const struct tls_made *same_key; /* whose key it has too; NULL: a new one */
    bool is_authority;
};

static inline void tls_maker_must(bool done, const char *what)
{
    if (done)
        return;
    fprintf(stderr, "tls_maker: %s failed\n", what);
    abort();
}

static inline EVP_PKEY *tls_maker_key(const char *kind)
{
    EVP_PKEY *key;
    if (strncmp(kind, "RSA-", 4) == 0)
        key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)strtoul(kind + 4, NULL, 10));
    else if (strncmp(kind, "P-", 2) == 0 || strncmp(kind, "secp", 4) == 0)
        key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);
    else
        key = EVP_PKEY_Q_keygen(NULL, NULL, kind);
    tls_maker_must(key != NULL, kind);
    return key;
}

/* The content of BIO, which is freed, with a NUL. */
static inline char *tls_maker_text(BIO *bio)
{
    char *at;
    long length = BIO_get_mem_data(bio, &at);
    char *text = malloc((size_t)length + 1);
    tls_maker_must(text != NULL, "malloc");
    memcpy(text, at, (size_t)length);
    text[length] = '\0';
    BIO_free(bio);
    return text;
}

/* KEY as PEM: encrypted with PASSPHRASE unless that is NULL, in the older form of its kind
 * ("EC PRIVATE KEY") if TRADITIONAL. free() it. */
static inline char *tls_maker_key_pem(EVP_PKEY *key, const char *passphrase, bool traditional)
{
    BIO *bio = BIO_new(BIO_s_mem());
    const EVP_CIPHER *cipher = passphrase ? EVP_aes_256_cbc() : NULL;
    const unsigned char *secret = (const unsigned char *)passphrase;
    int length = passphrase ? (int)strlen(passphrase) : 0;
    int done =
        traditional
            ? PEM_write_bio_PrivateKey_traditional(
                  bio, key, cipher, (unsigned char *)(uintptr_t)secret, length, NULL, NULL)
            : PEM_write_bio_PKCS8PrivateKey(bio, key, cipher, passphrase, length, NULL, NULL);
    tls_maker_must(done == 1, "PEM of a key");
    return tls_maker_text(bio);
}

static inline char *tls_maker_certificate_pem(X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());
    tls_maker_must(PEM_write_bio_X509(bio, certificate) == 1, "PEM of a certificate");
    return tls_maker_text(bio);
}

static inline void tls_maker_extend(X509 *certificate, X509 *issuer, int id, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, id, value);
    tls_maker_must(extension && X509_add_ext(certificate, extension, -1) == 1, value);
    X509_EXTENSION_free(extension);
}

/* Signs CERTIFICATE with KEY, by the digest that suits it. */
static inline void tls_maker_sign(X509 *certificate, EVP_PKEY *key)
{
    bool has_own = EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448");
    tls_maker_must(X509_sign(certificate, key, has_own ? NULL : EVP_sha256()) > 0, "X509_sign");
}

static inline void tls_maker_fill(X509 *certificate, const struct tls_maker *maker, EVP_PKEY *key)
{
    static long serial = 1;
    int64_t now_s = (int64_t)time(NULL);
    X509 *issuer = maker->issuer ? maker->issuer->certificate : certificate;
    X509_NAME *subject = X509_get_subject_name(certificate);
    const char *name = maker->common_name ? maker->common_name : "test";
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    ASN1_TIME_set(X509_getm_notBefore(certificate), maker->first_s ? maker->first_s : now_s - 3600);
    ASN1_TIME_set(X509_getm_notAfter(certificate),
                  maker->last_s ? maker->last_s : now_s + INT64_C(90) * 86400);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1,
                               0);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    X509_set_pubkey(certificate, key);
    tls_maker_extend(certificate, issuer, NID_basic_constraints,
                     maker->is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    tls_maker_extend(certificate, issuer, NID_subject_key_identifier, "hash");
    if (maker->issuer)
        tls_maker_extend(certificate, issuer, NID_authority_key_identifier, "keyid");
    if (maker->names)
        tls_maker_extend(certificate, issuer, NID_subject_alt_name, maker->names);
}

/* Makes what MAKER says. Release it with tls_made_fini. */
static inline struct tls_made tls_make(const struct tls_maker *maker)
{
    struct tls_made made = {.certificate = X509_new()};
    if (maker->same_key) {
        made.key = maker->same_key->key;
        EVP_PKEY_up_ref(made.key);
    } else {
        made.key = tls_maker_key(maker->key ? maker->key : "P-256");
    }
    tls_maker_must(made.certificate != NULL, "X509_new");
    tls_maker_fill(made.certificate, maker, made.key);
    tls_maker_sign(made.certificate, maker->issuer ? maker->issuer->key : made.key);
    made.certificate_pem = tls_maker_certificate_pem(made.certificate);
    made.key_pem = tls_maker_key_pem(made.key, NULL, false);
    return made;
}

static inline void tls_made_fini(struct tls_made *made)
{
    X509_free(made->certificate);
    EVP_PKEY_free(made->key);
    free(made->certificate_pem);
    free(made->key_pem);
}

/* A then B, as one text. free() it. */
static inline char *tls_maker_join(const char *a, const char *b)
{
    size_t room = strlen(a) + strlen(b) + 1;
    char *text = malloc(room);
    tls_maker_must(text != NULL, "malloc");
    snprintf(text, room, "%s%s", a, b);
    return text;
}

#endif
#endif
