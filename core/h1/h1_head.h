/* h1_head: a request head of HTTP/1: the request, and everything that HTTP/1 alone says around it.
 *
 * RFC 9112: the minor version (section 2.3), how the content is delimited (section 6), whether the
 * connection persists (section 9.3). The text of the request is *borrowed* from the input. */
#ifndef SLUICE_H1_HEAD_H
#define SLUICE_H1_HEAD_H

#include "http/request.h"

/* How a request's content is delimited; RFC 9112 section 6. */
enum h1_framing {
    H1_FRAMING_NONE,
    H1_FRAMING_LENGTH,
    H1_FRAMING_CHUNKED,
};

struct h1_head {
    struct request request;
    uint64_t content_bytes; /* with H1_FRAMING_LENGTH */
    enum h1_framing framing;
    unsigned minor;        /* HTTP/1.minor */
    bool close;            /* Connection: close */
    bool keep_alive;       /* Connection: keep-alive */
    bool expects_continue; /* Expect: 100-continue */
};

/* An empty head of HTTP/1.1. */
static inline void h1_head_init(struct h1_head *ret)
{
    request_init(&ret->request);
    ret->content_bytes = 0;
    ret->framing = H1_FRAMING_NONE;
    ret->minor = 1;
    ret->close = ret->keep_alive = ret->expects_continue = false;
}

#endif
