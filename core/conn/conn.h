/* conn: one connection: input ring, session, output queue, deadlines.
 *
 * The only module that sees both sides: it takes a request from the session, asks files for the
 * resource, and gives the session its answer to queue. It does no socket I/O: an event loop asks it
 * where received bytes go and what is to be sent, and tells it what happened; so every loop shares it
 * and a test needs no socket.
 *
 * Storage for input and output is lent by the context while there are bytes in it. What a connection
 * holds is bounded: one input ring, one output queue, whatever the peer does. */
#ifndef SLUICE_CONN_H
#define SLUICE_CONN_H

#include "base/list.h"
#include "h1/h1.h"
#include "site/store.h"
#include "storage/ring.h"
#include "storage/slab.h"
#include "storage/wheel.h"

enum {
    CONN_SMALL_BYTES = 1 << 10, /* storage for a partial head, or the rest of a stalled response */
    CONN_FULL_BYTES = 16 << 10, /* storage for everything else */
    CONN_UNSENT_BYTES_MAX = 256 << 10, /* above, no further request is answered */
    CONN_LINGER_BYTES_MAX = 256 << 20, /* discarded before a peer that won't stop is cut off */
};

/* What a connection waits with, for a look-up or for a disk. */
struct conn_wait {
    struct lookup_waiter waiter;
    struct conn *conn;
};

/* What all connections of a worker share. Filled in by the worker; one thread only. */
struct conn_context {
    struct h1_limits limits;
    struct plan_policy policy;
    struct store *files; /* *borrowed* */
    struct h1_memos memos;
    struct counters *counters; /* *borrowed* */
    uint64_t header_ms;        /* for a whole head, from its first byte */
    uint64_t idle_ms;          /* between requests; without progress in either direction */
    struct date_now now;       /* set by the loop, once a turn */
    struct wheel wheel;
    struct slab small;
    struct slab full;
    struct slab waits;
    struct conn_wait
        *spare_wait;     /* for the next look-up, which may have to wait; NULL: to be taken */
    struct list partial; /* connections with part of a head in full storage, the oldest first */
    struct list
        stalled; /* connections whose peers take nothing, with output in full storage, likewise */
    struct list starved; /* connections that wait for storage */
    bool returned;       /* storage has come back since the loop last looked */
    bool draining;       /* every response is the last of its connection */
};

enum conn_state {
    CONN_OPEN,
    CONN_LINGERING, /* all is sent, our side is shut; input is discarded until the peer is done */
    CONN_CLOSING,   /* over, but the loop has to wait for the kernel to let go of it */
    CONN_CLOSED,    /* the descriptor is gone; freed at the end of the batch */
};

/* What the connection is waiting for; each has its time limit. */
enum conn_phase {
    CONN_PHASE_NONE,
    CONN_PHASE_FIRST,   /* the first byte of the first request */
    CONN_PHASE_IDLE,    /* the first byte of another request */
    CONN_PHASE_HEAD,    /* the rest of a head */
    CONN_PHASE_BODY,    /* the rest of a request's content */
    CONN_PHASE_JOB,     /* a look-up, or a disk */
    CONN_PHASE_STARVED, /* storage */
    CONN_PHASE_SEND,    /* the peer, to take what there is */
    CONN_PHASE_LINGER,  /* the peer, to finish */
};

/* Most connections of a crowd are idle, so each byte here counts; those that every request needs come
 * first. */
struct conn {
    int fd;
    uint32_t slot; /* with GENERATION, the connection's identity in events */
    uint32_t generation;
    enum conn_state state : 8;
    enum conn_phase phase : 8;
    bool phase_renewed : 1; /* progress: the phase's time begins again */
    bool stood_still : 1;   /* at the last look the peer had taken nothing, see transport_drains */
    bool starved : 1;       /* storage was wanted, and none to be had */
    bool warming : 1;       /* what comes next is on a disk, and waits until it is woken */
    bool warmed : 1;        /* a job has read it, or is about to */
    bool hungry : 1;        /* the session can't go on without more input */
    bool registered : 1;    /* with the loop's event source */
    bool readable : 1;      /* set by events, cleared when there is nothing to read */
    bool writable : 1;      /* set by events, cleared by EAGAIN */
    bool unbounded : 1;     /* what the socket accepts unsent, see transfer */
    bool hangup : 1;        /* the peer's end of input is on its way: read until it is there */
    bool input_ended : 1;   /* the peer's end of input has been read */
    bool pinned : 1;        /* the kernel may be reading the output: its storage must not move */
    struct outq output;
    struct ring input;
    struct list queue; /* the loop's run list, the context's starved list, or the graveyard */
    struct h1 session;
    struct conn_wait *wait; /* NULL: it has not had to wait for what it does now */
    struct wheel_timer timer;
    union {
        struct {                 /* in CONN_OPEN */
            const char *lent_at; /* input in the loop's memory, see conn_lend */
            uint32_t lent_length;
            uint32_t kernel_bytes; /* in the socket when the peer was last seen to take none */
        };
        struct {                    /* in CONN_LINGERING */
            uint64_t linger_end_ms; /* the latest end */
            uint32_t linger_left;   /* bytes that will still be discarded */
        };
    };
    struct list holding; /* the context's partial or stalled list */
};
static_assert(sizeof(struct conn) <= 160,
              "an idle connection takes this, and with io_uring 16 bytes (bench/bench memory)");

/* Prepares the shared part: lists, slabs (of at most STORAGE_BYTES_MAX in each of the two sizes), memos (of
 * at most MEMO_BYTES_MAX) and timers. The other members are the caller's to set. */
void conn_context_init(struct conn_context *context, uint64_t storage_bytes_max,
                       uint64_t memo_bytes_max, uint64_t now_ms);
void conn_context_fini(struct conn_context *context);

/* A fresh connection on FD, which stays the caller's to close. */
void conn_init(struct conn *conn, int fd);

/* Gives back all that CONN holds, whatever it was doing. */
void conn_fini(struct conn_context *context, struct conn *conn);

/* Enters CONN_CLOSING, for a loop that can't call conn_fini yet: CONN stands in no list, has no deadline
 * and holds nothing but its output, which the kernel may still be reading. */
void conn_retire(struct conn_context *context, struct conn *conn);

/* Whether CONN gets no more turns. */
static inline bool conn_is_over(const struct conn *conn)
{
    return conn->state >= CONN_CLOSING;
}

/* Whether output would be sent now. */
static inline bool conn_wants_output(const struct conn *conn)
{
    return outq_unsent(&conn->output) > 0 && !conn->warming;
}

/* Whether the next part of a file, LENGTH bytes of FILE from FIRST, can be sent without a wait for a disk.
 * If not, CONN waits, and wants no output until it has been woken. */
bool conn_warms(struct conn_context *context, struct conn *conn, struct blob *file, uint64_t first,
                uint64_t length);

/* Whether CONN waits for a look-up or a disk. */
static inline bool conn_waits(const struct conn *conn)
{
    return conn->wait && conn->wait->waiter.lookup;
}

/* Says that WAITER, in a struct conn_wait, has been woken. Returns whose it was: it may get on. */
struct conn *conn_woken(struct conn_context *context, struct lookup_waiter *waiter);

/* Whether more input would be taken now. */
bool conn_wants_input(const struct conn *conn);

/* Where the next bytes received go: as ring_room. 0 pieces when no storage can be lent: shed a
 * connection, or have this one wait (conn_starve). One piece of storage is always left for an answer,
 * so that connections that hold input can't wait for each other. */
unsigned conn_room(struct conn_context *context, struct conn *conn,
                   struct iovec ret_pieces[static 2]);

/* The other way, for input that the loop has in memory of its own: BYTES, *borrowed* until conn_unlend,
 * are parsed in place, without a copy. CONN holds no other input, and until all of it is handed over
 * READABLE is true. */
void conn_lend(struct conn *conn, struct str bytes);

/* Ends that. Returns the rest, which nobody has consumed: if CONN still wants input, or the loop its
 * memory back, the rest has to be copied to where conn_room says. */
struct str conn_unlend(struct conn *conn);

/* Has CONN wait, in the context's list of the starved, until storage comes back. */
void conn_starve(struct conn_context *context, struct conn *conn);

/* Says that the first LENGTH bytes of that room have been filled. */
void conn_received(struct conn *conn, size_t length);

/* Says that the peer has ended its side. */
void conn_input_ended(struct conn *conn);

/* Answers what can be answered now: until more input, room for output, or a job is needed. */
void conn_work(struct conn_context *context, struct conn *conn);

/* Says that LENGTH bytes of the output have been sent. */
void conn_sent(struct conn_context *context, struct conn *conn, uint64_t length);

enum conn_verdict {
    CONN_GOES_ON,
    CONN_LINGERS, /* all is sent; input may still come: shut our side, discard, then close */
    CONN_ENDS,    /* all is sent, and the peer said it sends no more: close if all has arrived, else
                     linger, because it may be wrong about that */
    CONN_CLOSES,  /* nothing more can happen */
};

/* How it stands with CONN, in state OPEN, after conn_work and what sending was possible. */
enum conn_verdict conn_verdict(const struct conn_context *context, const struct conn *conn);

/* Enters CONN_LINGERING: no input is kept any more. The loop has shut our side of the socket. */
void conn_linger(const struct conn_context *context, struct conn *conn);

/* Says that LENGTH bytes of input have been discarded in CONN_LINGERING. False: that's enough. */
bool conn_discarded(struct conn *conn, size_t length);

/* Ends a turn: storage that isn't needed goes back, or is exchanged for the small kind, and the
 * deadline is set for what it now waits for. */
void conn_settle(struct conn_context *context, struct conn *conn);

/* The deadline of what CONN was waiting for has passed. GOES_ON: there is an answer to be sent (408). */
enum conn_verdict conn_expired(struct conn_context *context, struct conn *conn);

/* Of the connections that hold full storage and don't get on, the one to shed: the oldest partial head,
 * else who has taken no output for the longest. Or NULL. */
struct conn *conn_to_shed(struct conn_context *context);

#endif
