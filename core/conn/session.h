/* session: all that a connection knows of a protocol.
 *
 * A protocol is a const table of functions. A connection names its own by an index into the tables
 * of the context (conn_context.sessions), which takes two bits; ALPN will set the index when a TLS
 * handshake is over, and tests register protocols of their own. The session's state is a union in
 * struct conn, all zeros at first: HTTP/1's own struct, or a pointer that another protocol
 * allocates when it needs it and frees in `fini`.
 *
 * A session reads its input with conn_input and conn_consume, queues bytes in conn->output, in
 * whole answers or in frames, and gets its answers from exchange.h. It sees no socket and no
 * clock but context->now. */
#ifndef SLUICE_SESSION_H
#define SLUICE_SESSION_H

#include <stdbool.h>

struct conn;
struct conn_context;

enum {
    SESSION_HTTP_1, /* of new connections */
    SESSIONS_MAX = 4,
};

/* What the session waits for: it decides about deadlines, and about the end of the connection. */
enum session_phase {
    SESSION_FIRST,     /* the first byte of the first request */
    SESSION_IDLE,      /* the first byte of another request */
    SESSION_HEAD,      /* the rest of a head */
    SESSION_BODY,      /* the rest of a request's content */
    SESSION_ENDED,     /* nothing: it reads no more, and its last answer is queued */
    SESSION_PEER_DONE, /* as ENDED, and the peer has said that it sends no more */
};

struct session {
    /* Goes on as far as it can: until it needs more input (conn_needs_more), until an exchange
     * has to wait, or until conn_may_queue says that enough is queued. Called again when any of
     * these may have changed. Returns what the session then waits for. */
    enum session_phase (*work)(struct conn_context *context, struct conn *conn);

    /* COUNT answers, whose end marks it has queued, have been sent whole. */
    void (*sent)(struct conn_context *context, struct conn *conn, unsigned count);

    /* The server drains: the next answer is the last. The connection gets a turn afterwards. */
    void (*close_soon)(struct conn_context *context, struct conn *conn);

    /* The time for the rest of a head is over. Returns whether an answer that says so has been
     * queued, and the session ends with it; false: the connection is closed at once. */
    bool (*expired)(struct conn_context *context, struct conn *conn);

    /* The connection goes: frees what the session has allocated. Its exchanges have been
     * cancelled, and what is queued may be dropped unsent. May be NULL. */
    void (*fini)(struct conn_context *context, struct conn *conn);
};

#endif
