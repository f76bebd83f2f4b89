/* xor_transport: a transport as TLS is one, to prove that transport.h is enough: it transforms,
 * delays and splits bytes.
 *
 * A client begins with XOR_HELLO and is answered with XOR_READY: the handshake. Then both sides
 * send records: the length of the payload (2 bytes, big-endian, at most XOR_RECORD_MAX), the
 * payload, each byte XORed with a running key, and a trailer, the sum of the payload's plain
 * bytes. An empty record ends a direction. Raw bytes are moved a few at a time, and records are
 * opened and sealed late, as a generator decides. */
#ifndef SLUICE_TESTS_XOR_TRANSPORT_H
#define SLUICE_TESTS_XOR_TRANSPORT_H

#include "conn/conn.h"
#include "support/conn_rig.h"
#include "support/prng.h"

enum {
    XOR_RECORD_MAX = 1500,
    XOR_OVERHEAD = 3,
};

#define XOR_HELLO "HELLO!"
#define XOR_READY "READY"

extern const struct transport xor_transport;

/* Counted over all connections since xor_reset. */
struct xor_counts {
    unsigned handshakes;
    unsigned closes; /* empty records sent */
    unsigned finis;
    unsigned broken; /* records that make no sense */
};

/* Begins anew: the following connections behave as SEED has it. */
void xor_reset(uint64_t seed);
struct xor_counts xor_counts(void);

/* One direction of a client. */
struct xor_key {
    uint8_t next;
};

/* Adds BYTES to PILE, in records of at most RECORD_MAX bytes. */
void xor_seal(struct pile *pile, struct xor_key *key, struct str bytes, size_t record_max);

/* Opens all records in BYTES and adds their payloads to PILE. Returns whether they are whole,
 * and the last one is the only empty one. */
bool xor_open(struct pile *pile, struct xor_key *key, struct str bytes);

#endif
