/* tls_framing: the lengths that a client announces for messages of its handshake, as long as they
 * are not encrypted. RFC 8446 sections 4 and 5.1.
 *
 * libssl allocates the announced length of a message when its header arrives, up to 128 KiB for a
 * ClientHello. So its records are followed here byte by byte, before libssl gets them, and a
 * message that is too long is found before it costs memory. Pure, and needs no OpenSSL. */
#ifndef SLUICE_TLS_FRAMING_H
#define SLUICE_TLS_FRAMING_H

#include "base/str.h"

/* Longest message: a ClientHello has 2 KiB with a post-quantum key share, and 16 KiB is
 * accepted. */
enum { TLS_MESSAGE_BYTES_MAX = 32 << 10 };

/* Zeroed: before the first byte. */
struct tls_framing {
    uint8_t record[5];                 /* the header of the record at hand, as far as it has come */
    uint8_t message[4];                /* that of the message */
    uint8_t record_have, message_have; /* bytes of them */
    uint16_t record_left;              /* bytes of the record after its header */
    uint32_t message_left;
};

/* Follows BYTES, the next ones of the client. False: they announce a message over
 * TLS_MESSAGE_BYTES_MAX. */
bool tls_framing_follow(struct tls_framing *framing, struct str bytes);

#endif
