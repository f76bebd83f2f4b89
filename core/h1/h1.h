/* h1: the HTTP/1 session of a connection: bytes to requests, plans to bytes, in order.
 *
 * RFC 9112. No socket, no clock, no file: input is a contiguous view of received bytes, output goes
 * to an outq. The session decides where requests begin and end, when the connection persists
 * (section 9.3), and which input belongs to content. */
#ifndef SLUICE_H1_H
#define SLUICE_H1_H

#include "h1/chunked.h"
#include "h1/h1_memo.h"
#include "h1/h1_parse.h"
#include "http/plan.h"

/* Limits from the profile and the options; shared by all sessions of a worker. */
struct h1_limits {
    unsigned minor_max;      /* responds as HTTP/1.x with at most this x */
    bool keepalive;          /* whether connections may persist at all */
    uint32_t inflight_max;   /* responses queued before parsing pauses; 1 to UINT16_MAX */
    uint32_t requests_max;   /* per connection; 0: no limit */
    uint32_t head_bytes_max; /* of a request */
    uint64_t body_bytes_max; /* of a request's content, which is read and discarded */
};

enum h1_state {
    H1_STATE_HEAD,    /* a request's head comes next */
    H1_STATE_BODY,    /* a request's content of known length comes next */
    H1_STATE_CHUNKED, /* a request's content in chunks comes next */
    H1_STATE_ENDED,   /* nothing more is read: the last response has been queued */
};

/* All zeros at first. Each member of the union belongs to a state, and is zeroed when that state
 * begins. */
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
    bool peer_done : 1; /* in H1_STATE_ENDED: the peer has announced that it sends no more */
};

/* Makes SESSION ready for the first request. */
void h1_init(struct h1 *session);

enum h1_step {
    H1_MORE,    /* more input is needed */
    H1_WAIT,    /* a response must be sent first */
    H1_SKIP,    /* consume *ret_bytes of the input and call again */
    H1_REQUEST, /* answer *ret_head, then consume *ret_bytes */
    H1_ENDED,   /* no more requests on this connection; the rest of the input is ignored */
};

/* Decides what to do with INPUT. LIMITS are the same in all calls for a session. H1_REQUEST does
 * not change the session until h1_answer: another call with the same bytes (after a job has run)
 * has the same result. */
enum h1_step h1_next(struct h1 *session, const struct h1_limits *limits, struct str input,
                     struct h1_head *ret_head, size_t *ret_bytes);

/* Queues the response to HEAD, from h1_next or made by the caller (a 408). False, with nothing
 * changed: OUTPUT has no room now. */
bool h1_answer(struct h1 *session, const struct h1_limits *limits, const struct h1_head *head,
               const struct plan *plan, struct outq *output, const struct date_now *now);

/* Makes a memo of the response that h1_answer would queue, for when HEAD, parsed from BYTES, comes
 * again. RESOURCE is the one that PLAN was made from. Does not change the session. NULL: the
 * response must not be repeated, or out of memory. *Gives*: h1_memos_put. */
struct h1_memo *h1_memorize(const struct h1 *session, const struct h1_limits *limits,
                            struct str bytes, const struct h1_head *head, const struct plan *plan,
                            struct resource *resource, const struct date_now *now);

/* Whether a memo may answer the next input: it begins with a head of which nothing has been parsed
 * yet, and only that head decides whether the connection persists. */
static inline bool h1_may_repeat(const struct h1 *session, const struct h1_limits *limits)
{
    return session->state == H1_STATE_HEAD && session->parse.scanned == 0 && !session->closing &&
           session->inflight < limits->inflight_max &&
           (limits->requests_max == 0 || session->requests + 1 < limits->requests_max);
}

/* Queues the response of MEMO, whose head comes next in the input. False, with nothing changed:
 * OUTPUT has no room now. */
bool h1_repeat(struct h1 *session, const struct h1_memo *memo, struct outq *output);

/* Reports that COUNT responses have been sent whole. */
void h1_sent(struct h1 *session, unsigned count);

/* Whether part of a head has been received; empty lines before it do not count. */
static inline bool h1_in_head(const struct h1 *session)
{
    return session->state == H1_STATE_HEAD && session->parse.scanned > 0;
}

/* Makes the next response the last. */
static inline void h1_close_soon(struct h1 *session)
{
    session->closing = true;
}

#endif
