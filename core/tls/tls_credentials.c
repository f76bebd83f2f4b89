/* tls_credentials: see tls_credentials.h. */
#include "tls/tls_credentials.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>

/* --- Problems --------------------------------------------------------------------------------- */

/* Makes a problem of the oldest error in OpenSSL's queue, which is then empty. Allocations that
 * fail do not always leave one. */
static int openssl_error(struct problem *ret_problem, const char *what)
{
    unsigned long error = ERR_peek_error();
    const char *reason = ERR_reason_error_string(error);
    bool no_memory = error == 0 || ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
    if (no_memory)
        problem_set_no_memory(ret_problem);
    else
        problem_set(ret_problem, "%s: %s", what, reason ? reason : "OpenSSL has failed");
    ERR_clear_error();
    return no_memory ? -ENOMEM : -EINVAL;
}

/* --- Settings of all certificates ------------------------------------------------------------- */

/* RFC 7301. A client that sends no list is served without this callback being called; one that
 * sends a list with neither of these gets the alert 120. */
static int choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_length,
                           const unsigned char *offered, unsigned offered_length, void *unused)
{
    static const unsigned char ours[] = "\x08http/1.1\x08http/1.0";
    unsigned char *chosen;
    (void)ssl;
    (void)unused;
    if (SSL_select_next_proto(&chosen, ret_length, ours, sizeof ours - 1, offered,
                              offered_length) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* X25519 costs least; the hybrid group is for later decryption by quantum computers, and libraries
 * have it from 3.5 on. The macros cast const away. */
static bool set_groups(SSL_CTX *context)
{
    static char groups[] = "X25519:P-256:P-384";
    static char hybrid_groups[] = "X25519MLKEM768:X25519:P-256:P-384";
    if (SSL_CTX_set1_groups_list(context, hybrid_groups) == 1)
        return true;
    ERR_clear_error();
    return SSL_CTX_set1_groups_list(context, groups) == 1;
}

/* Forward secrecy and AEAD only. A client without instructions for AES, which prefers ChaCha20,
 * gets it (SSL_OP_PRIORITIZE_CHACHA). */
static bool set_suites(SSL_CTX *context)
{
    static const char suites[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                 "TLS_CHACHA20_POLY1305_SHA256";
    static const char suites_1_2[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                     "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                     "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
    return SSL_CTX_set_ciphersuites(context, suites) == 1 &&
           SSL_CTX_set_cipher_list(context, suites_1_2) == 1;
}

/* A digest of NAMES. */
static void digest_names(const struct tls_names *names, uint8_t ret[static DIGEST_BYTES])
{
    struct digest digest;
    digest_init(&digest, DIGEST_FASTEST);
    for (unsigned i = 0; i < names->hosts.count; i++)
        digest_update(&digest, names->hosts.items[i], strlen(names->hosts.items[i]) + 1);
    for (unsigned i = 0; i < names->address_count; i++)
        digest_update(&digest, names->addresses[i].bytes, names->addresses[i].length);
    digest_final(&digest, ret);
}

/* Tickets are stateless: sessions are kept by clients alone. One is enough for HTTP, where a client
 * resumes with the latest. A session is resumed for the names that it was made for only (RFC 6066
 * section 3), by any certificate for them: also by a later one. */
static bool set_sessions(SSL_CTX *context, const struct tls_callbacks *callbacks,
                         const struct tls_names *names)
{
    uint8_t id[DIGEST_BYTES];
    static_assert(sizeof id <= SSL_MAX_SID_CTX_LENGTH, "the whole digest");
    digest_names(names, id);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(context, TLS_TICKET_LIFETIME_S);
    return SSL_CTX_set_session_id_context(context, id, sizeof id) == 1 &&
           SSL_CTX_set_num_tickets(context, 1) == 1 &&
           SSL_CTX_set_tlsext_ticket_key_evp_cb(context, callbacks->ticket) == 1;
}

static bool set_least(SSL_CTX *context, enum tls_version least)
{
    return SSL_CTX_set_min_proto_version(context, least == TLS_VERSION_1_3 ? TLS1_3_VERSION
                                                                           : TLS1_2_VERSION) == 1;
}

static bool set_up(SSL_CTX *context, const struct tls_credentials_config *config,
                   const struct tls_names *names)
{
    const struct tls_callbacks *callbacks = &config->callbacks;
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                     SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 0);
    SSL_CTX_set_client_hello_cb(context, callbacks->hello, callbacks->owner);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    return SSL_CTX_set_app_data(context, callbacks->owner) == 1 &&
           set_least(context, config->least) && SSL_CTX_set_max_proto_version(context, 0) == 1 &&
           set_groups(context) && set_suites(context) && set_sessions(context, callbacks, names);
}

/* --- One certificate -------------------------------------------------------------------------- */

static X509 *read_certificate(BIO *from, OSSL_LIB_CTX *library)
{
    X509 *certificate = X509_new_ex(library, NULL);
    if (!certificate || PEM_read_bio_X509(from, &certificate, NULL, NULL))
        return certificate;
    X509_free(certificate);
    return NULL;
}

/* Reads what follows the server's own certificate. The end of PEM is an error in OpenSSL's
 * queue. */
static bool use_issuers(SSL_CTX *context, BIO *from, OSSL_LIB_CTX *library)
{
    X509 *issuer;
    while ((issuer = read_certificate(from, library))) {
        if (SSL_CTX_add0_chain_cert(context, issuer) != 1) {
            X509_free(issuer);
            return false;
        }
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return false;
    ERR_clear_error();
    return true;
}

static bool use_chain(SSL_CTX *context, BIO *from, OSSL_LIB_CTX *library)
{
    X509 *certificate = read_certificate(from, library);
    bool done = certificate && SSL_CTX_use_certificate(context, certificate) == 1 &&
                use_issuers(context, from, library);
    X509_free(certificate);
    return done;
}

static bool use_key(SSL_CTX *context, BIO *from, OSSL_LIB_CTX *library)
{
    static char no_passphrase[] = "";
    EVP_PKEY *key = PEM_read_bio_PrivateKey_ex(from, NULL, NULL, no_passphrase, library, NULL);
    bool done =
        key && SSL_CTX_use_PrivateKey(context, key) == 1 && SSL_CTX_check_private_key(context) == 1;
    EVP_PKEY_free(key);
    return done;
}

static bool use_pem(SSL_CTX *context, struct str pem, OSSL_LIB_CTX *library,
                    bool (*use)(SSL_CTX *context, BIO *from, OSSL_LIB_CTX *library))
{
    BIO *from = BIO_new_mem_buf(pem.at, (int)pem.length);
    bool done = from && use(context, from, library);
    BIO_free(from);
    return done;
}

static enum tls_scheme scheme_of(const EVP_PKEY *key)
{
    if (EVP_PKEY_is_a(key, "RSA"))
        return TLS_SCHEME_ANY_RSA;
    if (EVP_PKEY_is_a(key, "ED25519"))
        return TLS_SCHEME_ED25519;
    if (EVP_PKEY_is_a(key, "ED448"))
        return TLS_SCHEME_ED448;
    if (!EVP_PKEY_is_a(key, "EC"))
        return TLS_SCHEME_UNKNOWN;
    switch (EVP_PKEY_get_bits(key)) {
    case 256:
        return TLS_SCHEME_P256;
    case 384:
        return TLS_SCHEME_P384;
    case 521:
        return TLS_SCHEME_P521;
    default:
        return TLS_SCHEME_UNKNOWN;
    }
}

static int parse(struct tls_credential *credential, const struct tls_credentials_config *config,
                 struct problem *ret_problem)
{
    const struct tls_certificate *certificate = credential->certificate;
    static const char refused[] = "OpenSSL refuses the certificate";
    OSSL_LIB_CTX *library = config->library;
    ERR_clear_error();
    credential->context = SSL_CTX_new_ex(library, NULL, TLS_server_method());
    if (!credential->context || !set_up(credential->context, config, &certificate->names))
        return openssl_error(ret_problem, "OpenSSL cannot be set up for HTTPS");
    if (!use_pem(credential->context, certificate->chain_pem, library, use_chain))
        return openssl_error(ret_problem, refused);
    if (!use_pem(credential->context, certificate->key_pem, library, use_key))
        return openssl_error(ret_problem, "OpenSSL refuses the certificate's key");
    credential->scheme = scheme_of(SSL_CTX_get0_privatekey(credential->context));
    return 0;
}

static void credential_fini(struct tls_credential *credential)
{
    SSL_CTX_free(credential->context);
    tls_certificate_unref(credential->certificate);
}

static struct tls_credential share(const struct tls_credential *credential, enum tls_version least)
{
    tls_certificate_ref(credential->certificate);
    SSL_CTX_up_ref(credential->context);
    set_least(credential->context, least); /* a version that was set before: it can't fail */
    return *credential;
}

/* --- All of them ------------------------------------------------------------------------------ */

/* FORMER's own CERTIFICATE; NULL: it does not have it. FORMER may be NULL. */
static const struct tls_credential *find_same(const struct tls_credentials *former,
                                              const struct tls_certificate *certificate)
{
    for (unsigned i = 0; former && i < former->count; i++) {
        if (former->items[i].certificate == certificate)
            return &former->items[i];
    }
    return NULL;
}

/* The credential of FORMER that can replace CERTIFICATE; NULL: there is not one. */
static const struct tls_credential *find_substitute(const struct tls_credentials *former,
                                                    const struct tls_certificate *certificate)
{
    for (unsigned i = 0; former && i < former->count; i++) {
        const struct tls_certificate *other = former->items[i].certificate;
        if (other->kind == certificate->kind &&
            tls_names_overlap(&other->names, &certificate->names))
            return &former->items[i];
    }
    return NULL;
}

/* Appends the credential of CERTIFICATE, or what is used in its place, see
 * tls_credentials_create. */
static int add(struct tls_credentials *credentials, struct tls_certificate *certificate,
               const struct tls_credentials_config *config, struct problem *ret_problem)
{
    const struct tls_credential *known = find_same(config->former, certificate);
    if (!known) {
        struct tls_credential fresh = {.certificate = tls_certificate_ref(certificate)};
        int error = parse(&fresh, config, ret_problem);
        if (!error) {
            credentials->items[credentials->count++] = fresh;
            return 0;
        }
        credential_fini(&fresh);
        if (error != -EINVAL || !config->former)
            return error;
        known = find_substitute(config->former, certificate);
    }
    if (known)
        credentials->items[credentials->count++] = share(known, config->least);
    return 0;
}

int tls_credentials_create(struct tls_credentials **ret, struct tls_certificates *certificates,
                           const struct tls_credentials_config *config, struct problem *ret_problem)
{
    const size_t items_bytes = certificates->count * sizeof(struct tls_credential);
    struct tls_credentials *credentials = calloc(1, sizeof *credentials + items_bytes);
    int error = 0;
    if (!credentials) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    credentials->references = 1;
    credentials->certificates = tls_certificates_ref(certificates);
    for (unsigned i = 0; i < certificates->count && !error; i++)
        error = add(credentials, certificates->items[i], config, ret_problem);
    if (!error && credentials->count == 0)
        error = -EINVAL; /* the problem is that of the last certificate */
    if (error)
        tls_credentials_unref(credentials);
    else
        *ret = credentials;
    return error;
}

struct tls_credentials *tls_credentials_ref(struct tls_credentials *credentials)
{
    credentials->references++;
    return credentials;
}

void tls_credentials_unref(struct tls_credentials *credentials)
{
    if (!credentials || --credentials->references > 0)
        return;
    for (unsigned i = 0; i < credentials->count; i++)
        credential_fini(&credentials->items[i]);
    tls_certificates_unref(credentials->certificates);
    free(credentials);
}

/* --- Choosing --------------------------------------------------------------------------------- */

/* How a certificate suits a client, the most important first; more is better. */
struct rank {
    bool has_name;  /* some name that the client asked for */
    bool is_usable; /* the client can check its signature */
    unsigned match; /* see below */
    unsigned kind;  /* ECDSA, others, RSA: by the cost of a handshake */
};

/* By which name: the client's own, or in its absence the address, or those of the first. */
enum { BY_NOTHING, BY_FIRST, BY_ADDRESS, BY_WILDCARD, BY_EXACT_NAME };

static unsigned match_of(const struct tls_credentials *credentials, unsigned i, struct str host,
                         const struct tls_address *local)
{
    const struct tls_certificate *first = credentials->items[0].certificate;
    const struct tls_certificate *certificate = credentials->items[i].certificate;
    switch (host.at ? tls_certificate_match(certificate, host) : TLS_MATCH_NONE) {
    case TLS_MATCH_EXACT:
        return BY_EXACT_NAME;
    case TLS_MATCH_WILDCARD:
        return BY_WILDCARD;
    case TLS_MATCH_NONE:
        break;
    }
    if (local && tls_names_have_address(&certificate->names, local->bytes, local->length))
        return BY_ADDRESS;
    bool is_first = i == 0 || tls_names_overlap(&first->names, &certificate->names);
    return is_first ? BY_FIRST : BY_NOTHING;
}

static unsigned kind_of(enum tls_key_kind kind)
{
    static const unsigned kinds[] = {[TLS_KEY_RSA] = 0, [TLS_KEY_OTHER] = 1, [TLS_KEY_ECDSA] = 2};
    return kinds[kind];
}

static bool is_better(const struct rank *a, const struct rank *b)
{
    if (a->has_name != b->has_name)
        return a->has_name;
    if (a->is_usable != b->is_usable)
        return a->is_usable;
    return a->match != b->match ? a->match > b->match : a->kind > b->kind;
}

unsigned tls_credentials_choose(const struct tls_credentials *credentials,
                                const struct tls_hello *hello, const struct tls_address *local)
{
    struct rank best = {0};
    unsigned chosen = 0;
    for (unsigned i = 0; i < credentials->count; i++) {
        struct rank rank = {
            .is_usable = tls_hello_takes(hello, credentials->items[i].scheme),
            .match = match_of(credentials, i, hello->host, local),
            .kind = kind_of(credentials->items[i].certificate->kind),
        };
        rank.has_name = rank.match >= BY_WILDCARD;
        if (i == 0 || is_better(&rank, &best)) {
            best = rank;
            chosen = i;
        }
    }
    return chosen;
}

#endif
