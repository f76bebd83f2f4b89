/* h1: the HTTP/1 session of one connection: bytes in, requests out; plans in, bytes out, in order.
 *
 * RFC 9112. No socket, no clock, no file: input is a contiguous view of what the peer sent,
 * output goes to an outq. The session decides what is a request, when the connection persists
 * (section 9.3), and what of the input belongs to a body. */
#ifndef SLUICE_H1_H
#define SLUICE_H1_H

#include "h1/chunked.h"
#include "h1/h1_memo.h"
#include "h1/h1_parse.h"
#include "http/plan.h"

/* Values of the profile and the options; shared by all sessions of a worker. */
struct h1_limits {
    unsigned minor_max;      /* answers as HTTP/1.x, at most this x */
    bool keepalive;          /* whether connections may persist at all */
    uint32_t inflight_max;   /* responses queued before parsing pauses; 1 to UINT16_MAX */
    uint32_t requests_max;   /* on one connection; 0: no limit */
    uint32_t head_bytes_max; /* of a request */
    uint64_t body_bytes_max; /* of a request's content that is read and thrown away */
};

enum h1_state {
    H1_STATE_HEAD,    /* a request's head comes next */
    H1_STATE_BODY,    /* a request's content comes next: so many bytes */
    H1_STATE_CHUNKED, /* a request's content comes next: in chunks */
    H1_STATE_ENDED,   /* nothing more is read: the last response has been queued */
};

/* All zeros at first. The members of the union exclude each other: each belongs to a state, and
 * is zeroed when the state begins. */
struct h1 {
    union {
        struct h1_parse parse;  /* in H1_STATE_HEAD */
        uint64_t body_left;     /* in H1_STATE_BODY: bytes of content still to come */
        struct chunked chunked; /* in H1_STATE_CHUNKED */
    };
    uint32_t requests; /* answered on this connection */
    uint16_t inflight; /* responses queued and not sent */
    enum h1_state state : 2;
    bool closing : 1;   /* the next response is the last */
    bool peer_done : 1; /* in H1_STATE_ENDED: the peer has said that it sends no more */
};

void h1_init(struct h1 *session);

enum h1_step {
    H1_MORE,    /* nothing to do without more input */
    H1_WAIT,    /* nothing to do before a response has been sent */
    H1_SKIP,    /* *ret_bytes of the input are to be consumed; then ask again */
    H1_REQUEST, /* *ret_head is to be answered; then *ret_bytes are to be consumed */
    H1_ENDED,   /* no more requests on this connection; what input there is is not for us */
};

/* What INPUT asks for. LIMITS are the same in all calls for one session. For H1_REQUEST nothing
 * changes in the session until h1_answer: asked again with the same bytes (a job was running),
 * it says the same. */
enum h1_step h1_next(struct h1 *session, const struct h1_limits *limits, struct str input,
                     struct h1_head *ret_head, size_t *ret_bytes);

/* Queues the answer to HEAD, which h1_next has just given or the caller has made (a 408). False,
 * with nothing changed, when OUTPUT has no room now. */
bool h1_answer(struct h1 *session, const struct h1_limits *limits, const struct h1_head *head,
               const struct plan *plan, struct outq *output, const struct date_now *now);

/* What h1_answer would queue, for when HEAD, the bytes of REQUEST, comes again; and the session
 * has done nothing yet. RESOURCE is what PLAN is about. NULL: it is not to be given again, or
 * memory is out. *Gives*: h1_memos_put. */
struct h1_memo *h1_memorize(const struct h1 *session, const struct h1_limits *limits,
                            struct str bytes, const struct h1_head *head, const struct plan *plan,
                            struct resource *resource, const struct date_now *now);

/* Whether a memo may answer what comes next: it would be the head of a request, of which nothing
 * has been looked at, and nothing but that decides whether the connection persists. */
static inline bool h1_may_repeat(const struct h1 *session, const struct h1_limits *limits)
{
    return session->state == H1_STATE_HEAD && session->parse.scanned == 0 && !session->closing &&
           session->inflight < limits->inflight_max &&
           (limits->requests_max == 0 || session->requests + 1 < limits->requests_max);
}

/* Queues the answer of MEMO, whose head comes next, and moves on behind that.
 * False, with nothing changed, when OUTPUT has no room now. */
bool h1_repeat(struct h1 *session, const struct h1_memo *memo, struct outq *output);

/* Reports that COUNT responses have been sent whole. */
void h1_sent(struct h1 *session, unsigned count);

/* Whether part of a head has come in (empty lines before it are none). */
static inline bool h1_in_head(const struct h1 *session)
{
    return session->state == H1_STATE_HEAD && session->parse.scanned > 0;
}

/* Whether a request's content is still to come. */
static inline bool h1_in_body(const struct h1 *session)
{
    return session->state == H1_STATE_BODY || session->state == H1_STATE_CHUNKED;
}

/* Makes the next response the last. */
static inline void h1_close_soon(struct h1 *session)
{
    session->closing = true;
}

#endif
