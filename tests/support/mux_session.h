/* mux_session: a small protocol with streams, to prove that session.h and exchange.h are enough for
 * one.
 *
 * Frames of both directions: type (1 byte), stream (2, big-endian), payload length (2), payload.
 * A client sends MUX_REQUEST (payload: the path) and MUX_CANCEL. Each request is answered, in
 * any order, by MUX_HEAD (payload: the status in digits), MUX_DATA frames and MUX_END; frames of
 * different streams may alternate. A request is owned by its stream, as HPACK would require, and
 * waits for its own look-up. */
#ifndef SLUICE_TESTS_MUX_SESSION_H
#define SLUICE_TESTS_MUX_SESSION_H

#include "conn/conn.h"
#include "support/conn_rig.h"

enum mux_type {
    MUX_REQUEST = 'Q',
    MUX_CANCEL = 'X',
    MUX_HEAD = 'H',
    MUX_DATA = 'D',
    MUX_END = 'E',
};

enum {
    MUX_HEADER_BYTES = 5,
    MUX_DATA_MAX = 5000,  /* payload of a data frame */
    MUX_STREAMS_MAX = 16, /* under way on one connection: above, no more frames are read */
    MUX_CLIENT_STREAMS_MAX = 64,
};

extern const struct session mux_session;

/* Adds a frame to PILE. */
void mux_add(struct pile *pile, enum mux_type type, unsigned stream, struct str payload);

/* The answers that a client has understood, by stream, from 0. */
struct mux_client {
    struct {
        unsigned status;
        struct pile body;
        unsigned ended; /* 0: not yet; else its place among those that have ended */
        unsigned frames;
    } streams[MUX_CLIENT_STREAMS_MAX];
    unsigned ended;
    unsigned switches; /* how often a frame was of another stream than the one before */
};

/* Takes all whole frames off *BYTES. False if one makes no sense. */
bool mux_client_take(struct mux_client *client, struct str *bytes);
void mux_client_clear(struct mux_client *client);

#endif
