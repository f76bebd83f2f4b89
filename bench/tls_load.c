/* tls_load: makes TLS handshakes with a server, for the rows of the benchmark about them.
 *
 *     tls_load full|resumed|hello PORT SECONDS
 *
 * full: a handshake of TLS 1.3, one request, the end, again and again, one after the other.
 * resumed: the same, with the ticket of the handshake before. hello: floods the server with one
 * ClientHello on new connections, OUTSTANDING at a time, and closes each when the server has
 * answered it: the server does the arithmetic of a handshake, and this program none, so that one
 * processor saturates another.
 *
 * Traffic goes to 127.0.0.1 alone. It prints "connections=N seconds=S errors=N resumed=N". */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    OUTSTANDING = 64,
    HELLO_BYTES_MAX = 4096,
    ANSWER_BYTES = 16 << 10,
    PATIENCE_MS = 5000, /* with one answer */
};

static struct {
    uint64_t connections, errors, resumed;
} totals;
static uint16_t port;
static SSL_SESSION *session; /* the latest; NULL: none */

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "tls_load: %s: %s\n", what, why);
    exit(1);
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int dial(int flags)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0)
        fail("socket", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    /* Or the request waits until the server acknowledges Finished. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)
        fail("connect", strerror(errno));
    return fd;
}

/* A reset frees the port at once; otherwise old connections hold them all. */
static void hang_up(int fd)
{
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    close(fd);
}

/* --- Whole handshakes ------------------------------------------------------------------------- */

static int keep_session(SSL *ssl, SSL_SESSION *given)
{
    (void)ssl;
    SSL_SESSION_free(session);
    session = given;
    return 1;
}

static SSL_CTX *make_context(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    if (!context)
        fail("libssl", "no context");
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, keep_session);
    return context;
}

/* Handshake, request, answer to its end. Whether all of it worked. */
static bool converse(SSL *ssl)
{
    static const char request[] =
        "GET /612.html HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    char answer[ANSWER_BYTES];
    int got, total = 0;

    if (SSL_connect(ssl) != 1 || SSL_write(ssl, request, sizeof(request) - 1) <= 0)
        return false;
    while ((got = SSL_read(ssl, answer, sizeof(answer))) > 0) {
        if (total == 0 && (got < 12 || strncmp(answer + 9, "200", 3) != 0))
            return false;
        total += got;
    }
    totals.resumed += SSL_session_reused(ssl) == 1;
    /* Some servers end without close_notify. */
    return total > 0;
}

static void shake_hands(bool resuming, double until)
{
    SSL_CTX *context = make_context();

    while (seconds_now() < until) {
        int fd = dial(0);
        SSL *ssl = SSL_new(context);
        if (!ssl || SSL_set_fd(ssl, fd) != 1)
            fail("libssl", "no connection");
        if (resuming && session)
            SSL_set_session(ssl, session);
        totals.connections++;
        totals.errors += !converse(ssl);
        SSL_shutdown(ssl);
        SSL_free(ssl);
        hang_up(fd);
    }
}

/* --- A flood of ClientHellos ------------------------------------------------------------------ */

/* Takes a ClientHello from libssl. Its length. */
static size_t make_hello(unsigned char *hello)
{
    SSL *ssl = SSL_new(make_context());
    BIO *out = BIO_new(BIO_s_mem()), *in = BIO_new(BIO_s_mem());

    if (!ssl || !out || !in)
        fail("libssl", "no connection");
    BIO_set_mem_eof_return(in, -1);
    SSL_set_bio(ssl, in, out);
    SSL_connect(ssl);
    int length = BIO_read(out, hello, HELLO_BYTES_MAX);
    if (length <= 0)
        fail("libssl", "no ClientHello");
    return (size_t)length;
}

/* One step of a connection of the flood; POLLOUT: it is to send its ClientHello. */
static void step(struct pollfd *one, const unsigned char *hello, size_t length)
{
    char answer[ANSWER_BYTES];

    if (one->revents & POLLOUT) {
        if (send(one->fd, hello, length, MSG_NOSIGNAL) == (ssize_t)length) {
            one->events = POLLIN;
            return;
        }
        totals.errors++;
    } else if (recv(one->fd, answer, sizeof(answer), 0) <= 0) {
        totals.errors++;
    }
    totals.connections++;
    hang_up(one->fd);
    *one = (struct pollfd){.fd = dial(SOCK_NONBLOCK), .events = POLLOUT};
}

static void flood(double until)
{
    unsigned char hello[HELLO_BYTES_MAX];
    size_t length = make_hello(hello);
    struct pollfd all[OUTSTANDING];

    for (size_t i = 0; i < OUTSTANDING; i++)
        all[i] = (struct pollfd){.fd = dial(SOCK_NONBLOCK), .events = POLLOUT};
    while (seconds_now() < until) {
        if (poll(all, OUTSTANDING, PATIENCE_MS) <= 0)
            fail("the server", "no answer to a ClientHello");
        for (size_t i = 0; i < OUTSTANDING; i++)
            if (all[i].revents)
                step(&all[i], hello, length);
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: tls_load full|resumed|hello PORT SECONDS\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    port = (uint16_t)strtoul(argv[2], NULL, 10);
    double began = seconds_now(), until = began + strtod(argv[3], NULL);
    if (strcmp(argv[1], "hello") == 0)
        flood(until);
    else
        shake_hands(strcmp(argv[1], "resumed") == 0, until);
    printf("connections=%ju seconds=%.3f errors=%ju resumed=%ju\n", (uintmax_t)totals.connections,
           seconds_now() - began, (uintmax_t)totals.errors, (uintmax_t)totals.resumed);
    return 0;
}
