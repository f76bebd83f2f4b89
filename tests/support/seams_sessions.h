/* seams_sessions: whole sessions of HTTP/1.1, pipelined, over a transport of seams_rig.h, which
 * must not change a byte of them. */
#ifndef SLUICE_TESTS_SEAMS_SESSIONS_H
#define SLUICE_TESTS_SEAMS_SESSIONS_H

#include "support/seams_rig.h"

#define HOST            "Host: a\r\n"
#define GET(path, more) "GET " path " HTTP/1.1\r\n" HOST more "\r\n"

static const struct str session_requests[] = {
    STR_INIT(GET("/tiny.txt", "")),
    STR_INIT(GET("/small.txt", "")),
    STR_INIT(GET("/medium.bin", "")),
    STR_INIT("HEAD /medium.bin HTTP/1.1\r\n" HOST "\r\n"),
    STR_INIT("GET /tiny.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
    STR_INIT(GET("/none", "")),
    STR_INIT(GET("/medium.bin", "Range: bytes=1000-199999\r\n")),
    STR_INIT(GET("/small.txt", "Range: bytes=0-9, 100-109\r\n")),
    STR_INIT(GET("/small.txt", "If-None-Match: *\r\n")),
    STR_INIT("POST /tiny.txt HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"),
    STR_INIT("POST /tiny.txt HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
             "1\r\nG\r\n0\r\n\r\n"),
    STR_INIT("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"),
};

static const struct str session_last_requests[] = {
    STR_INIT(GET("/small.txt", "Connection: close\r\n")),
    STR_INIT("GET /medium.bin HTTP/1.0\r\n\r\n"),
    STR_INIT("GET /tiny.txt HTTP/1.1\r\n\r\n"),
    STR_INIT("GET /tiny.txt\r\n\r\n"),
};

static inline void add_one(struct pile *pile, const struct str *from, size_t count,
                           struct prng *prng)
{
    struct str picked = from[prng_below(prng, count)];
    pile_add(pile, picked.at, picked.length);
}

enum { SESSIONS = 40 };

/* Session INDEX, the same in each call. */
static inline void add_session(struct pile *pile, unsigned index)
{
    struct prng prng = {index};
    unsigned count = (unsigned)prng_below(&prng, 20);
    for (unsigned i = 0; i < count; i++)
        add_one(pile, session_requests, COUNT_OF(session_requests), &prng);
    add_one(pile, session_last_requests, COUNT_OF(session_last_requests), &prng);
}

/* Expects that TALK, over TRANSPORT, gets the replies that it would get without it. TALK is as
 * talk_plain. */
static inline void expect_sessions_unchanged(uint8_t transport,
                                             void (*talk)(struct str request, struct prng *prng,
                                                          struct pile *ret))
{
    static struct pile expected[SESSIONS];
    struct prng prng = {9};
    start(SESSION_HTTP_1, TRANSPORT_PLAIN);
    for (unsigned i = 0; i < SESSIONS; i++) {
        struct pile session = {0};
        add_session(&session, i);
        talk_plain(pile_view(&session), &prng, &expected[i]);
        blank_dates(&expected[i]);
        pile_clear(&session);
    }
    loop->listeners.items[0].transport_index = transport & (TRANSPORTS_MAX - 1);
    for (unsigned i = 0; i < SESSIONS; i++) {
        struct pile session = {0}, reply = {0};
        add_session(&session, i);
        talk(pile_view(&session), &prng, &reply);
        blank_dates(&reply);
        cr_expect_gt(reply.length, 0);
        cr_expect(str_equal(pile_view(&reply), pile_view(&expected[i])), "session %u", i);
        pile_clear(&session);
        pile_clear(&reply);
        pile_clear(&expected[i]);
    }
}

/* Expects that TALK, over TRANSPORT, gets all answers to more input than the session takes while
 * its output waits. */
static inline void expect_waiting_requests_answered(
    uint8_t transport, void (*talk)(struct str request, struct prng *prng, struct pile *ret))
{
    enum { LARGE = 60, SMALL = 1500 }; /* 18 MB, more than a client's socket takes unread */
    struct prng prng = {11};
    struct pile session = {0}, reply = {0};
    for (unsigned i = 0; i < LARGE; i++)
        pile_add(&session, session_requests[2].at, session_requests[2].length);
    for (unsigned i = 0; i < SMALL; i++)
        pile_add(&session, session_requests[0].at, session_requests[0].length);
    pile_add(&session, session_last_requests[0].at, session_last_requests[0].length);
    start(SESSION_HTTP_1, transport);
    talk(pile_view(&session), &prng, &reply);
    struct str stream = pile_view(&reply);
    struct answer answer;
    unsigned answers = 0;
    while (answer_next(&stream, false, &answer))
        answers += answer.status == 200;
    cr_expect_eq(stream.length, 0);
    cr_expect_eq(answers, LARGE + SMALL + 1);
    pile_clear(&session);
    pile_clear(&reply);
}

#endif
