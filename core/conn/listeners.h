/* listeners: a worker's listening sockets, and when to accept from them.
 *
 * Owns the descriptors. Readiness is stored like a connection's: set by events, cleared by EAGAIN.
 * A slot is reserved before a connection is accepted. When all slots are in use, an idle connection
 * is closed for the new one, of this worker or else of another (conn_pool.h). When all are busy, or
 * descriptors or memory are out, accepting pauses, and new clients wait in the kernel's queue; it
 * resumes when a connection ends, or after a while. */
#ifndef SLUICE_LISTENERS_H
#define SLUICE_LISTENERS_H

#include "conn/conn_table.h"

enum {
    LISTENERS_MAX = 256,
    LISTENERS_ENDING_MAX = 32, /* besides */
    LISTENERS_PLACES = LISTENERS_MAX + LISTENERS_ENDING_MAX,
    LISTENERS_NONE = LISTENERS_PLACES,
};

/* The end of a listener, see system/listener_end.h. */
enum listener_phase {
    LISTENER_STAYS,
    LISTENER_ENDS,
    LISTENER_REFUSES,
};

struct listener {
    int fd;        /* -1: closed */
    bool readable; /* set by events, cleared by EAGAIN */
    bool shared;   /* another process may have the socket, too */
    enum listener_phase phase : 8;
    uint64_t phase_end_ms; /* unless it stays */
    uint8_t session_index; /* of its connections, see conn.h; 0 at first, as the others */
    uint8_t transport_index;
    uint8_t origin;
};

/* What closing an idle connection for a new one has led to. */
enum listeners_room {
    LISTENERS_ROOM_NONE, /* all are busy */
    LISTENERS_ROOM_SOON, /* one is being closed; listeners_resume comes after it */
    LISTENERS_ROOM_NOW,
};

struct listeners {
    /* Closes an idle connection of this worker. NULL: not called. */
    enum listeners_room (*make_room)(void *argument);
    void *make_room_argument;
    struct conn_context *context; /* *borrowed* */
    struct conn_table *conns;     /* *borrowed* */
    struct list *accepted;        /* *borrowed*: where new connections go, by their queue node */
    struct listener items[LISTENERS_PLACES];
    unsigned count;           /* those that are closed are among them */
    unsigned ending_count;    /* of these, those that do not stay */
    struct wheel_timer end;   /* armed while there are any */
    struct wheel_timer pause; /* armed: accepting pauses */
    bool waits;               /* for a slot of the pool, since the pause began */
};

/* FDS are listening and non-blocking; at most LISTENERS_MAX. *Takes* them. */
void listeners_init(struct listeners *listeners, struct conn_context *context,
                    struct conn_table *conns, struct list *accepted, const int *fds,
                    unsigned count);

/* Closes what is open. */
void listeners_fini(struct listeners *listeners);

/* Accepts from each, a bounded number, unless accepting pauses. */
void listeners_accept(struct listeners *listeners);

/* The same for a connection that the kernel has accepted from LISTENER: takes FD, non-blocking. One
 * of a peer that has too many is refused. False, with FD closed and a pause begun, when there is no
 * room for it. */
bool listeners_take(struct listeners *listeners, const struct listener *listener, int fd);

/* Reports that accepting has failed with ERROR, a positive errno. False, with a pause begun, if it
 * would fail again. */
bool listeners_failed(struct listeners *listeners, int error);

/* Accepts all that is queued, and closes them. */
void listeners_finish(struct listeners *listeners);

/* Begins the end of listener INDEX, which stays; it is accepted from until listeners_next_ended
 * names it. False: it is to be given up at once. */
bool listeners_end(struct listeners *listeners, unsigned index);

/* The index of a listener that is to be given up now. LISTENERS_NONE: none is; CONN_TIMER_LISTENERS
 * is armed for the next one. */
unsigned listeners_next_ended(struct listeners *listeners);

/* The index of the listener that ends first; there is one. */
unsigned listeners_first_ending(const struct listeners *listeners);

/* Accepts all that listener INDEX has queued, and closes it. */
void listeners_give_up(struct listeners *listeners, unsigned index);

/* Adds LISTENER, in the place of one that is closed if there is one; at most LISTENERS_MAX that
 * stay are open. *Takes* its descriptor. Returns its index. */
unsigned listeners_add(struct listeners *listeners, const struct listener *listener);

/* Whether listeners_accept has something to do now. */
bool listeners_ready(const struct listeners *listeners);

static inline bool listeners_paused(const struct listeners *listeners)
{
    return wheel_armed(&listeners->pause);
}

/* Reports that a connection has ended: a descriptor and a slot are free again. */
void listeners_resume(struct listeners *listeners);

#endif
