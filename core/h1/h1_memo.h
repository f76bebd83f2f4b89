/* h1_memo: heads that came a moment ago, with the whole answers they got: the same bytes again get
 * the same answer, without being parsed, looked up and planned once more.
 *
 * An answer follows from the head's bytes, the resource, the time and what is the same for all of a
 * worker's life. So a memo is good as long as its resource is, and what it sends of a file as long
 * as the file is as it was. Time is in the answer's Date, which is written anew each second, and in
 * conditions with dates: what has those is good for the rest of its second only. A head is kept
 * when it comes for the second time: what is asked for once costs no memory.
 *
 * Bounded in bytes and in number: what is queued of a memo counts until it has been sent,
 * whoever is slow to take it. What is not asked for any more makes room. Holds no descriptor and
 * pins no resource. One thread only. */
#ifndef SLUICE_H1_MEMO_H
#define SLUICE_H1_MEMO_H

#include "base/date.h"
#include "base/list.h"
#include "http/resource.h"
#include "storage/outq.h"

enum {
    H1_MEMO_HEAD_BYTES_MAX = 2 << 10, /* of a request that is kept */
    /* A body up to this is copied behind the answer's head: one piece to gather instead of two. */
    H1_MEMO_BODY_BYTES_MAX = 1 << 10,
};

/* What a session does with an answer besides sending it. */
struct h1_memo_end {
    enum http_status status;
    bool last;      /* the connection ends with it */
    bool peer_done; /* because the peer has said that it sends no more */
};

/* It is in the blob of the first part, and behind it there the request's head and then the
 * answer's. */
struct h1_memo {
    struct list
        limbo; /* those that have no slot any more, and of which something is still queued */
    struct outq_part parts[2]; /* what is sent: the head and a small body; another body, or none */
    unsigned part_count;
    uint32_t head_bytes; /* of the request */
    uint32_t origin;     /* of the connections that it is for, see struct h1_memo_key */
    struct h1_memo_end end;
    uint32_t
        date_at;    /* where in the blob of the first part Date's value is; 0: it stays as it is */
    int64_t second; /* that Date says */
    struct lease *lease; /* of its resource */
    uint64_t hash;       /* of the head, by h1_memos_find */
    char text[];
};

/* An answer to HEAD, made of RESOURCE, that ends in END. What it begins with, at most
 * ANSWER_BYTES_MAX, is the caller's to write to h1_memo_answer, and to tell of by
 * h1_memo_written; BODY, one of RESOURCE's, comes behind it (NULL: nothing does). NULL: out of
 * memory. *Gives*: h1_memos_put. */
struct h1_memo *h1_memo_create(struct str head, size_t answer_bytes_max,
                               const struct outq_part *body, struct resource *resource,
                               struct h1_memo_end end, const struct date_now *now);

static inline char *h1_memo_answer(struct h1_memo *memo)
{
    return memo->text + memo->head_bytes;
}

/* BYTES have been written, with the value of Date at DATE_AT of them. FIXED: in another second
 * the answer might be another. */
static inline void h1_memo_written(struct h1_memo *memo, size_t bytes, size_t date_at, bool fixed)
{
    memo->parts[0].length = bytes;
    memo->date_at = fixed ? 0 : (uint32_t)(memo->parts[0].first + date_at);
}

/* All of a worker. */
struct h1_memos {
    struct h1_memo_slot *slots; /* NULL: none can be kept */
    void *memory;               /* that they are in */
    struct h1_memo *latest;     /* found or put, while it is here: looked at first */
    uint64_t secret;
    uint64_t bytes;
    uint64_t bytes_max;
    struct list limbo; /* memos without a slot, the one that is looked at next first */
    uint32_t hand;     /* the slot whose memo goes next when bytes are short */
};

/* Identifies an answer: everything it depends on besides time and the resource. */
struct h1_memo_key {
    uint32_t
        origin; /* connections of different origins may get different answers to the same head */
    size_t head_bytes; /* of the head; 0: it can't be kept */
    uint64_t hash;     /* of both */
};

/* Without memory, or with BYTES_MAX 0, nothing is kept. *Gives*: h1_memos_fini, when nothing is
 * queued any more. */
void h1_memos_init(struct h1_memos *memos, uint64_t bytes_max);
void h1_memos_fini(struct h1_memos *memos);

/* The memo for the head that INPUT begins with, if there is one and it is good; *borrowed* until
 * the next call for MEMOS. NULL, with *KEY for h1_memos_wants, if not. KEY->origin is set by the
 * caller. */
struct h1_memo *h1_memos_find(struct h1_memos *memos, struct str input, const struct date_now *now,
                              struct h1_memo_key *key);

/* Takes note that the head of KEY is answered now. Whether its answer is to be put: it has come
 * before, and what is here for it, if anything, is not good (again). */
bool h1_memos_wants(struct h1_memos *memos, const struct h1_memo_key *key,
                    const struct date_now *now);

/* *Takes* MEMO, for the head of KEY. Returns it, *borrowed* until the next call for MEMOS; NULL
 * if there is no room. */
struct h1_memo *h1_memos_put(struct h1_memos *memos, const struct h1_memo_key *key,
                             struct h1_memo *memo);

#endif
