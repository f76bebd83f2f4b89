/* secure: the client's side of TLS on a socket, by libssl, for the end-to-end tests.
 *
 * secure_send and secure_receive are what send(2) and recv(2) with MSG_DONTWAIT are on a plain
 * socket: they return -1 with errno EAGAIN where they would block. An end without close_notify is
 * an error (EPROTO), because it may be a truncation (RFC 8446 6.1). Nothing is read ahead: bytes
 * that the test has not received stay in the kernel, as on a plain socket, but for the rest of a
 * record.
 *
 * Lifetime: until secure_destroy; sessions are kept until the test ends. Without OpenSSL,
 * secure_create skips the test. */
#ifndef E2E_SECURE_H
#define E2E_SECURE_H

#include "bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ssl_st;
struct ssl_session_st;
struct secure;

struct secure_setup {
    const char *server_name;          /* of the SNI extension; NULL: none */
    const char *alpn;                 /* names separated by commas; NULL: no extension */
    int version;                      /* 11, 12 or 13: this one alone; 0: 12 and 13 */
    const char *signature_algorithms; /* as SSL_set1_sigalgs_list(3) takes them; NULL: all */
    const char *groups;               /* as SSL_set1_groups_list(3) takes them; NULL: all */
    struct ssl_session_st *session;   /* to resume; NULL: none */
    size_t piece_bytes;               /* of each of the first 16384 sends; 0: whole records */
};

/* For FD, a connected socket, which stays the caller's. */
struct secure *secure_create(int fd, const struct secure_setup *setup);
void secure_destroy(struct secure *secure);

enum secure_state {
    SECURE_SHAKING,     /* the handshake waits for the peer */
    SECURE_ESTABLISHED, /* it is over */
    SECURE_FAILED,      /* an alert, or something that is not TLS: secure_problem */
    SECURE_CLOSED,      /* the peer ended before it was over */
};

/* Continues the handshake as far as it goes without waiting. */
enum secure_state secure_handshake(struct secure *secure);

/* Continues it until it is over in any way, or until DEADLINE. */
enum secure_state secure_await_handshake(struct secure *secure, int64_t deadline);

ssize_t secure_send(struct secure *secure, const void *data, size_t length);
ssize_t secure_receive(struct secure *secure, void *to, size_t room);
bool secure_has_received(const struct secure *secure); /* bytes that no poll reports */

/* Sends close_notify; what the server sends can still be received. */
void secure_end(struct secure *secure);

/* From now on records are kept instead of sent, until secure_take_held. */
void secure_hold(struct secure *secure);

/* The bytes that were held, for the test to send as it likes; what follows is sent again. Kept. */
struct view secure_take_held(struct secure *secure);

/* The reason of the last failure, in libssl's words. Kept. */
const char *secure_problem(const struct secure *secure);

/* SHA-256 of the server's certificate, in lower-case hexadecimal digits; "" before it has come.
 * Kept. */
const char *secure_fingerprint(const struct secure *secure);

/* The number of the alert that the peer has sent (RFC 8446 6.2), or -1. */
int secure_alert(const struct secure *secure);

/* Whether the peer's close_notify has come. */
bool secure_has_ended(const struct secure *secure);

struct ssl_st *secure_ssl(const struct secure *secure);

/* The latest session that the server has given, to resume; NULL: none. *Borrowed*, kept. */
struct ssl_session_st *secure_session(const struct secure *secure);

#endif
