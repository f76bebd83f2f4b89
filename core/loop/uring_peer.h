/* uring_peer: what the kernel and the engine over io_uring have of a connection: its requests, and
 * the input that it has not taken.
 *
 * A part of loop_uring, which waits for completions and reports them here. A connection has at
 * most one receive (multishot), one send and one poll with the kernel. It has a peer by its
 * slot, so that a worker without io_uring pays nothing. Empty without liburing. */
#ifndef SLUICE_URING_PEER_H
#define SLUICE_URING_PEER_H

#include "loop/loop_uring.h"
#include "loop/uring_input.h"
#include "loop/uring_listen.h"

#ifdef SLUICE_HAVE_LIBURING

/* Of a request, in its identity. */
enum uring_opcode {
    OP_WAKE = 1,
    OP_FILES,
    OP_ACCEPT,
    OP_LISTENER_POLL,
    OP_LISTENER_CANCEL,
    OP_RECEIVE,
    OP_SEND,
    OP_WRITABLE,
    OP_CANCEL,
};

/* The requests and the input of a connection, by slot. All zeros: none. */
struct uring_peer {
    struct uring_input input;
    bool known : 1;       /* its first turn is over */
    bool lent : 1;        /* the oldest input is lent to the session */
    bool receiving : 1;   /* a multishot receive is with the kernel, */
    bool cancelling : 1;  /* and is being cancelled */
    bool sending : 1;     /* a send is with the kernel */
    bool polling : 1;     /* a poll for POLLOUT is with the kernel */
    bool half_closed : 1; /* a poll has reported POLLRDHUP */
    bool ended : 1;       /* the end of input has been received */
    bool expecting : 1;   /* input was seen in the socket and will be received */
};

struct loop_uring {
    struct loop loop;
    struct uring uring;
    struct uring_listen listen;
    bool watches_wake, watches_files; /* a multishot poll of it is with the kernel */
    struct list uncancelled;  /* connections that are over, of which cancelling was refused */
    struct uring_note *notes; /* one per buffer */
    struct uring_peer *peers; /* one per slot */
};

static inline struct loop_uring *uring_peer_loop(struct loop *loop)
{
    return CONTAINER_OF(loop, struct loop_uring, loop);
}

static inline struct uring_peer *uring_peer_of(const struct loop_uring *self,
                                               const struct conn *conn)
{
    return &self->peers[conn->slot];
}

static inline uint64_t uring_peer_identity(enum uring_opcode opcode, const struct conn *conn)
{
    return conn_table_identity(opcode, conn->slot, conn->generation);
}

static inline bool uring_peer_is_free(const struct uring_peer *peer)
{
    return !peer->receiving && !peer->polling && !peer->sending;
}

/* Whether there is input, or its end, that the session has not received. */
static inline bool uring_peer_is_readable(const struct uring_peer *peer, const struct conn *conn)
{
    return !uring_input_empty(&peer->input) || peer->expecting ||
           (peer->ended && !conn->socket.input_ended);
}

/* The plain transport: input is lent to the session where the kernel has put it, and what is in
 * memory is sent by the kernel. */
extern const struct transport uring_peer_transport;

/* Raw bytes, for other transports. */
extern const struct socket_io uring_peer_io;

/* The functions of the engine of these names, see loop.h. */
void uring_peer_take_back(struct loop *loop, struct conn *conn);
bool uring_peer_keep(struct loop *loop, struct conn *conn);
void uring_peer_check_input(struct loop *loop, struct conn *conn);
bool uring_peer_is_silent(struct loop *loop, struct conn *conn);
void uring_peer_close(struct loop *loop, struct conn *conn);

/* Closes CONN, of which the kernel has nothing any more. */
void uring_peer_close_now(struct loop *loop, struct conn *conn);

/* Asks the kernel to end the requests of CONN, whose socket is shut down. If the kernel takes no
 * request now, CONN is put into UNCANCELLED. */
void uring_peer_end_requests(struct loop_uring *self, struct conn *conn);

/* Does so again for all in UNCANCELLED. False: some are left. */
bool uring_peer_end_uncancelled(struct loop_uring *self);

#endif
#endif
