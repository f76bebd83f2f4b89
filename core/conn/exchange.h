/* exchange: the path from a request to its answer: look the resource up, decide, wait if need be.
 *
 * Of no protocol: a session makes a request of the bytes it has received, and puts the plan on the
 * wire itself. An exchange that has to wait is run again with the same request when its connection
 * has been woken, and then takes up what it has waited for. HTTP/1 keeps an exchange on the stack
 * and parses the request again; a protocol with streams keeps one wait for each stream, whose
 * address is the owner.
 *
 * This is the one place that asks the store for resources. */
#ifndef SLUICE_EXCHANGE_H
#define SLUICE_EXCHANGE_H

#include "conn/conn.h"
#include "conn/conn_wait.h"
#include "http/forwarded.h"

/* Why a request is redirected, other than by a resource. */
enum exchange_redirect {
    EXCHANGE_REDIRECT_NONE,
    EXCHANGE_REDIRECT_HTTPS,
    EXCHANGE_REDIRECT_CANONICAL,
    EXCHANGE_REDIRECT_RULE,
};

struct exchange {
    struct site *site;  /* that answers, after exchange_run; NULL: none does (421) */
    struct conn *conn;  /* *borrowed*: it is woken when the exchange can go on */
    const void *owner;  /* of the wait, see conn_wait.h */
    struct found found; /* these after READY, until exchange_fini */
    struct plan plan;
    struct forwarded forwarded; /* what a trusted proxy says of the request; set before it is run */
    enum exchange_redirect redirect; /* the plan's, unless the request was refused */
    unsigned redirect_index;         /* of the rule, for EXCHANGE_REDIRECT_RULE */
    union {
        char prefix[ORIGIN_PREFIX_BYTES_MAX]; /* of a redirect of the plan */
        struct rules_values values;           /* the whole Location of one */
    };
};

/* Large parts stay uninitialized: they are written by exchange_run. */
static inline void exchange_init(struct exchange *ret, struct conn *conn, const void *owner)
{
    ret->conn = conn;
    ret->owner = owner;
    ret->forwarded = (struct forwarded){.secure = false};
}

enum exchange_result {
    EXCHANGE_READY,   /* PLAN is the answer to the request, about FOUND; exchange_fini */
    EXCHANGE_PENDING, /* OWNER waits: run it again when CONN works again, or cancel it */
};

/* Whether the client's request came by https, to this server or to a proxy that is trusted. */
bool exchange_is_secure(const struct conn_context *context, const struct exchange *exchange);

/* Decides about REQUEST by what there is now. REQUEST may become a refusal (a malformed path, no
 * memory); EXCHANGE borrows from it, and stays in its place until exchange_fini. */
enum exchange_result exchange_run(struct conn_context *context, struct exchange *exchange,
                                  struct request *request);

/* Makes the plan of a READY exchange anew, as a refusal of REQUEST with STATUS. */
void exchange_refuse(struct conn_context *context, struct exchange *exchange,
                     struct request *request, enum http_status status);

/* Drops the answer of a READY exchange. */
void exchange_fini(struct exchange *exchange);

/* Whether the exchange of OWNER is PENDING and has not been woken. */
static inline bool exchange_waits(const struct conn *conn, const void *owner)
{
    const struct conn_wait *wait = conn->waits ? conn_wait_find(conn, owner) : NULL;
    return wait && wait->waiter.lookup;
}

/* Whether the exchange of OWNER has been PENDING, and has not been READY since. */
static inline bool exchange_has_waited(const struct conn *conn, const void *owner)
{
    return conn->waits && conn_wait_find(conn, owner);
}

/* Forgets the exchange of OWNER, which may be PENDING: nothing is woken for it. */
static inline void exchange_cancel(struct conn_context *context, struct conn *conn,
                                   const void *owner)
{
    conn_wait_end(context, conn, owner);
}

#endif
