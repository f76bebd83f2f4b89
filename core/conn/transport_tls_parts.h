/* transport_tls_parts: what the files of transport_tls share; for these alone. */
#ifndef SLUICE_TRANSPORT_TLS_PARTS_H
#define SLUICE_TRANSPORT_TLS_PARTS_H

#include "conn/transport_tls.h"

#ifdef SLUICE_HAVE_OPENSSL

enum {
    /* Ciphertext received at once: a whole record of 16 KiB. What is opened of it mostly fits into
     * an empty input. */
    TLS_INPUT_BYTES = (16 << 10) + 512,
    TLS_SEND_BYTES = 128 << 10,        /* plaintext sealed for one send */
    TLS_TAIL_BYTES = 4 << 10,          /* and so much more if nothing is left then */
    TLS_SEALED_JOIN_MAX = 2 << 10,     /* sealed bytes that are sent together with later ones */
    TLS_SEALED_MAX = TLS_OUTPUT_BYTES, /* of a connection: more than a flight, or a send, leaves */
    TLS_SEALED_MUCH = 16 << 20,        /* while a worker keeps more, one send seals one record */
};

/* Bytes that wait; those from FIRST on are left. Allocated. */
struct tls_bytes {
    uint32_t first;
    uint32_t length;
    char at[];
};

/* Of a connection. */
struct tls_peer {
    struct tls_stream *stream; /* NULL once our side is shut */
    struct tls_bytes *sealed;  /* output that is not sent; NULL: none */
    struct tls_bytes *spill;   /* ciphertext that is not opened; NULL: none */
    uint32_t sent_bytes;       /* sealed since the last silence, as far as that matters */
    uint32_t sent_ms;          /* when, in milliseconds of context->now, modulo 2^32 */
    bool hindered : 1;         /* the socket has not taken all of the last send */
    bool failed : 1;           /* an alert is the last that was sealed */
    bool closed : 1;           /* close_notify is */
};

/* Of a worker. */
struct transport_tls {
    struct tls_context *context;
    struct tls_peer **peers; /* by slot; NULL: nothing received yet */
    uint64_t turn;           /* of the loop, in which so many */
    unsigned steps;          /* steps with public keys were done */
    char input[TLS_INPUT_BYTES];
    char staged[TLS_SEND_BYTES +
                TLS_TAIL_BYTES]; /* plaintext of records that no span of the output fills */
};

static inline struct tls_peer *transport_tls_peer(const struct transport_tls *tls,
                                                  const struct conn *conn)
{
    return tls->peers[conn->slot];
}

/* Keeps what the TLS of CONN has sealed in memory of the worker, after other bytes that wait.
 * False: no memory. */
bool transport_tls_keep_output(struct conn_context *context, struct conn *conn,
                               struct tls_peer *peer);

/* Frees the sealed bytes of CONN that wait, if there are any. */
void transport_tls_drop_output(struct conn_context *context, struct conn *conn,
                               struct tls_peer *peer);

/* Keeps the ciphertext that has not been used, the input of TLS's context. False: no memory. */
bool transport_tls_keep_input(struct transport_tls *tls, struct conn *conn, struct tls_peer *peer);

/* Frees the ciphertext of CONN that waits, if there is any. */
void transport_tls_drop_input(struct conn *conn, struct tls_peer *peer);

/* Of struct transport. */
enum transport_result transport_tls_send(struct conn_context *context, struct conn *conn,
                                         size_t *budget);
enum transport_result transport_tls_shut(struct conn_context *context, struct conn *conn);

#endif
#endif
