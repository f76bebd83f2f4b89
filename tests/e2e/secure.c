/* secure: see secure.h. The socket is reached through a BIO of our own, because only so can a test
 * choose how many bytes each send has, and see which error the socket had. */
#include "secure.h"

#include "e2e.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { PIECES_MAX = 16 << 10 };

struct secure {
    SSL *ssl;
    SSL_SESSION *session;
    int fd;
    int error;         /* the socket's last errno but EAGAIN; 0: none */
    int alert;         /* received, or -1 */
    bool socket_ended; /* the peer's FIN has come */
    bool holding;      /* records go to HELD */
    struct bytes held;
    size_t piece_bytes; /* 0: no limit */
    size_t pieces_left; /* that have this limit */
    size_t blocked;     /* the length of the write that has to be repeated; 0: none */
    const char *problem;
};

/* --- The socket ------------------------------------------------------------------------------- */

static int socket_read(BIO *bio, char *to, int room)
{
    struct secure *secure = BIO_get_data(bio);
    ssize_t count = recv(secure->fd, to, (size_t)room, MSG_DONTWAIT);
    BIO_clear_retry_flags(bio);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_read(bio);
    else if (count < 0)
        secure->error = errno;
    else if (count == 0)
        secure->socket_ended = true;
    return (int)count;
}

static int socket_write(BIO *bio, const char *from, int length)
{
    struct secure *secure = BIO_get_data(bio);
    size_t sent = 0, left = (size_t)length;
    BIO_clear_retry_flags(bio);
    if (secure->holding) {
        bytes_append(&secure->held, from, left);
        return length;
    }
    while (left > 0) {
        size_t piece = left;
        if (secure->pieces_left > 0 && secure->piece_bytes < left) {
            piece = secure->piece_bytes;
            secure->pieces_left--;
        }
        ssize_t count = send(secure->fd, from + sent, piece, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count <= 0)
            break;
        sent += (size_t)count;
        left -= (size_t)count;
    }
    if (sent > 0)
        return (int)sent;
    if (errno == EAGAIN || errno == EINTR)
        BIO_set_retry_write(bio);
    else
        secure->error = errno;
    return -1;
}

static long socket_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO *socket_bio(struct secure *secure)
{
    static BIO_METHOD *method;
    if (!method) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "a test's socket");
        BIO_meth_set_read(method, socket_read);
        BIO_meth_set_write(method, socket_write);
        BIO_meth_set_ctrl(method, socket_control);
    }
    BIO *bio = BIO_new(method);
    cr_assert(bio != NULL);
    BIO_set_data(bio, secure);
    BIO_set_init(bio, 1);
    return bio;
}

/* --- Settings --------------------------------------------------------------------------------- */

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct secure *secure = SSL_get_app_data(ssl);
    secure->session = session;
    return 1; /* the reference is kept */
}

static void note_message(const SSL *ssl, int where, int value)
{
    struct secure *secure = SSL_get_app_data(ssl);
    if ((where & SSL_CB_ALERT) && (where & SSL_CB_READ))
        secure->alert = value & 0xff;
}

static SSL_CTX *context(void)
{
    static SSL_CTX *kept;
    if (!kept) {
        kept = SSL_CTX_new(TLS_client_method());
        cr_assert(kept != NULL, "libssl gives no context");
        SSL_CTX_set_verify(kept, SSL_VERIFY_NONE, NULL);
        SSL_CTX_set_mode(kept, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                   SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_session_cache_mode(kept,
                                       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
        SSL_CTX_sess_set_new_cb(kept, keep_session);
        SSL_CTX_set_info_callback(kept, note_message);
    }
    return kept;
}

/* Offers NAMES, which commas separate, in the form of RFC 7301: each after its length. */
static void offer_protocols(SSL *ssl, const char *names)
{
    static unsigned char list[1 << 15];
    size_t length = 0;
    char *rest = strdup(names);
    cr_assert(rest != NULL);
    for (char *name; (name = strsep(&rest, ",")) != NULL;) {
        size_t name_length = strlen(name);
        cr_assert(length + 1 + name_length <= sizeof list);
        list[length] = (unsigned char)name_length;
        memcpy(list + length + 1, name, name_length);
        length += 1 + name_length;
    }
    cr_assert(SSL_set_alpn_protos(ssl, list, (unsigned)length) == 0);
}

/* Some of OpenSSL's macros cast const away; the functions that they call don't write. */
static char *writable(const char *text)
{
    return (char *)(uintptr_t)text;
}

static void apply(SSL *ssl, const struct secure_setup *setup)
{
    static const int versions[] = {
        [11] = TLS1_1_VERSION, [12] = TLS1_2_VERSION, [13] = TLS1_3_VERSION};
    if (setup->version) {
        SSL_set_min_proto_version(ssl, versions[setup->version]);
        SSL_set_max_proto_version(ssl, versions[setup->version]);
        SSL_set_security_level(ssl, setup->version == 11 ? 0 : 1);
    }
    if (setup->server_name)
        SSL_set_tlsext_host_name(ssl, writable(setup->server_name));
    if (setup->alpn)
        offer_protocols(ssl, setup->alpn);
    if (setup->signature_algorithms)
        cr_assert(SSL_set1_sigalgs_list(ssl, writable(setup->signature_algorithms)) == 1);
    if (setup->groups)
        cr_assert(SSL_set1_groups_list(ssl, writable(setup->groups)) == 1);
    if (setup->session)
        cr_assert(SSL_set_session(ssl, setup->session) == 1);
}

struct secure *secure_create(int fd, const struct secure_setup *setup)
{
    struct secure *secure = calloc(1, sizeof *secure);
    cr_assert(secure != NULL);
    *secure = (struct secure){
        .ssl = SSL_new(context()),
        .fd = fd,
        .alert = -1,
        .piece_bytes = setup->piece_bytes,
        .pieces_left = setup->piece_bytes ? PIECES_MAX : 0,
    };
    cr_assert(secure->ssl != NULL);
    BIO *bio = socket_bio(secure);
    SSL_set_bio(secure->ssl, bio, bio);
    SSL_set_app_data(secure->ssl, secure);
    SSL_set_connect_state(secure->ssl);
    apply(secure->ssl, setup);
    return secure;
}

void secure_destroy(struct secure *secure)
{
    if (!secure)
        return;
    SSL_free(secure->ssl);
    free(secure);
}

/* --- Moving bytes ----------------------------------------------------------------------------- */

/* After a call that returned RESULT: EAGAIN, or the reason why the connection is over. */
static int why_not(struct secure *secure, int result)
{
    int kind = SSL_get_error(secure->ssl, result);
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE)
        return EAGAIN;
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    if (secure->error)
        secure->problem = strerror(secure->error);
    else if (secure->socket_ended)
        secure->problem = "the end of the connection without close_notify";
    else
        secure->problem = reason ? reason : "an unknown error of libssl";
    return secure->error ? secure->error : EPROTO;
}

enum secure_state secure_handshake(struct secure *secure)
{
    if (SSL_is_init_finished(secure->ssl))
        return SECURE_ESTABLISHED;
    ERR_clear_error();
    int result = SSL_do_handshake(secure->ssl);
    if (result == 1)
        return SECURE_ESTABLISHED;
    if (why_not(secure, result) == EAGAIN)
        return SECURE_SHAKING;
    return secure->alert < 0 && secure->socket_ended ? SECURE_CLOSED : SECURE_FAILED;
}

enum secure_state secure_await_handshake(struct secure *secure, int64_t deadline)
{
    enum secure_state state;
    while ((state = secure_handshake(secure)) == SECURE_SHAKING) {
        struct pollfd ready = {.fd = secure->fd, .events = POLLIN};
        if (SSL_want_write(secure->ssl))
            ready.events |= POLLOUT;
        if (poll(&ready, 1, deadline_left_ms(deadline)) <= 0 && deadline_left_ms(deadline) == 0)
            break;
    }
    return state;
}

ssize_t secure_send(struct secure *secure, const void *data, size_t length)
{
    /* libssl has sealed a record that has not left: the same bytes have to be offered again. */
    if (secure->blocked)
        length = secure->blocked;
    secure->blocked = 0;
    ERR_clear_error();
    int count = SSL_write(secure->ssl, data, (int)length);
    if (count > 0)
        return count;
    int error = why_not(secure, count);
    if (error == EAGAIN)
        secure->blocked = length;
    errno = error;
    return -1;
}

ssize_t secure_receive(struct secure *secure, void *to, size_t room)
{
    ERR_clear_error();
    int count = SSL_read(secure->ssl, to, (int)room);
    if (count > 0)
        return count;
    if (SSL_get_error(secure->ssl, count) == SSL_ERROR_ZERO_RETURN)
        return 0;
    errno = why_not(secure, count);
    return -1;
}

bool secure_has_received(const struct secure *secure)
{
    return SSL_pending(secure->ssl) > 0;
}

void secure_end(struct secure *secure)
{
    ERR_clear_error();
    if (SSL_is_init_finished(secure->ssl) && !secure->error)
        SSL_shutdown(secure->ssl);
}

void secure_hold(struct secure *secure)
{
    secure->holding = true;
}

struct view secure_take_held(struct secure *secure)
{
    struct view held = {secure->held.data, secure->held.length};
    secure->held = (struct bytes){0};
    secure->holding = false;
    return held;
}

/* --- Facts ------------------------------------------------------------------------------------ */

const char *secure_problem(const struct secure *secure)
{
    return secure->problem ? secure->problem : "none";
}

const char *secure_fingerprint(const struct secure *secure)
{
    X509 *certificate = SSL_get0_peer_certificate(secure->ssl);
    unsigned char digest[32];
    struct bytes text = {0};
    if (!certificate || X509_digest(certificate, EVP_sha256(), digest, NULL) != 1)
        return "";
    for (size_t i = 0; i < sizeof digest; i++)
        bytes_append_text(&text, text_format("%02x", digest[i]));
    return bytes_text(&text);
}

int secure_alert(const struct secure *secure)
{
    return secure->alert;
}

bool secure_has_ended(const struct secure *secure)
{
    return SSL_get_shutdown(secure->ssl) & SSL_RECEIVED_SHUTDOWN;
}

struct ssl_st *secure_ssl(const struct secure *secure)
{
    return secure->ssl;
}

struct ssl_session_st *secure_session(const struct secure *secure)
{
    return secure->session;
}

#else

struct secure *secure_create(int fd, const struct secure_setup *setup)
{
    (void)fd;
    (void)setup;
    e2e_skip("the tests were built without OpenSSL");
    return NULL;
}

void secure_destroy(struct secure *secure)
{
    (void)secure;
}

enum secure_state secure_handshake(struct secure *secure)
{
    (void)secure;
    return SECURE_FAILED;
}

enum secure_state secure_await_handshake(struct secure *secure, int64_t deadline)
{
    (void)secure;
    (void)deadline;
    return SECURE_FAILED;
}

ssize_t secure_send(struct secure *secure, const void *data, size_t length)
{
    (void)secure;
    (void)data;
    (void)length;
    return -1;
}

ssize_t secure_receive(struct secure *secure, void *to, size_t room)
{
    (void)secure;
    (void)to;
    (void)room;
    return -1;
}

bool secure_has_received(const struct secure *secure)
{
    (void)secure;
    return false;
}

void secure_end(struct secure *secure)
{
    (void)secure;
}

#endif
