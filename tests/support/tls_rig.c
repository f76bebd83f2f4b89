/* tls_rig: see tls_rig.h. */
#include "support/tls_rig.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <openssl/err.h>

/* --- A server --------------------------------------------------------------------------------- */

static struct tls_certificate *certificate_of(const struct tls_maker *maker)
{
    struct tls_made made = tls_make(maker);
    struct tls_certificate *certificate = NULL;
    struct problem problem;
    enum tls_fault fault;
    int error = tls_certificate_parse(&certificate, str_of(made.certificate_pem),
                                      str_of(made.key_pem), &problem, &fault);
    tls_maker_must(error == 0, "tls_certificate_parse");
    tls_made_fini(&made);
    return certificate;
}

struct tls_certificates *tls_rig_certificates(const struct tls_maker *makers, unsigned count)
{
    struct tls_certificate *items[16];
    tls_maker_must(count <= sizeof items / sizeof *items, "so many certificates");
    for (unsigned i = 0; i < count; i++)
        items[i] = certificate_of(&makers[i]);
    struct tls_certificates *all = tls_certificates_create(items, count, (int64_t)time(NULL));
    tls_maker_must(all != NULL, "tls_certificates_create");
    for (unsigned i = 0; i < count; i++)
        tls_certificate_unref(items[i]);
    return all;
}

void tls_rig_init(struct tls_rig *rig, const struct tls_maker *makers, unsigned count)
{
    static const struct tls_maker example = {.names = "DNS:example.org"};
    struct problem problem;
    const struct tls_shared_config config = {.certificates =
                                                 count > 0 ? tls_rig_certificates(makers, count)
                                                           : tls_rig_certificates(&example, 1)};
    tls_maker_must(tls_shared_create(&rig->shared, &config, &problem) == 0, "tls_shared_create");
    tls_maker_must(tls_context_create(&rig->context, rig->shared, &problem) == 0,
                   "tls_context_create");
}

void tls_rig_fini(struct tls_rig *rig)
{
    tls_context_destroy(rig->context);
    tls_shared_destroy(rig->shared);
}

void (*tls_rig_on_server)(bool enters);

static void enter_server(void)
{
    if (tls_rig_on_server)
        tls_rig_on_server(true);
}

static void leave_server(void)
{
    if (tls_rig_on_server)
        tls_rig_on_server(false);
}

/* --- A client --------------------------------------------------------------------------------- */

static int on_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_link *link = SSL_get_app_data(ssl);
    SSL_SESSION_free(link->session);
    link->session = session;
    return 1;
}

/* The client's alert is kept in place of the verdict on the certificate, which it ignores. */
static void on_alert(const SSL *ssl, int where, int value)
{
    struct tls_link *link = SSL_get_app_data(ssl);
    if (where == SSL_CB_READ_ALERT)
        SSL_set_verify_result(link->client, 1000 + (value & 0xff));
}

/* For macros of OpenSSL that cast const away. */
static char *writable(const char *text)
{
    return (char *)(uintptr_t)text;
}

/* NSS key log format: a label, the client's random in hexadecimal, the secret. */
static void on_secret(const SSL *ssl, const char *line)
{
    static const char label[] = "CLIENT_TRAFFIC_SECRET_0 ";
    struct tls_link *link = SSL_get_app_data(ssl);
    const char *secret = strrchr(line, ' ');
    if (strncmp(line, label, sizeof label - 1) != 0)
        return;
    for (size_t i = 0; i < sizeof link->secret && secret[1 + 2 * i]; i++) {
        const char digits[] = {secret[1 + 2 * i], secret[2 + 2 * i], '\0'};
        link->secret[i] = (unsigned char)strtoul(digits, NULL, 16);
    }
}

static SSL_CTX *client_context(const struct tls_client *client)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    tls_maker_must(context != NULL, "SSL_CTX_new");
    if (client->is_insecure)
        SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, client->version);
    SSL_CTX_set_max_proto_version(context, client->version);
    SSL_CTX_set_session_cache_mode(context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(context, on_session);
    SSL_CTX_set_info_callback(context, on_alert);
    SSL_CTX_set_keylog_callback(context, on_secret);
    tls_maker_must(!client->suites || SSL_CTX_set_ciphersuites(context, client->suites),
                   client->suites);
    tls_maker_must(!client->suites_1_2 || SSL_CTX_set_cipher_list(context, client->suites_1_2),
                   client->suites_1_2);
    tls_maker_must(!client->schemes ||
                       SSL_CTX_set1_sigalgs_list(context, writable(client->schemes)),
                   client->schemes);
    tls_maker_must(!client->groups || SSL_CTX_set1_groups_list(context, writable(client->groups)),
                   client->groups);
    return context;
}

struct tls_link *tls_link_create(struct tls_context *context, const struct tls_client *client)
{
    struct tls_link *link = calloc(1, sizeof *link);
    tls_maker_must(link != NULL, "calloc");
    link->context = context;
    link->result = TLS_WANTS_INPUT;
    enter_server();
    link->stream = tls_stream_create(context);
    leave_server();
    if (!link->stream)
        link->result = TLS_FAILED;
    link->client_context = client_context(client);
    link->client = SSL_new(link->client_context);
    link->to_client = BIO_new(BIO_s_mem());
    link->to_server = BIO_new(BIO_s_mem());
    tls_maker_must(link->client && link->to_client && link->to_server, "a link");
    SSL_set_app_data(link->client, link);
    SSL_set_bio(link->client, link->to_client, link->to_server);
    SSL_set_connect_state(link->client);
    if (client->host)
        SSL_set_tlsext_host_name(link->client, writable(client->host));
    if (client->protocols)
        SSL_set_alpn_protos(link->client, (const unsigned char *)client->protocols,
                            (unsigned)strlen(client->protocols));
    if (client->session)
        SSL_set_session(link->client, client->session);
    return link;
}

void tls_link_destroy(struct tls_link *link)
{
    tls_stream_destroy(link->stream);
    SSL_free(link->client);
    SSL_CTX_free(link->client_context);
    SSL_SESSION_free(link->session);
    free(link);
}

/* --- Bytes ------------------------------------------------------------------------------------ */

/* One call of the server. */
static void step_server(struct tls_link *link)
{
    size_t length = 0;
    enter_server();
    if (!link->is_open) {
        link->result = tls_stream_handshake(link->context, link->stream);
        link->is_open = link->result == TLS_OK;
    } else {
        link->result =
            tls_stream_open(link->context, link->stream, link->received + link->received_length,
                            sizeof link->received - link->received_length, &length);
        link->received_length += length;
    }
    leave_server();
    link->sent_length += link->context->output_length;
    if (link->context->output_length > 0)
        BIO_write(link->to_client, link->context->output, (int)link->context->output_length);
    link->context->output_length = 0;
}

enum tls_result tls_link_feed(struct tls_link *link, struct str bytes)
{
    if (!link->stream)
        return TLS_FAILED;
    link->context->input = bytes;
    do
        step_server(link);
    while (link->result == TLS_OK);
    tls_maker_must(link->result != TLS_WANTS_INPUT || link->context->input.length == 0,
                   "consuming all input");
    return link->result;
}

enum tls_result tls_link_pump(struct tls_link *link, size_t step)
{
    char bytes[4096];
    int length;
    while (link->result == TLS_WANTS_INPUT &&
           (length = BIO_read(link->to_server, bytes, (int)size_min(step, sizeof bytes))) > 0)
        tls_link_feed(link, (struct str){bytes, (size_t)length});
    return link->result;
}

bool tls_link_shake(struct tls_link *link, size_t step)
{
    for (unsigned i = 0; i < 8; i++) {
        SSL_do_handshake(link->client);
        tls_link_pump(link, step);
    }
    /* A ticket of TLS 1.3 is read with the first data. */
    char byte;
    SSL_read(link->client, &byte, 1);
    ERR_clear_error();
    return link->is_open && SSL_is_init_finished(link->client) && link->result == TLS_WANTS_INPUT;
}

struct str tls_link_write(struct tls_link *link, struct str text)
{
    static char bytes[TLS_LINK_BYTES];
    int written = SSL_write(link->client, text.at, (int)text.length);
    tls_maker_must(written == (int)text.length, "SSL_write");
    int length = BIO_read(link->to_server, bytes, (int)sizeof bytes);
    return (struct str){bytes, length > 0 ? (size_t)length : 0};
}

bool tls_link_answers(struct tls_link *link, struct str text)
{
    static char bytes[TLS_LINK_BYTES];
    struct tls_context *context = link->context;
    size_t read = 0;
    for (size_t at = 0; at < text.length; at += TLS_RECORD_BYTES_MAX) {
        size_t length = size_min(text.length - at, TLS_RECORD_BYTES_MAX);
        enter_server();
        enum tls_result result = tls_stream_seal(context, link->stream, text.at + at, length);
        leave_server();
        if (result != TLS_OK)
            return false;
        BIO_write(link->to_client, context->output, (int)context->output_length);
        context->output_length = 0;
    }
    while (read < text.length) {
        size_t length;
        if (SSL_read_ex(link->client, bytes + read, sizeof bytes - read, &length) != 1)
            return false;
        read += length;
    }
    return str_equal((struct str){bytes, read}, text);
}

const char *tls_link_common_name(const struct tls_link *link)
{
    static char name[128];
    name[0] = '\0';
    X509 *certificate = SSL_get0_peer_certificate(link->client);
    if (certificate)
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                                  sizeof name);
    return name;
}

int tls_link_alert(const struct tls_link *link)
{
    long result = SSL_get_verify_result(link->client);
    return result >= 1000 ? (int)result - 1000 : -1;
}

#endif
