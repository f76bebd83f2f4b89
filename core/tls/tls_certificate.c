/* tls_certificate: see tls_certificate.h. */
#include "tls/tls_certificate.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "tls/tls_pem.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

enum { STRENGTH_BITS_MIN = 112 }; /* RSA of 2048 bits, NIST SP 800-57 part 1, table 2 */

/* What is read, on its way into a certificate. */
struct reading {
    struct tls_pem pem;
    X509 *chain[TLS_PEM_CERTIFICATES_MAX]; /* *borrowed* from PEM, the server's first */
    unsigned chain_count;
    struct problem *problem;
};

/* --- Problems -------------------------------------------------------------------------------- */

static int no_memory(struct problem *ret_problem)
{
    ERR_clear_error();
    problem_set_no_memory(ret_problem);
    return -ENOMEM;
}

/* Refuses the input for WHAT, unless the reason is that OpenSSL had no memory. */
static int refuse(struct problem *ret_problem, const char *what, const char *remedy)
{
    if (ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE)
        return no_memory(ret_problem);
    ERR_clear_error();
    problem_set(ret_problem, "%s", what);
    problem_remedy(ret_problem, "%s", remedy);
    return -EINVAL;
}

/* --- The key ---------------------------------------------------------------------------------- */

/* Whether the curve of KEY can be used in TLS. RFC 8446 section 4.2.7. */
static bool has_known_curve(EVP_PKEY *key)
{
    static const struct str known[] = {STR_INIT("prime256v1"), STR_INIT("secp384r1"),
                                       STR_INIT("secp521r1")};
    char name[64];
    size_t length;
    if (EVP_PKEY_get_group_name(key, name, sizeof name, &length) != 1)
        return false;
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (str_equal(known[i], str_of(name)))
            return true;
    }
    return false;
}

/* Whether KEY can sign a handshake of TLS 1.2 or 1.3; its kind. */
static int judge_key(EVP_PKEY *key, enum tls_key_kind *ret, struct problem *ret_problem)
{
    static const char better[] =
        "make an ECDSA key: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256";
    bool is_ec = EVP_PKEY_is_a(key, "EC"), is_rsa = EVP_PKEY_is_a(key, "RSA");
    if (!EVP_PKEY_can_sign(key) || EVP_PKEY_is_a(key, "DSA") || (is_ec && !has_known_curve(key)))
        return refuse(ret_problem, "TLS does not use private keys of this kind", better);
    if (EVP_PKEY_get_security_bits(key) < STRENGTH_BITS_MIN)
        return refuse(ret_problem, "the private key is too short to be safe", better);
    *ret = is_ec ? TLS_KEY_ECDSA : is_rsa ? TLS_KEY_RSA : TLS_KEY_OTHER;
    return 0;
}

/* --- The chain -------------------------------------------------------------------------------- */

/* The first of the certificates that has the public key of the key; NULL: none has. */
static X509 *find_leaf(const struct tls_pem *pem)
{
    for (unsigned i = 0; i < pem->count; i++) {
        EVP_PKEY *public_key = X509_get0_pubkey(pem->certificates[i]);
        if (public_key && EVP_PKEY_eq(public_key, pem->key) == 1)
            return pem->certificates[i];
    }
    return NULL;
}

static bool is_in(X509 *certificate, X509 *const *list, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (X509_cmp(list[i], certificate) == 0)
            return true;
    }
    return false;
}

/* The issuer of the last certificate of the chain, if it is there and not in the chain yet. */
static X509 *find_issuer(const struct reading *reading)
{
    const struct tls_pem *pem = &reading->pem;
    X509 *last = reading->chain[reading->chain_count - 1];
    for (unsigned i = 0; i < pem->count; i++) {
        X509 *issuer = pem->certificates[i];
        EVP_PKEY *key = X509_get0_pubkey(issuer);
        if (X509_check_issued(issuer, last) == X509_V_OK &&
            !is_in(issuer, reading->chain, reading->chain_count) && key &&
            X509_verify(last, key) == 1)
            return issuer;
    }
    return NULL;
}

static void build_chain(struct reading *reading, X509 *leaf)
{
    for (X509 *next = leaf; next; next = find_issuer(reading))
        reading->chain[reading->chain_count++] = next;
}

/* Whether clients will miss the issuer of the server's certificate, which is alone. Private
 * authorities often issue directly with the certificate that clients trust. Public ones never do,
 * and they say where the issuer's certificate is: RFC 5280 section 4.2.2.1. */
static bool lacks_issuer(const struct reading *reading)
{
    X509 *leaf = reading->chain[0];
    if (reading->chain_count > 1 || X509_check_issued(leaf, leaf) == X509_V_OK)
        return false;
    return X509_get_ext_by_NID(leaf, NID_info_access, -1) >= 0;
}

/* Has libssl take the chain and the key, as each worker will: it refuses weak signatures. 0 or a
 * negative errno. */
static int try_out(const struct reading *reading)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    bool done = context && SSL_CTX_use_certificate(context, reading->chain[0]) == 1;
    for (unsigned i = 1; i < reading->chain_count && done; i++)
        done = SSL_CTX_add1_chain_cert(context, reading->chain[i]) == 1;
    done = done && SSL_CTX_use_PrivateKey(context, reading->pem.key) == 1;
    SSL_CTX_free(context);
    if (done)
        return 0;
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    int error = reason ? refuse(reading->problem, "", "get a certificate signed with SHA-256")
                       : no_memory(reading->problem);
    if (error == -EINVAL)
        problem_prefix(reading->problem, "OpenSSL refuses the certificate: %s", reason);
    return error;
}

/* --- Names ------------------------------------------------------------------------------------ */

/* Adds TEXT, unless no host can have such a name. 0 or -ENOMEM. */
static int add_name(struct tls_names *names, const ASN1_STRING *text)
{
    int length = ASN1_STRING_length(text);
    struct str name = {(const char *)ASN1_STRING_get0_data(text), (size_t)length};
    int error = tls_names_add_host(names, name);
    return error == -ENOMEM ? error : 0;
}

static int add_alternative(struct tls_names *names, const GENERAL_NAME *name)
{
    int error = 0;
    if (name->type == GEN_DNS)
        error = add_name(names, name->d.dNSName);
    if (name->type == GEN_IPADD)
        error = tls_names_add_address(names, ASN1_STRING_get0_data(name->d.iPAddress),
                                      (size_t)ASN1_STRING_length(name->d.iPAddress));
    return error == -ENOMEM ? error : 0;
}

/* Adds the last common name of LEAF: for certificates without subjectAltName, which only old
 * clients accept. */
static int add_common_name(struct tls_names *names, X509 *leaf)
{
    unsigned char *text;
    X509_NAME *subject = X509_get_subject_name(leaf);
    int at = -1, last = -1;
    while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0)
        last = at;
    if (last < 0)
        return 0;
    int length =
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
    if (length < 0)
        return 0;
    int error = tls_names_add_text(names, (struct str){(const char *)text, (size_t)length});
    OPENSSL_free(text);
    return error == -ENOMEM ? error : 0;
}

static int read_names(struct tls_names *names, X509 *leaf, struct problem *ret_problem)
{
    int critical, error = 0;
    GENERAL_NAMES *list = X509_get_ext_d2i(leaf, NID_subject_alt_name, &critical, NULL);
    if (!list && critical != -1)
        return refuse(ret_problem, "the names in the certificate cannot be read",
                      "get a new certificate from its issuer");
    if (!list)
        error = add_common_name(names, leaf);
    for (int i = 0; i < sk_GENERAL_NAME_num(list) && !error; i++)
        error = add_alternative(names, sk_GENERAL_NAME_value(list, i));
    GENERAL_NAMES_free(list);
    return error ? no_memory(ret_problem) : 0;
}

/* --- Facts ------------------------------------------------------------------------------------- */

/* POSIX time of TIME. False: it is malformed, or memory is out. */
static bool time_of(const ASN1_TIME *time, int64_t *ret_s)
{
    int days, seconds;
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    bool good = epoch && ASN1_TIME_diff(&days, &seconds, epoch, time) == 1;
    ASN1_TIME_free(epoch);
    if (good)
        *ret_s = (int64_t)days * 86400 + seconds;
    return good;
}

static bool take_fingerprint(X509 *leaf, uint8_t to[static DIGEST_BYTES])
{
    unsigned char *der = NULL;
    struct digest digest;
    int length = i2d_X509(leaf, &der);
    if (length < 0)
        return false;
    digest_init(&digest, DIGEST_FASTEST);
    digest_update(&digest, der, (size_t)length);
    digest_final(&digest, to);
    OPENSSL_free(der);
    return true;
}

static bool is_in_order(const struct reading *reading)
{
    for (unsigned i = 0; i < reading->chain_count; i++) {
        if (reading->pem.certificates[i] != reading->chain[i])
            return false;
    }
    return true;
}

/* Fills CERTIFICATE, which is zeroed. 0 or a negative errno. */
static int fill(struct tls_certificate *certificate, const struct reading *reading)
{
    X509 *leaf = reading->chain[0];
    int error = try_out(reading);
    if (!error)
        error = read_names(&certificate->names, leaf, reading->problem);
    if (error)
        return error;
    if (!time_of(X509_get0_notBefore(leaf), &certificate->not_before_s) ||
        !time_of(X509_get0_notAfter(leaf), &certificate->not_after_s))
        return refuse(reading->problem, "the dates in the certificate cannot be read",
                      "get a new certificate from its issuer");
    if (!take_fingerprint(leaf, certificate->fingerprint) ||
        !tls_pem_write_chain(reading->chain, reading->chain_count, &certificate->chain_pem) ||
        !tls_pem_write_key(reading->pem.key, &certificate->key_pem))
        return no_memory(reading->problem);
    if (certificate->chain_pem.length > TLS_CHAIN_PEM_BYTES_MAX)
        return refuse(reading->problem, "the chain is longer than 64 KiB",
                      "give the server's certificate and its issuers only");
    certificate->issuer_count = reading->chain_count - 1;
    certificate->left_out = reading->pem.count - reading->chain_count;
    certificate->was_in_order = is_in_order(reading);
    certificate->lacks_issuer = lacks_issuer(reading);
    return 0;
}

/* --- Reading ---------------------------------------------------------------------------------- */

static int find_chain(struct reading *reading)
{
    if (reading->pem.count == 0)
        return refuse(reading->problem, "no certificate in it",
                      "give a file in PEM, with a block BEGIN CERTIFICATE");
    X509 *leaf = find_leaf(&reading->pem);
    if (!leaf)
        return refuse(reading->problem, "the private key is not that of a certificate in it",
                      "give the key that the certificate was made for");
    build_chain(reading, leaf);
    return 0;
}

static int read_both(struct reading *reading, struct str pem, struct str key_pem,
                     enum tls_key_kind *ret_kind, enum tls_fault *ret_fault)
{
    *ret_fault = TLS_FAULT_CERTIFICATE;
    int error = tls_pem_read(&reading->pem, pem, TLS_PEM_CERTIFICATES, reading->problem);
    if (error)
        return error;
    *ret_fault = TLS_FAULT_KEY;
    error = tls_pem_read(&reading->pem, key_pem, TLS_PEM_KEY, reading->problem);
    if (!error && !reading->pem.key && reading->pem.count > 0)
        error = refuse(reading->problem, "no private key in it",
                       "give a file in PEM, with a block BEGIN PRIVATE KEY");
    if (!error && reading->pem.key)
        error = judge_key(reading->pem.key, ret_kind, reading->problem);
    if (error)
        return error;
    *ret_fault = reading->pem.count > 0 ? TLS_FAULT_PAIR : TLS_FAULT_CERTIFICATE;
    return find_chain(reading);
}

int tls_certificate_parse(struct tls_certificate **ret, struct str pem, struct str key_pem,
                          struct problem *ret_problem, enum tls_fault *ret_fault)
{
    static atomic_uint last_number;
    struct reading reading = {.problem = ret_problem};
    struct tls_certificate *certificate = calloc(1, sizeof *certificate);
    *ret_fault = TLS_FAULT_CERTIFICATE;
    if (!certificate)
        return no_memory(ret_problem);
    atomic_init(&certificate->references, 1);
    certificate->number = atomic_fetch_add_explicit(&last_number, 1, memory_order_relaxed) + 1;
    int error = read_both(&reading, pem, key_pem, &certificate->kind, ret_fault);
    if (!error) {
        *ret_fault = TLS_FAULT_CERTIFICATE;
        error = fill(certificate, &reading);
    }
    tls_pem_fini(&reading.pem);
    ERR_clear_error();
    if (error)
        tls_certificate_unref(certificate);
    else
        *ret = certificate;
    return error;
}

/* --- Sharing ---------------------------------------------------------------------------------- */

struct tls_certificate *tls_certificate_ref(struct tls_certificate *certificate)
{
    atomic_fetch_add_explicit(&certificate->references, 1, memory_order_relaxed);
    return certificate;
}

void tls_certificate_unref(struct tls_certificate *certificate)
{
    if (!certificate ||
        atomic_fetch_sub_explicit(&certificate->references, 1, memory_order_acq_rel) > 1)
        return;
    if (certificate->key_pem.at)
        OPENSSL_cleanse((char *)(uintptr_t)certificate->key_pem.at, certificate->key_pem.length);
    free((char *)(uintptr_t)certificate->key_pem.at);
    free((char *)(uintptr_t)certificate->chain_pem.at);
    tls_names_fini(&certificate->names);
    free(certificate);
}

void tls_certificate_fingerprint(const struct tls_certificate *certificate,
                                 char to[static TLS_FINGERPRINT_BYTES])
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        to[3 * i] = digits[certificate->fingerprint[i] >> 4];
        to[3 * i + 1] = digits[certificate->fingerprint[i] & 15];
        to[3 * i + 2] = i + 1 < DIGEST_BYTES ? ':' : '\0';
    }
}

#endif
