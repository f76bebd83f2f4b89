/* conn: one connection: storage for its input and output, its session, its deadlines.
 *
 * It does no socket I/O: an event loop asks where received bytes go and what is to be sent, and
 * reports what happened. So all loops share it, and a test needs no socket. It knows no protocol:
 * session.h is all that it sees of one.
 *
 * Storage for input and output is lent by the context while there are bytes in it. A connection
 * holds at most one input ring and one output queue, whatever the peer does. */
#ifndef SLUICE_CONN_H
#define SLUICE_CONN_H

#include "base/list.h"
#include "conn/conn_counts.h"
#include "conn/handshakes.h"
#include "conn/kept_output.h"
#include "conn/origin.h"
#include "conn/session_h1.h"
#include "conn/socket.h"
#include "conn/transport.h"
#include "conn/unsent.h"
#include "observe/trace.h"
#include "site/store.h"
#include "storage/ring.h"
#include "storage/slab.h"
#include "storage/wheel.h"

enum {
    CONN_SMALL_BYTES = 1 << 10,  /* storage for a partial head, or the rest of a stalled response */
    CONN_FULL_BYTES = 16 << 10,  /* storage for everything else */
    CONN_LARGE_BYTES = 64 << 10, /* storage for a head that is longer than that */
    CONN_UNSENT_BYTES_MAX = 256 << 10, /* above, no further request is answered */
    CONN_ORIGINS_MAX = ORIGINS_MAX,
    CONN_LINGER_BYTES_MAX = 256 << 20, /* discarded before a peer that won't stop is cut off */
    CONN_POSTPONED_MAX = 8, /* postponed connections that get a turn in a turn of the loop */
};

/* The timers on a worker's wheel. */
enum conn_timer {
    CONN_TIMER_PHASE,        /* of a struct conn */
    CONN_TIMER_ACCEPT_PAUSE, /* of the listeners, as the next */
    CONN_TIMER_LISTENERS,
    CONN_TIMER_DRAIN,      /* of the loop */
    CONN_TIMER_TRIM,       /* of its struct trim */
    CONN_TIMER_FILES,      /* of the loop: for the store */
    CONN_TIMER_RETRY,      /* of the loop's struct retry */
    CONN_TIMER_WATCH,      /* of the context's watches */
    CONN_TIMER_DOUBT,      /* of the context's doubts */
    CONN_TIMER_RATE,       /* of the context's struct conn_rates */
    CONN_TIMER_HANDSHAKES, /* of the context's handshakes */
    CONN_TIMER_KEPT,       /* of the context's kept_output */
};

struct conn_log;
struct conn_rates;
struct conn_wait;
struct loop;
struct networks;
struct proxied;
struct transport_tls;

/* See file_watch.h. */
struct file_watches {
    struct slab slab;
    struct list all;
    struct list unchecked; /* while they are checked */
    struct wheel_timer timer;
};

/* See file_doubt.h. */
struct file_doubts {
    struct list waiting;   /* waits of connections */
    struct list unchecked; /* while they are checked */
    struct wheel_timer timer;
};

/* All connections of a worker share it. Filled in by the worker; one thread only. */
struct conn_context {
    const struct session *sessions[SESSIONS_MAX]; /* SESSION_HTTP_1 is set by conn_context_init */
    const struct transport *transports[TRANSPORTS_MAX]; /* TRANSPORT_PLAIN is the engine's own */
    const struct socket_io *io;                         /* the engine's */
    struct transport_tls *tls;                          /* of TRANSPORT_TLS; NULL: without TLS */
    struct proxied *proxied;                            /* of TRANSPORT_PROXY; NULL: none */
    const struct networks *trusted; /* *borrowed*: of proxies; NULL: no proxy is trusted */
    struct loop *loop; /* that runs the connections; set by it, for the transports of its engine */
    const struct origin *origins; /* *borrowed*, CONN_ORIGINS_MAX of them */
    struct session_h1_shared h1;
    struct store *files;       /* *borrowed* */
    const struct hosts *hosts; /* *borrowed*; NULL: FILES has one site, which answers everything */
    struct counters *counters; /* *borrowed* */
    struct conn_log *log;      /* *borrowed*; NULL: nothing is logged */
    uint64_t header_ms;        /* for a whole head, from its first byte */
    uint64_t idle_ms;          /* between requests; without progress in either direction */
    uint64_t drain_grace_ms;   /* while draining: for another request, and for its head */
    struct date_now now;       /* set by the loop, once a turn */
    struct conn_rates *rates;  /* *borrowed*; NULL: rates are not checked */
    struct conn_timing timing; /* of answers */
    struct wheel wheel;
    uint32_t lifted_count; /* connections whose bound is lifted, see file_send.h */
    uint32_t lifted_max;   /* of these */
    struct unsent_share unsent;
    uint32_t unsent_bound; /* of new connections, see unsent.h */
    struct slab small;
    struct slab full;
    struct slab large;
    struct slab waits;
    struct conn_wait *spare_wait; /* see conn_wait.h; NULL: has to be taken from WAITS */
    struct file_watches watches;
    struct file_doubts doubts;
    struct list partial; /* connections with part of a head in full storage, the oldest first */
    struct list
        stalled; /* connections with output in full storage that peers don't take, likewise */
    struct list holding_large; /* with input in large storage, of either kind, likewise */
    struct list waiting_for_storage;
    struct list postponed; /* see conn_postpone, the oldest first */
    struct handshakes handshakes;
    struct kept_output kept;
    bool returned; /* storage has come back since the loop last checked */
    bool draining; /* every response is the last of its connection */
    struct trace trace;
};

enum conn_state {
    CONN_OPEN,
    CONN_LINGERING, /* all is sent, our side is shut; input is discarded until the peer is done */
    CONN_CLOSING,   /* over, but the loop has to wait for the kernel to release it */
    CONN_CLOSED,    /* the descriptor is closed; freed at the end of the batch */
};

/* What the connection waits for; each phase has its time limit. */
enum conn_phase {
    CONN_PHASE_NONE,
    CONN_PHASE_HANDSHAKE, /* the transport's handshake */
    CONN_PHASE_FIRST,     /* the first byte of the first request */
    CONN_PHASE_IDLE,      /* the first byte of another request */
    CONN_PHASE_HEAD,      /* the rest of a head */
    CONN_PHASE_BODY,      /* the rest of a request's content */
    CONN_PHASE_JOB,       /* a look-up, a disk, or a file that may be about to grow */
    CONN_PHASE_STORAGE,   /* storage */
    CONN_PHASE_SEND,      /* the peer, to take output */
    CONN_PHASE_LINGER,    /* the peer, to finish */
};

/* The output's wait for part of a file that is not in memory, or that may have been rewritten. */
enum file_wait {
    FILE_WAIT_NONE,
    FILE_WAIT_ON,   /* a job reads the part, or it is not decided; nothing is sent until then */
    FILE_WAIT_OVER, /* the part has been read, and is sent without another check */
};

/* Most connections of a crowd are idle, so each byte counts here. The members that every request
 * needs come first. */
struct conn {
    struct socket socket;
    uint32_t slot : 24;           /* with GENERATION, the connection's identity in events */
    uint32_t session_index : 2;   /* into the context's sessions */
    uint32_t transport_index : 2; /* into the context's transports */
    uint32_t sampled : 1;         /* it has a sample of its rate, see conn_rate.h */
    uint32_t awaits_delivery : 1; /* in its phase, see conn_await_delivery */
    uint32_t postponed : 1;       /* by its transport: it is in a list for another turn */
    uint32_t shaking : 1;         /* its handshake goes on, see handshakes.h */
    uint32_t generation;
    enum conn_state state : 8;
    enum conn_phase phase : 8;
    enum session_phase session_phase : 3; /* after the session's last work */
    enum file_wait file_wait : 2;
    bool phase_renewed : 1; /* progress: the phase's time begins again */
    bool no_storage : 1;    /* storage was wanted, and none was free */
    bool needs_input : 1;   /* the session has used up its input, and takes more */
    bool busy : 1;          /* set by a session that may have work to do without more input */
    bool pinned : 1;        /* the kernel may be reading the output: its storage must not move */
    uint32_t origin : 6;    /* into the context's origins */
    struct outq output;
    struct ring input;
    struct list queue; /* the loop's run list, a list of its struct retry, the context's
                          waiting_for_storage or postponed, in CONN_CLOSING the engine's, or the
                          graveyard */
    union {
        struct h1 h1;
        void *other; /* of another protocol; NULL at first */
    } session;
    struct conn_wait *waits; /* those that have begun, woken or not; see conn_wait.h */
    struct wheel_timer timer;
    union {
        const char *lent_at;       /* in CONN_OPEN: input in the loop's memory, see conn_lend */
        uint64_t shaking_since_ms; /* but while SHAKING: when its handshake began */
        uint64_t linger_end_ms;    /* in CONN_LINGERING: the latest end */
    };
    union {
        uint32_t lent_length; /* in CONN_OPEN */
        uint32_t linger_left; /* in CONN_LINGERING: bytes that will still be discarded */
    };
    uint32_t busy_since_ms; /* when the first answer on its way began to wait, see conn_counts.h */
    struct list holding;    /* the context's partial, stalled or holding_large list, or that of
                            kept_output, of handshakes that go on, or that wait */
};
static_assert(
    sizeof(struct conn) <= 160,
    "an idle connection takes this, and with io_uring 24 bytes more (bench/bench memory)");

/* Prepares the shared part: lists, slabs (of at most STORAGE_BYTES_MAX in each of the three
 * sizes), memos (of at most MEMO_BYTES_MAX) and timers. The caller sets the other members. */
void conn_context_init(struct conn_context *context, uint64_t storage_bytes_max,
                       uint64_t memo_bytes_max, uint64_t now_ms);

/* Sets what the sockets may hold unsent, before the first connection. Without it there is no
 * limit. */
void conn_context_set_unsent(struct conn_context *context, const struct unsent_share *share);

void conn_context_fini(struct conn_context *context);

static inline const struct transport *conn_transport(const struct conn_context *context,
                                                     const struct conn *conn)
{
    return context->transports[conn->transport_index];
}

static inline const struct session *conn_session(const struct conn_context *context,
                                                 const struct conn *conn)
{
    return context->sessions[conn->session_index];
}

static inline const struct origin *conn_origin(const struct conn_context *context,
                                               const struct conn *conn)
{
    return &context->origins[conn->origin];
}

/* A fresh connection on FD, which stays the caller's to close. */
void conn_init(struct conn *conn, int fd);

/* Gives back all that CONN holds, whatever it was doing. */
void conn_fini(struct conn_context *context, struct conn *conn);

/* Enters CONN_CLOSING, for a loop that can't call conn_fini yet: CONN is in no list, has no
 * deadline and holds nothing but its output, which the kernel may still be reading. */
void conn_retire(struct conn_context *context, struct conn *conn);

/* Writes EVENT of CONN to the worker's trace, with VALUE, whose meaning depends on the event. */
void conn_trace(struct conn_context *context, const struct conn *conn, enum trace_event event,
                uint16_t value);

/* Whether CONN gets no more turns. */
static inline bool conn_is_over(const struct conn *conn)
{
    return conn->state >= CONN_CLOSING;
}

/* Whether there is output that the socket has not taken, sealed by the transport or not. */
static inline bool conn_has_unsent(const struct conn *conn)
{
    return outq_unsent(&conn->output) > 0 || conn->socket.holds_output;
}

/* Whether all output is sent, and the kernel has released it. */
static inline bool conn_output_is_empty(const struct conn *conn)
{
    return outq_empty(&conn->output) && !conn->socket.holds_output;
}

/* Whether the next bytes of the output are of a file and have to wait. */
static inline bool conn_awaits_file(const struct conn *conn)
{
    return conn->file_wait == FILE_WAIT_ON;
}

/* Whether output would be sent now. */
static inline bool conn_wants_output(const struct conn *conn)
{
    return (outq_unsent(&conn->output) > 0 && !conn_awaits_file(conn)) || conn->socket.holds_output;
}

/* Whether there may be input to receive, in the socket or in the transport. */
static inline bool conn_is_readable(const struct conn *conn)
{
    return conn->socket.readable || conn->socket.holds_input;
}

/* Whether CONN, which lingers, only waits until its peer has taken the answer: the peer has ended
 * its side, or has said that it sends no more, and has sent no more. */
static inline bool conn_awaits_only_delivery(const struct conn *conn)
{
    return conn->socket.input_ended || conn->session_phase == SESSION_PEER_DONE;
}

/* Whether a turn of CONN, when no event has come for it, would do nothing. */
static inline bool conn_rests(const struct conn *conn)
{
    return conn->needs_input && !conn->busy;
}

/* Whether PART of a file can be sent without a wait for a disk. If not, CONN waits, and wants no
 * output until it has been woken. */
bool conn_disk_ready(struct conn_context *context, struct conn *conn, const struct outq_part *part);

/* Whether one of CONN's waits, of which it has at least one, has not been woken. */
bool conn_has_pending(const struct conn *conn);

/* Whether CONN waits for look-ups or a file. */
static inline bool conn_waits(const struct conn *conn)
{
    return conn->waits && conn_has_pending(conn);
}

/* Reports that WAITER, in a struct conn_wait, has been woken. Returns its connection, which may
 * make progress now. */
struct conn *conn_woken(struct conn_context *context, struct lookup_waiter *waiter);

/* Whether more input would be taken now. */
bool conn_wants_input(const struct conn *conn);

/* Where the next bytes received go: as ring_room. 0 pieces when no storage can be lent: shed a
 * connection, or have this one wait (conn_await_storage). One piece of storage is always left
 * for an answer, so that connections that hold input can't wait for each other. */
unsigned conn_room(struct conn_context *context, struct conn *conn,
                   struct iovec ret_pieces[static 2]);

/* Hands over input that the loop has in memory of its own: BYTES, *borrowed* until conn_unlend,
 * are parsed in place, without a copy. CONN holds no other input, and READABLE is true until all
 * of it is handed over. */
void conn_lend(struct conn *conn, struct str bytes);

/* Ends that. Returns the rest, which has not been consumed: if CONN still wants input, or the
 * loop its memory back, the rest has to be copied to where conn_room says. */
struct str conn_unlend(struct conn *conn);

/* Makes CONN wait, in the context's list, until storage comes back. */
void conn_await_storage(struct conn_context *context, struct conn *conn);

/* For transports: postpones what CONN is to do. A few of the connections that are postponed get a
 * turn in each turn of the loop, the oldest first, before all others. */
void conn_postpone(struct conn_context *context, struct conn *conn);

/* Reports that the first LENGTH bytes of that room have been filled. */
void conn_received(struct conn *conn, size_t length);

/* Reports that the peer has ended its side. */
void conn_input_ended(struct conn *conn);

/* For transports: what the peer sends makes no sense. The session gets no more input and gives no
 * more answers; all of its output has been sent. CONN ends as after its last answer: what is sealed
 * is sent, our side is shut, and input is discarded. */
void conn_give_up(struct conn *conn);

/* Lets the session work. See conn_work. */
void conn_run_session(struct conn_context *context, struct conn *conn);

/* Answers what can be answered now: until more input, room for output, or a job is needed. */
static inline void conn_work(struct conn_context *context, struct conn *conn)
{
    conn->no_storage = false;
    if (!conn_rests(conn))
        conn_run_session(context, conn);
}

/* The server drains: the next answer is the last. Give CONN a turn afterwards. */
void conn_close_soon(struct conn_context *context, struct conn *conn);

/* Reports that the peer has taken bytes, of whatever kind: the time of the phase begins again. */
void conn_progressed(struct conn *conn);

/* Reports that LENGTH bytes of the output have been sent, or sealed by the transport. */
void conn_sent(struct conn_context *context, struct conn *conn, uint64_t length);

enum conn_verdict {
    CONN_GOES_ON,
    CONN_LINGERS, /* all is sent; input may still come: shut our side, discard, then close */
    CONN_ENDS,    /* all is sent, and the peer has ended its side, or said it sends no more: close
                     if all has arrived, else linger, because the kernel holds the answer, and more
                     input may come after all */
    CONN_CLOSES,  /* nothing more can happen */
};

/* What to do next with an open connection, after conn_work and sending. */
enum conn_verdict conn_verdict(const struct conn_context *context, const struct conn *conn);

/* Reports that LENGTH bytes of input have been discarded in CONN_LINGERING. False: no more will
 * be. */
bool conn_discarded(struct conn *conn, size_t length);

/* The connection to shed so that CONN, which needs storage, gets it (NULL: one of those that wait
 * for full storage), of those that hold such storage and make no progress: the oldest partial head,
 * else the peer that has taken no output for the longest time. NULL: there is no such
 * connection. */
struct conn *conn_to_shed(struct conn_context *context, const struct conn *conn);

/* Whether CONN needs large storage: its input fills full storage, and is only part of a head. It
 * does not wait for that: if no other connection can be shed, it is shed itself. */
static inline bool conn_needs_large(const struct conn *conn)
{
    return conn->needs_input && conn->input.length == CONN_FULL_BYTES &&
           ring_capacity(&conn->input) == CONN_FULL_BYTES;
}

/* --- For sessions ----------------------------------------------------------------------------- */

/* The input that has not been consumed; one piece of it, if the ring wraps. */
static inline struct str conn_input(const struct conn *conn)
{
    return conn->input.length > 0 ? ring_view(&conn->input)
                                  : (struct str){conn->lent_at, conn->lent_length};
}

static inline bool conn_has_input(const struct conn *conn)
{
    return conn->input.length > 0 || conn->lent_length > 0;
}

static inline void conn_consume(struct conn *conn, size_t length)
{
    if (conn->input.length > 0) {
        ring_consume(&conn->input, length);
    } else {
        conn->lent_at += length;
        conn->lent_length -= (uint32_t)length;
    }
}

/* conn_input was not enough to go on. True: there was more of it, which conn_input returns now.
 * False: CONN needs more input. */
bool conn_needs_more(struct conn *conn);

/* Whether another answer may be queued: what is unsent is bounded. */
static inline bool conn_may_queue(const struct conn *conn)
{
    return outq_unsent(&conn->output) < CONN_UNSENT_BYTES_MAX;
}

#endif
