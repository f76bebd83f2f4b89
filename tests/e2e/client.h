/* client: a raw TCP client that sends exactly the given bytes, in given pieces, and reads answers;
 * over TLS (secure.h) where the server's port speaks it, so that one test serves both.
 *
 * Queued requests are sent while answers are read, so that neither side waits for the other for
 * ever; a test that wants to send everything first calls client_flush_blindly. Every wait has a
 * deadline. A reset (ECONNRESET, EPIPE) is remembered and is never taken for an end; over TLS, an
 * end without close_notify (EPROTO) neither.
 *
 * Lifetime: views in a response are *borrowed* from the client's input until its next call. */
#ifndef E2E_CLIENT_H
#define E2E_CLIENT_H

#include "response.h"
#include "secure.h"

#include <stdint.h>

struct server;

enum delivery {
    DELIVERY_WHOLE,      /* as much as one call takes */
    DELIVERY_ODD_PIECES, /* 1, 2, 3, 5, 7, 11 … bytes */
    DELIVERY_BYTES,      /* one by one */
    DELIVERY_COUNT,
};

/* For clients that keep reading from a small receive buffer. With loopback's segments the kernel
 * takes half of such a window for a segment, and where the window falls a little below that it
 * sends one each 200 ms only, when its persist timer ends (RFC 9293 section 3.8.6.2.1). */
enum { SMALL_SEGMENT_BYTES = 536 };

struct client_setup {
    uint16_t port;
    const char *host;      /* numeric address; NULL: 127.0.0.1 */
    const char *unix_path; /* of a Unix socket, in place of HOST and PORT; "@name": abstract */
    const char *source;    /* numeric address to come from, or NULL */
    size_t receive_buffer_bytes; /* SO_RCVBUF; 0: as it is */
    size_t segment_bytes;        /* TCP_MAXSEG; 0: as it is. See SMALL_SEGMENT_BYTES. */
    size_t read_bytes_max;       /* of one call; 0: as much as there is */
    enum delivery delivery;
    bool plain;                        /* no TLS, whatever the port speaks */
    bool silent;                       /* TLS, but nothing is sent before secure_handshake */
    const struct secure_setup *secure; /* TLS as it says; NULL: as the port speaks */
};

struct client {
    int fd;
    struct secure *secure; /* NULL: plain */
    int error;             /* an errno once the connection has failed */
    bool eof;              /* the server has closed its side */
    size_t read_bytes_max;
    enum delivery delivery;
    size_t piece;        /* the index of the next one */
    struct bytes output; /* to be sent */
    size_t output_first; /* the first unsent byte */
    struct bytes input;  /* received */
    size_t input_first;  /* the first byte that the test has not read */
    const char *why;     /* the reason why an answer is malformed */
};

enum answer {
    ANSWER_WHOLE,
    ANSWER_NONE,      /* the connection ended before its first byte */
    ANSWER_SHORT,     /* the connection ended in the middle */
    ANSWER_RESET,     /* the connection was reset */
    ANSWER_LATE,      /* nothing came within the deadline */
    ANSWER_MALFORMED, /* see response.h */
    ANSWER_COUNT,
};

/* --- The connection --------------------------------------------------------------------------- */

void client_connect(struct client *client, const struct server *server);
void client_connect_with(struct client *client, const struct client_setup *setup);
/* Whether it connected; else errno has the reason. */
bool client_try_connect(struct client *client, const struct client_setup *setup);

void client_half_close(struct client *client); /* shutdown(SHUT_WR), everything being sent; over
                                                * TLS after close_notify */
/* Waits until the server's kernel has received the end that client_half_close sent. */
void client_await_half_closed(const struct client *client);
void client_close(struct client *client);
void client_abort(struct client *client); /* a reset */

/* --- Sending ---------------------------------------------------------------------------------- */

void client_queue(struct client *client, const void *data, size_t length);
void client_queue_text(struct client *client, const char *text);

/* Sends everything queued and receives meanwhile. Whether all was sent. */
bool client_flush(struct client *client);
/* The same, without receiving. */
bool client_flush_blindly(struct client *client);

/* Sends the bytes on the socket itself, without TLS, unless the server ends the connection before
 * it has taken them. */
void client_send_raw(const struct client *client, const char *data, size_t length);

/* send(2) and recv(2) without waiting; over TLS, of what is in the records. */
ssize_t client_try_send(struct client *client, const void *data, size_t length);
ssize_t client_try_receive(struct client *client, void *to, size_t room);

/* --- Receiving -------------------------------------------------------------------------------- */

/* Reads the next response; NO_BODY if it answers a HEAD. RET may be NULL. */
enum answer client_read_response(struct client *client, bool no_body, struct response *ret);
/* The same with a deadline of its own. */
enum answer client_read_response_until(struct client *client, bool no_body, struct response *ret,
                                       int64_t deadline);

/* Receives until at least LENGTH bytes are unread, the end, or DEADLINE. Returns the unread
 * bytes. */
struct view client_receive(struct client *client, size_t length, int64_t deadline);

/* Drops LENGTH of the unread bytes. */
void client_skip(struct client *client, size_t length);

/* Reads to the end and drops the bytes; *RET_BYTES is their number, including the unread ones.
 * Whether the connection ended properly. */
bool client_drain(struct client *client, uint64_t *ret_bytes, int64_t deadline);

/* ANSWER in words, with the unread bytes: for messages. Kept. */
const char *answer_text(struct client *client, enum answer answer);

/* --- Expectations: they fail the test, naming WHAT, and say whether they were met ------------- */

bool expect_status(struct client *client, const char *what, bool no_body, int status,
                   struct response *ret);

/* The server closes properly, without another byte. */
bool expect_end(struct client *client, const char *what);

/* One request on a connection of its own; the response stays valid. */
bool expect_fetch(const struct server *server, const char *what, const char *request, int status,
                  struct response *ret);

/* RESPONSE has the field NAME with VALUE; NULL: it has no such field. */
bool expect_header(const char *what, const struct response *response, const char *name,
                   const char *value);

/* "METHOD TARGET HTTP/1.1" with Host, and Connection: close. Kept. */
const char *request_text(const char *method, const char *target);

/* The same with FIELDS, each of them with its CRLF. */
const char *request_with(const char *method, const char *target, const char *fields);

#endif
