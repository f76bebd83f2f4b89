/* tls_self_signed: see tls_self_signed.h. */
#include "tls/tls_self_signed.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "tls/tls_pem.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SERIAL_BYTES = 16, /* random; RFC 5280 section 4.1.2.2 allows 20 */
    SLACK_SECONDS = 3600,
    VALUE_BYTES = TLS_NAME_BYTES_MAX + 64,
};

static bool add_extension(X509 *certificate, int id, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, id, value);
    bool added = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

/* Whether HOST_NAME can be one of the names, and is not localhost, which is one anyway. Such a name
 * has letters, digits, hyphens, underscores and dots only, so X509V3_EXT_conf_nid(3) finds no
 * syntax of its own in it. */
static bool is_further_name(const char *host_name)
{
    struct tls_names names = {.address_count = 0};
    bool good = tls_names_add_host(&names, STR("localhost")) == 0 && host_name[0] != '*' &&
                tls_names_add_host(&names, str_of(host_name)) == 0 && names.hosts.count == 2;
    tls_names_fini(&names);
    return good;
}

static bool add_extensions(X509 *certificate, const char *host_name)
{
    char names[VALUE_BYTES];
    bool further = is_further_name(host_name);
    snprintf(names, sizeof names, "DNS:localhost%s%s,IP:127.0.0.1,IP:::1", further ? ",DNS:" : "",
             further ? host_name : "");
    return add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
           add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
           add_extension(certificate, NID_subject_key_identifier, "hash") &&
           add_extension(certificate, NID_subject_alt_name, names);
}

/* A new serial number: positive, and never the same, since browsers refuse a second certificate of
 * one issuer with the serial number of the first. */
static bool set_serial(X509 *certificate)
{
    unsigned char bytes[SERIAL_BYTES];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool set = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return set;
}

static bool set_dates(X509 *certificate, int64_t now_s)
{
    time_t first = (time_t)now_s - SLACK_SECONDS;
    time_t last = first + (time_t)TLS_SELF_SIGNED_DAYS * 86400 - 1; /* the last second counts */
    return ASN1_TIME_set(X509_getm_notBefore(certificate), first) &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), last);
}

static bool set_name(X509 *certificate)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
                                      (const unsigned char *)"Sluice, for development", -1, -1,
                                      0) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost",
                                      -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1;
}

static bool fill(X509 *certificate, EVP_PKEY *key, const char *host_name, int64_t now_s)
{
    return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
           set_dates(certificate, now_s) && set_name(certificate) &&
           X509_set_pubkey(certificate, key) == 1 && add_extensions(certificate, host_name) &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

/* Takes CERTIFICATE and KEY through PEM, as one from a file. */
static int convert(struct tls_certificate **ret, X509 *certificate, EVP_PKEY *key,
                   struct problem *ret_problem)
{
    enum tls_fault fault;
    int error = -ENOMEM;
    struct str chain_pem = STR_ABSENT, key_pem = STR_ABSENT;
    problem_set_no_memory(ret_problem);
    if (tls_pem_write_chain(&certificate, 1, &chain_pem) && tls_pem_write_key(key, &key_pem))
        error = tls_certificate_parse(ret, chain_pem, key_pem, ret_problem, &fault);
    if (!error)
        (*ret)->self_signed = true;
    if (key_pem.at)
        OPENSSL_cleanse((char *)(uintptr_t)key_pem.at, key_pem.length);
    free((char *)(uintptr_t)key_pem.at);
    free((char *)(uintptr_t)chain_pem.at);
    return error;
}

int tls_self_signed_create(struct tls_certificate **ret, const char *host_name, int64_t now_s,
                           struct problem *ret_problem)
{
    int error = -ENOMEM;
    X509 *certificate = X509_new();
    EVP_PKEY *key = EVP_EC_gen("P-256");
    problem_set(ret_problem, "cannot make a certificate: OpenSSL failed");
    problem_remedy(ret_problem, "make more memory available to this process");
    if (certificate && key && fill(certificate, key, host_name, now_s))
        error = convert(ret, certificate, key, ret_problem);
    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return error;
}

#endif
