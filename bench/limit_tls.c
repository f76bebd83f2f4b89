/* limit_tls: the practical limit of this machine for HTTPS, which the benchmarks measure every
 * server against.
 *
 *     limit_tls [-c] PORT BODY_BYTES PEM
 *
 * limit.c with libssl: one thread, one edge-triggered epoll, no HTTP. PEM has the certificate and
 * its key. A turn receives once, opens the records that have come, counts the blank lines, seals
 * the answers in records of 16 KiB, and sends them gathered, by one call. libssl does the handshake
 * and the records, because the servers here use it, all but Caddy. -c closes after each answer.
 *
 * It listens on 127.0.0.1 alone; PORT 0 takes a free one. It prints "listening on PORT" and runs
 * until it is killed. A connection for which it has no memory is dropped. */
#define LIMIT_NAME "limit_tls"
#include "limit.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>

enum {
    INPUT_BYTES = 64 << 10,
    RECORD_BYTES = 16 << 10,
    GATHERED_BYTES = 256 << 10, /* sealed for one send */
    OVERHEAD_BYTES = 64 << 10,  /* of its records, and a handshake's messages */
    BATCH_MAX = 64,             /* answers in a row in memory */
    BATCHED_BYTES_MAX = 64 << 10,
};

/* The answer, built once. */
struct answer {
    char *bytes; /* head and body, COPIES times */
    size_t unit_bytes;
    unsigned copies;
    bool close_after;
};

struct connection {
    int fd;
    SSL *ssl;
    uint32_t last_four; /* bytes received, the latest lowest */
    unsigned owed;      /* answers not begun */
    size_t at, end;     /* the part of answer.bytes that is being sealed */
    char *unsent;       /* sealed bytes for which the socket had no room, or NULL */
    size_t unsent_at, unsent_bytes;
};

/* The bytes that pass libssl, of the connection that has its turn. */
static char input[INPUT_BYTES];
static size_t input_at, input_end;
static char sealed[GATHERED_BYTES + OVERHEAD_BYTES];
static size_t sealed_bytes;

/* --- Between libssl and the memory above ------------------------------------------------------ */

static int give_input(BIO *bio, char *to, int room)
{
    size_t left = input_end - input_at;
    size_t count = (size_t)room < left ? (size_t)room : left;

    BIO_clear_retry_flags(bio);
    if (!count) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(to, input + input_at, count);
    input_at += count;
    return (int)count;
}

static int take_sealed(BIO *bio, const char *from, int length)
{
    (void)bio;
    if ((size_t)length > sizeof(sealed) - sealed_bytes)
        return -1;
    memcpy(sealed + sealed_bytes, from, (size_t)length);
    sealed_bytes += (size_t)length;
    return length;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

/* --- Sending ---------------------------------------------------------------------------------- */

/* Sends what the socket had no room for. FINISHED: nothing is left. */
static enum progress send_unsent(struct connection *connection)
{
    while (connection->unsent) {
        ssize_t sent =
            send(connection->fd, connection->unsent + connection->unsent_at,
                 connection->unsent_bytes - connection->unsent_at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent <= 0)
            return why_not(sent);
        connection->unsent_at += (size_t)sent;
        if (connection->unsent_at == connection->unsent_bytes) {
            free(connection->unsent);
            connection->unsent = NULL;
        }
    }
    return FINISHED;
}

/* Sends the sealed bytes; keeps those for which the socket has no room. */
static enum progress send_sealed(struct connection *connection)
{
    size_t length = sealed_bytes;

    sealed_bytes = 0;
    if (!length)
        return FINISHED;
    ssize_t sent = send(connection->fd, sealed, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN)
        return BROKEN;
    size_t done = sent < 0 ? 0 : (size_t)sent;
    if (done == length)
        return FINISHED;
    connection->unsent = malloc(length - done);
    if (!connection->unsent)
        return BROKEN;
    memcpy(connection->unsent, sealed + done, length - done);
    connection->unsent_at = 0;
    connection->unsent_bytes = length - done;
    return WAITING;
}

/* Takes the next answers that CONNECTION owes. False if it owes none. */
static bool begin(struct connection *connection, const struct answer *answer)
{
    if (!connection->owed)
        return false;
    unsigned count = connection->owed < answer->copies ? connection->owed : answer->copies;
    connection->owed -= count;
    connection->at = 0;
    connection->end = count * answer->unit_bytes;
    return true;
}

/* Seals answers until GATHERED_BYTES are there or none is owed. */
static bool seal(struct connection *connection, const struct answer *answer)
{
    while (sealed_bytes < GATHERED_BYTES &&
           (connection->at < connection->end || begin(connection, answer))) {
        size_t left = connection->end - connection->at;
        int length = left < RECORD_BYTES ? (int)left : RECORD_BYTES;
        if (SSL_write(connection->ssl, answer->bytes + connection->at, length) != length)
            return false;
        connection->at += (size_t)length;
    }
    return true;
}

/* Sends as much as the socket takes of what CONNECTION is owed. */
static enum progress pump(struct connection *connection, const struct answer *answer)
{
    for (;;) {
        enum progress progress = send_unsent(connection);
        if (progress != FINISHED)
            return progress;
        if (!seal(connection, answer))
            return BROKEN;
        if (!sealed_bytes)
            return FINISHED;
        progress = send_sealed(connection);
        if (progress != FINISHED)
            return progress;
    }
}

/* --- Receiving -------------------------------------------------------------------------------- */

/* Whether libssl wants more input after a call that returned RESULT. */
static bool wants_input(const struct connection *connection, int result)
{
    return SSL_get_error(connection->ssl, result) == SSL_ERROR_WANT_READ;
}

/* Opens all records of the input. The sealed bytes get the messages that libssl answers. */
static bool open_input(struct connection *connection)
{
    static char plaintext[RECORD_BYTES];
    int result;

    ERR_clear_error();
    if (!SSL_is_init_finished(connection->ssl)) {
        result = SSL_accept(connection->ssl);
        if (result != 1)
            return wants_input(connection, result);
    }
    while ((result = SSL_read(connection->ssl, plaintext, sizeof(plaintext))) > 0)
        connection->owed += count_blank_lines(&connection->last_four, plaintext, (size_t)result);
    return wants_input(connection, result);
}

/* Receives until nothing is left, and answers after each call. */
static enum progress converse(struct connection *connection, const struct answer *answer,
                              bool ending)
{
    for (;;) {
        ssize_t received = recv(connection->fd, input, sizeof(input), MSG_DONTWAIT);
        if (received <= 0)
            return why_not(received);
        input_at = 0;
        input_end = (size_t)received;
        bool open = open_input(connection);
        enum progress progress = pump(connection, answer);
        if (!open)
            return BROKEN;
        /* A short read has emptied the socket; the end of the input has to be read to be seen. */
        if (progress == BROKEN || ((size_t)received < sizeof(input) && !ending))
            return progress;
    }
}

/* One event of CONNECTION. False: it is at its end. */
static bool attend(struct connection *connection, const struct answer *answer, uint32_t events)
{
    enum progress progress;

    sealed_bytes = input_at = input_end = 0;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP))
        progress = converse(connection, answer, events & EPOLLRDHUP);
    else
        progress = pump(connection, answer);

    if (progress == FINISHED && answer->close_after && connection->last_four == BLANK_LINE) {
        SSL_shutdown(connection->ssl);
        send_sealed(connection);
        shutdown(connection->fd, SHUT_WR);
        return false;
    }
    return progress != BROKEN;
}

/* --- The loop --------------------------------------------------------------------------------- */

static void drop(struct connection *connection)
{
    SSL_free(connection->ssl);
    close(connection->fd);
    free(connection->unsent);
    free(connection);
}

/* A connection on FD, or NULL; FD is its own then. */
static struct connection *create(SSL_CTX *context, BIO_METHOD *method, int fd)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    SSL *ssl = SSL_new(context);
    BIO *bio = BIO_new(method);

    if (!connection || !ssl || !bio) {
        free(connection);
        SSL_free(ssl);
        BIO_free(bio);
        return NULL;
    }
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_accept_state(ssl);
    connection->fd = fd;
    connection->ssl = ssl;
    return connection;
}

static void accept_all(int epoll, int listener, SSL_CTX *context, BIO_METHOD *method)
{
    int fd;

    while ((fd = accept_one(listener)) >= 0) {
        struct connection *connection = create(context, method, fd);
        if (!connection)
            close(fd);
        else if (!watch(epoll, fd, connection))
            drop(connection);
    }
}

/* Serves until it is killed, or epoll fails. */
static void serve(int epoll, int listener, SSL_CTX *context, const struct answer *answer)
{
    struct epoll_event events[EVENTS_MAX];
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "memory");
    int count;

    BIO_meth_set_read(method, give_input);
    BIO_meth_set_write(method, take_sealed);
    BIO_meth_set_ctrl(method, control);
    while ((count = epoll_wait(epoll, events, EVENTS_MAX, -1)) >= 0 || errno == EINTR) {
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (!connection)
                accept_all(epoll, listener, context, method);
            else if (!attend(connection, answer, events[i].events))
                drop(connection);
        }
    }
}

/* --- Start ------------------------------------------------------------------------------------ */

static _Noreturn void misused(void)
{
    fputs("usage: limit_tls [-c] PORT BODY_BYTES PEM\n  -c closes after each answer\n", stderr);
    exit(2);
}

/* Fills ANSWER, of which close_after is set, with an answer such as servers send it. */
static void make_answer(struct answer *answer, size_t body_bytes)
{
    char head[HEAD_BYTES_MAX];
    size_t head_bytes = write_head(head, body_bytes, false, answer->close_after);

    answer->unit_bytes = head_bytes + body_bytes;
    answer->copies = answer->unit_bytes < BATCHED_BYTES_MAX ? BATCH_MAX : 1;
    answer->bytes = repeat_unit(head, head_bytes, answer->unit_bytes, answer->copies);
}

/* Stateless tickets with a key of libssl's, one for a handshake; no cache of sessions. */
static SSL_CTX *make_context(const char *pem)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    if (!context || SSL_CTX_use_certificate_chain_file(context, pem) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, pem, SSL_FILETYPE_PEM) != 1)
        fail(pem, "no certificate with its key");
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 1);
    return context;
}

int main(int argc, char **argv)
{
    struct answer answer = {0};
    int option;

    while ((option = getopt(argc, argv, "c")) != -1) {
        if (option != 'c')
            misused();
        answer.close_after = true;
    }
    if (argc - optind != 3)
        misused();
    size_t port = number(argv[optind], UINT16_MAX);
    make_answer(&answer, number(argv[optind + 1], BODY_BYTES_MAX));
    SSL_CTX *context = make_context(argv[optind + 2]);
    signal(SIGPIPE, SIG_IGN);

    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_on(port);
    struct epoll_event event = {EPOLLIN, {NULL}};
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0)
        fail("epoll", strerror(errno));
    serve(epoll, listener, context, &answer);
    fail("epoll_wait", strerror(errno));
}
