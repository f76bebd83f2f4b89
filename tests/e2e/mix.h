/* mix: sequences of pipelined requests of many kinds, and their expected answers, byte for byte.
 *
 * The expected answer of a kind is learnt from the same server, by a single request on a
 * connection of its own, and is itself checked (status, body against the file). A sequence's
 * answers must then be exactly those bytes in order, Date masked. Lifetime: a mix lasts as long
 * as its test. */
#ifndef E2E_MIX_H
#define E2E_MIX_H

#include "client.h"
#include "server_process.h"

enum mix_kind {
    MIX_SMALL,  /* 300 bytes */
    MIX_OTHER,  /* 700 bytes, in a directory, with a query */
    MIX_EMPTY,  /* 0 bytes */
    MIX_MEDIUM, /* 20 KiB */
    MIX_LARGE,  /* 300 KiB, by sendfile */
    MIX_HEAD_SMALL,
    MIX_HEAD_LARGE,
    MIX_MISSING,  /* 404 */
    MIX_FRESH,    /* 304 */
    MIX_REDIRECT, /* 301 */
    MIX_BODY,     /* a POST with a body: 405 */
    MIX_UNKNOWN,  /* 501 */
    MIX_ORDINARY_COUNT,
    MIX_CLOSE = MIX_ORDINARY_COUNT, /* Connection: close */
    MIX_BAD,                        /* 400 */
    MIX_KIND_COUNT,
};

struct mix {
    struct site site;
    const struct server *server;
    struct view heads[MIX_KIND_COUNT]; /* masked */
    struct view bodies[MIX_KIND_COUNT];
    size_t bytes[MIX_KIND_COUNT]; /* of head and body */
};

/* Makes the site. */
void mix_create(struct mix *mix);

/* Learns the answers to each kind from SERVER, which serves mix->site. */
void mix_learn(struct mix *mix, const struct server *server);

const char *mix_request(enum mix_kind kind);

/* Fills KINDS with COUNT ordinary ones; LARGE_PERCENT of them are MIX_LARGE. */
void mix_choose(enum mix_kind *kinds, size_t count, unsigned large_percent, uint64_t seed);

/* Queues the requests. */
void mix_queue(struct client *client, const enum mix_kind *kinds, size_t count);

/* How many of the COUNT requests the server answers, including the one after which it closes. */
size_t mix_answered(const struct mix *mix, const enum mix_kind *kinds, size_t count);

/* Reads COUNT answers, which must be exact. Stops at the first one that differs. */
bool mix_expect(const struct mix *mix, const char *what, struct client *client,
                const enum mix_kind *kinds, size_t count);

#endif
