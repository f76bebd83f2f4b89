/* loop: another session, with streams (mux_session), on each engine. */
#include "support/seams_rig.h"

TestSuite(seams_epoll, .init = set_up_epoll, .fini = tear_down, .timeout = 120);
TestSuite(seams_uring, .init = set_up_uring, .fini = tear_down, .timeout = 120);

/* --- Streams ---------------------------------------------------------------------------------- */

static const struct {
    const char *path;
    unsigned status;
    size_t bytes;
    uint64_t seed;
} resources[] = {
    {"/tiny.txt", 200, 100, 1},
    {"/medium.bin", 200, RIG_MEDIUM_BYTES, 4},
    {"/small.txt", 200, RIG_SMALL_BYTES, 2},
};

/* Requests of 30 streams, of which every fifth is cancelled at once. */
static void add_streams(struct pile *frames)
{
    for (unsigned i = 0; i < 30; i++) {
        mux_add(frames, MUX_REQUEST, i, str_of(resources[i % COUNT_OF(resources)].path));
        if (i % 5 == 4)
            mux_add(frames, MUX_CANCEL, i, STR(""));
    }
}

static void expect_streams(struct str reply)
{
    static struct mux_client client;
    cr_assert(mux_client_take(&client, &reply));
    cr_expect_eq(reply.length, 0, "a frame is cut");
    for (unsigned i = 0; i < 30; i++) {
        unsigned which = i % COUNT_OF(resources);
        if (i % 5 == 4)
            continue; /* it may have been answered before it was cancelled */
        cr_expect(client.streams[i].ended, "stream %u", i);
        cr_expect_eq(client.streams[i].status, resources[which].status, "stream %u", i);
        cr_expect(tree_filled(pile_view(&client.streams[i].body), resources[which].bytes,
                              resources[which].seed),
                  "stream %u", i);
    }
    mux_client_clear(&client);
}

static void serve_streams(void (*talk)(struct str request, struct prng *prng, struct pile *ret))
{
    struct prng prng = {5};
    rig_make_cold(true);
    for (unsigned i = 0; i < 4; i++) {
        struct pile frames = {0}, reply = {0};
        add_streams(&frames);
        talk(pile_view(&frames), &prng, &reply);
        expect_streams(pile_view(&reply));
        pile_clear(&frames);
        pile_clear(&reply);
    }
    rig_make_cold(false);
}

SEAMS_TEST(seams, serves_streams_that_wait_each_for_its_own_file)
{
    start(SESSION_MUX, TRANSPORT_PLAIN);
    serve_streams(talk_plain);
}

/* Its job has begun when it is cancelled, as both frames are taken in one turn, and ends later. */
SEAMS_TEST(seams, gives_no_frame_to_a_stream_that_was_cancelled_while_its_job_ran)
{
    static struct mux_client client;
    struct pile frames = {0};
    char bytes[5000];
    rig_make_cold(true);
    start(SESSION_MUX, TRANSPORT_PLAIN);
    int fd = wire_connect(port);
    mux_add(&frames, MUX_REQUEST, 0, STR("/tiny.txt"));
    mux_add(&frames, MUX_CANCEL, 0, STR(""));
    mux_add(&frames, MUX_REQUEST, 1, STR("/small.txt"));
    cr_assert(wire_send(fd, pile_view(&frames)));
    shutdown(fd, SHUT_WR);
    ssize_t length = wire_read_all(fd, bytes, sizeof bytes);
    struct str reply = {bytes, length > 0 ? (size_t)length : 0};
    cr_assert(mux_client_take(&client, &reply));
    cr_expect_eq(client.streams[0].frames, 0, "the cancelled stream");
    cr_expect_eq(client.streams[1].status, 200);
    mux_client_clear(&client);
    pile_clear(&frames);
    close(fd);
}

SEAMS_TEST(seams, serves_streams_over_records)
{
    start(SESSION_MUX, TRANSPORT_XOR);
    serve_streams(talk_xor);
    stop();
    cr_expect_eq(xor_counts().handshakes, 4);
}
