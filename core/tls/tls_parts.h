/* tls_parts: what tls_context.c and tls_stream.c share; for these alone. */
#ifndef SLUICE_TLS_PARTS_H
#define SLUICE_TLS_PARTS_H

#ifdef SLUICE_HAVE_OPENSSL

#include "tls/tls_credentials.h"
#include "tls/tls_framing.h"

struct tls_stream {
    SSL *ssl;
    struct tls_credentials *credentials; /* holds a reference */
    unsigned index;                      /* of the chosen certificate in them */
    struct tls_framing framing;          /* of input, during the handshake */
    uint8_t key_updates;                 /* since the latest data */
    bool has_hello;                      /* the first ClientHello is complete */
    bool is_open;                        /* the handshake is over */
    bool is_refused;                     /* the peer has broken a limit: no more input is read */
    bool has_failed;                     /* OpenSSL must not be called for it any more */
    bool has_closed;                     /* close_notify is sent */
};

#endif
#endif
