/* transport: how a connection's bytes get to and from its socket.
 *
 * A transport is a const table of functions. A connection names its own by an index into the tables
 * of the context (conn_context.transports), which takes two bits. The plain one gives the session
 * the bytes of the socket as they are (transport_plain.h; an engine may bring its own). Everything
 * above calls these functions alone, so TLS comes as another table:
 *
 * - The handshake is a phase. While the transport sets socket.handshaking, `receive` hands over no
 *   input and the connection has the time of CONN_PHASE_HANDSHAKE.
 * - Work that takes long is postponed (conn_postpone), or is done when another connection has
 *   finished: `receive` puts the connection into a list and returns TRANSPORT_LATER.
 * - ALPN picks the session: when the handshake is over, `receive` sets conn->session_index, before
 *   it hands over the first input.
 * - Sealed bytes count as output. While the transport sets socket.holds_output, the loop calls
 *   `send` when the socket is writable, and does not end the connection. Sealed bytes are sent
 *   before others are sealed. Bytes of conn->output count as sent (conn_sent) once they are sealed.
 * - Input that is opened, but not handed over for want of room, counts as readable: the transport
 *   sets socket.holds_input.
 * - `shut` sends the closing alert first: it returns TRANSPORT_NOTHING, and is called again when
 *   everything is sent. With ends_with_bytes it is called before every orderly close.
 * - After an error in what the peer sends, conn_give_up has the loop end the connection in good
 *   order, so that an alert arrives.
 * - Raw bytes move through the engine (context->io), so a transport works on each engine.
 * - The state of a connection is the transport's own, by conn->slot or allocated; `fini` ends it. A
 *   plain connection pays nothing for it. */
#ifndef SLUICE_TRANSPORT_H
#define SLUICE_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn;
struct conn_context;

enum {
    TRANSPORT_PLAIN, /* of new connections */
    TRANSPORT_TLS,   /* transport_tls.h */
    TRANSPORT_PROXY, /* proxied.h: until a PROXY header has come */
    TRANSPORTS_MAX = 4,
};

enum transport_result {
    TRANSPORT_PROGRESS, /* something moved, or the end of input was reached */
    /* Nothing can move now: the socket isn't ready, and its flag is cleared; or part of a file
     * isn't in memory or may not be sent yet, and the connection wants no output. */
    TRANSPORT_NOTHING,
    TRANSPORT_FULL,    /* receive: no storage for input can be lent */
    TRANSPORT_LATER,   /* receive: in another turn; the transport has put CONN into a list for it */
    TRANSPORT_REFUSED, /* receive: the connection is to be closed, for a reason that was counted */
    TRANSPORT_FAILED,  /* the connection is broken, or its response can't be finished */
};

/* Each function moves bytes at most once, and notes what it learns: that the socket has no more
 * to give or takes no more, that the peer is done. Those with a BUDGET, which is not 0, subtract
 * what they move; at most the last move exceeds it. */
struct transport {
    /* Receives what there is, as far as conn_room has room for it. */
    enum transport_result (*receive)(struct conn_context *context, struct conn *conn,
                                     size_t *budget);

    /* Sends sealed bytes if there are any; else of the output queue, which is not empty then:
     * all pieces in memory up to the next file, or a piece of that file. */
    enum transport_result (*send)(struct conn_context *context, struct conn *conn, size_t *budget);

    /* Throws away input, in CONN_LINGERING. FAILED as well when enough has been discarded. */
    enum transport_result (*discard)(struct conn_context *context, struct conn *conn,
                                     size_t *budget);

    /* Whether the peer has all that was sent, so that closing destroys nothing. */
    bool (*delivered)(const struct conn *conn);

    /* For how long the peer has taken nothing of what was sent, see socket_stalled_ms. */
    uint64_t (*stalled_ms)(const struct conn *conn);

    /* Whether a peer that takes no output may still be taking bytes, see socket_drains. */
    bool (*drains)(struct conn *conn);

    /* Whether `shut` sends bytes of the transport's own, so that a connection that could be
     * closed at once is shut first. */
    bool ends_with_bytes;

    /* Ends our side; all output has been sent. PROGRESS: it is shut. NOTHING: bytes have to be
     * sent first (holds_output); call it again then. FAILED: the connection is broken. */
    enum transport_result (*shut)(struct conn_context *context, struct conn *conn);

    /* The connection goes: frees the transport's own state. May be NULL. */
    void (*fini)(struct conn_context *context, struct conn *conn);
};

#endif
