/* h1_memo: keeps whole responses for request heads that came before: the same bytes again get the
 * same response, without being parsed, looked up and planned once more.
 *
 * A response follows from the bytes of the head, the resource, the time, and values that are
 * constant for a worker until h1_memos_clear. So a memo is valid as long as the lease of its
 * resource, and a part of it that is sent from a file as long as the file is unchanged. The time is
 * in Date, which is rewritten each second, and in conditions with dates: a response that depends on
 * one is valid for the rest of its second only. A head is kept when it comes for the second time,
 * so that a head which comes once costs no memory.
 *
 * Bounded in bytes and in number: a memo that is queued counts until it has been sent, however
 * slowly its client reads. Unused memos make room for others. Holds no descriptor and pins no
 * resource. One thread only. */
#ifndef SLUICE_H1_MEMO_H
#define SLUICE_H1_MEMO_H

#include "base/date.h"
#include "base/list.h"
#include "http/resource.h"
#include "observe/access_format.h"
#include "observe/site_counts.h"
#include "storage/outq.h"

enum {
    H1_MEMO_HEAD_BYTES_MAX = 2 << 10, /* of a request's head */
    /* A body up to this is copied after the response's head: one piece to gather instead of two. */
    H1_MEMO_BODY_BYTES_MAX = 1 << 10,
};

/* What a session does with a response besides sending it. */
struct h1_memo_end {
    enum http_status status;
    uint64_t body_bytes; /* of the response */
    bool last;           /* the connection ends after it */
    bool peer_done;      /* because the peer has announced that it sends no more */
};

/* A memo is in the blob of its first part. After it in that blob come the request's head and the
 * response's head. */
struct h1_memo {
    struct list detached;      /* in the list of memos without a slot that are still queued */
    struct outq_part parts[2]; /* the head with a small body; then another body, or none */
    unsigned part_count;
    uint32_t head_bytes; /* of the request */
    uint32_t origin;     /* of the connections it is for, see struct h1_memo_key */
    struct h1_memo_end end;
    _Atomic uint64_t *counted; /* its requests, in the counters of its worker; *borrowed* */
    struct site_count *site;   /* likewise, of its site; both are there until h1_memos_clear */
    struct access_text *log;   /* of the lines for its requests, owned; NULL: none is logged */
    uint32_t date_at; /* offset of Date's value in the blob of the first part; 0: Date is fixed */
    int64_t second;   /* the second in Date */
    struct lease *lease; /* of its resource */
    uint64_t hash;       /* of the head, from h1_memos_find */
    char text[];
};

/* Makes a memo of the response to HEAD that was made from RESOURCE and ends in END. The caller
 * writes the response's head, at most ANSWER_BYTES_MAX bytes, at h1_memo_answer, then calls
 * h1_memo_written. BODY, one of RESOURCE's, follows it (NULL: none). NULL: out of memory. *Gives*:
 * h1_memos_put. */
struct h1_memo *h1_memo_create(struct str head, size_t answer_bytes_max,
                               const struct outq_part *body, struct resource *resource,
                               struct h1_memo_end end, const struct date_now *now);

/* Where the caller writes the response's head. */
static inline char *h1_memo_answer(struct h1_memo *memo)
{
    return memo->text + memo->head_bytes;
}

/* Reports that BYTES have been written, with the value of Date at offset DATE_AT. FIXED: in another
 * second the response may be another one. */
static inline void h1_memo_written(struct h1_memo *memo, size_t bytes, size_t date_at, bool fixed)
{
    memo->parts[0].length = bytes;
    memo->date_at = fixed ? 0 : (uint32_t)(memo->parts[0].first + date_at);
}

/* All memos of a worker. */
struct h1_memos {
    struct h1_memo_slot *slots; /* NULL: nothing can be kept */
    void *memory;               /* the allocation that SLOTS is in */
    struct h1_memo *latest;     /* the last one found or put, checked first; NULL: none */
    uint64_t secret;
    uint64_t bytes;
    uint64_t bytes_max;
    struct list detached; /* memos without a slot, the next one to check first */
    uint32_t hand;        /* the next slot to clear when bytes are short */
};

/* Identifies a response: everything it depends on besides time and the resource. */
struct h1_memo_key {
    uint32_t origin;   /* connections of different origins may get different responses */
    size_t head_bytes; /* of the head; 0: it cannot be kept */
    uint64_t hash;     /* of both */
};

/* Makes an empty set of memos. Without memory, or with BYTES_MAX 0, it keeps nothing. *Gives*:
 * h1_memos_fini, to be called when nothing is queued any more. */
void h1_memos_init(struct h1_memos *memos, uint64_t bytes_max);
void h1_memos_fini(struct h1_memos *memos);

/* Forgets all memos, because answers are made in another way from now on. Those that are queued are
 * sent. */
void h1_memos_clear(struct h1_memos *memos);

/* Returns the memo for the head at the start of INPUT if there is a valid one, *borrowed* until the
 * next call for MEMOS. Else NULL, with *KEY set for h1_memos_wants. The caller sets KEY->origin
 * before. */
struct h1_memo *h1_memos_find(struct h1_memos *memos, struct str input, const struct date_now *now,
                              struct h1_memo_key *key);

/* Records that the head of KEY is being answered. Returns whether to put a memo of the response:
 * the head has come before, and there is no valid memo for it. */
bool h1_memos_wants(struct h1_memos *memos, const struct h1_memo_key *key,
                    const struct date_now *now);

/* *Takes* MEMO, for the head of KEY. Returns it, *borrowed* until the next call for MEMOS; NULL: no
 * room. */
struct h1_memo *h1_memos_put(struct h1_memos *memos, const struct h1_memo_key *key,
                             struct h1_memo *memo);

#endif
