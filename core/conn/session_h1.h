/* session_h1: HTTP/1 as a session: h1 (bytes to requests, plans to bytes), memos and the exchange.
 *
 * Alone knows memos: whole answers for heads whose bytes came a moment ago. Besides the bytes an
 * answer depends on the connection's origin (which listener accepted it), which is part of a
 * memo's key. */
#ifndef SLUICE_SESSION_H1_H
#define SLUICE_SESSION_H1_H

#include "conn/session.h"
#include "h1/h1.h"

/* What all HTTP/1 sessions of a worker share. */
struct session_h1_shared {
    struct h1_limits limits; /* set by the worker */
    struct h1_memos memos;
};

extern const struct session session_h1;

/* At most MEMO_BYTES_MAX of memos. *Gives*: session_h1_fini_shared. */
void session_h1_init_shared(struct session_h1_shared *ret, uint64_t memo_bytes_max);
void session_h1_fini_shared(struct session_h1_shared *shared);

#endif
