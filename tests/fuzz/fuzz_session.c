/* fuzz_session: the bytes that a client sends on one connection. Parser, session, plan and queue
 * must give the same output however the input is split, wherever it is in the ring, however little
 * is sent at a time, and with or without memos. The driver and its site are those of the unit
 * tests. */
#include "support/session_driver.h"

#include "fuzz.h"

enum { INPUT_BYTES_MAX = 8192 }; /* so that all responses fit into a text */

static const struct h1_limits limits = {
    .minor_max = 1,
    .keepalive = true,
    .inflight_max = 64,
    .head_bytes_max = 1024,
    .body_bytes_max = 64,
};

/* For inputs whose first head is made longer. */
enum { FILLER_BYTES = 60000 };
static const struct h1_limits long_limits = {
    .minor_max = 1,
    .keepalive = true,
    .inflight_max = 64,
    .head_bytes_max = H1_PARSE_BYTES_MAX,
    .body_bytes_max = 64,
};

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* NOLINTNEXTLINE(readability-non-const-parameter) */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    driver_site_create();
    return 0;
}

/* How the input of a drive is given: in pieces of up to PIECE_MAX bytes, to a ring. */
struct delivery {
    const struct h1_limits *limits;
    size_t piece_max;
    uint32_t ring_bytes, ring_first;
};

/* The output for INPUT. Returns the number of responses. */
static unsigned drive(struct str input, const struct delivery *delivery, struct prng *prng,
                      struct text *ret_sent)
{
    const size_t piece_max = delivery->piece_max;
    struct driver *driver =
        driver_create(delivery->limits, delivery->ring_bytes, delivery->ring_first, prng);
    struct prng sizes = fuzz_prng(input);
    while (input.length > 0) {
        struct str piece =
            str_first(input, piece_max < SIZE_MAX ? 1 + prng_below(&sizes, piece_max) : piece_max);
        driver_receive(driver, piece);
        input = str_from(input, piece.length);
    }
    driver_finish(driver);
    ret_sent->length = 0;
    text_add(ret_sent, text_view(&driver->sent));
    driver_destroy(driver);
    return driver->answered;
}

/* The output begins with a response, if there is any. */
static void check_shape(const struct text *sent, unsigned answered)
{
    struct str view = text_view(sent);
    FUZZ_CHECK((view.length == 0) == (answered == 0));
    FUZZ_CHECK(view.length == 0 || str_starts_with(view, STR("HTTP/1.")));
    FUZZ_CHECK(view.length == 0 || memmem(view.at, view.length, "\r\n\r\n", 4) != NULL);
}

/* INPUT with a long field after its first line: its head may be as long as any can be. */
static struct str lengthen(struct str input)
{
    static char text[INPUT_BYTES_MAX + FILLER_BYTES + 8];
    size_t line = size_min(str_find(input, '\n') + 1, input.length);
    char *at = str_put(text, str_first(input, line));
    at = str_put(at, STR("x:"));
    memset(at, 'y', FILLER_BYTES);
    at = str_put(at + FILLER_BYTES, STR("\r\n"));
    at = str_put(at, str_from(input, line));
    return (struct str){text, (size_t)(at - text)};
}

static void check_long_head(struct str input, struct prng *prng)
{
    static struct text whole, split;
    const struct delivery at_once = {&long_limits, SIZE_MAX, RING_BYTES_MAX, 0};
    struct delivery delivery = {&long_limits, 9000, RING_BYTES_MAX, 0};
    delivery.ring_first = (uint32_t)prng_below(prng, RING_BYTES_MAX);
    input = lengthen(input);
    unsigned answered = drive(input, &at_once, NULL, &whole);
    check_shape(&whole, answered);
    FUZZ_CHECK(drive(input, &delivery, prng, &split) == answered);
    FUZZ_CHECK(str_equal(text_view(&whole), text_view(&split)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct text whole, split;
    struct str input = fuzz_input(data, size);
    struct prng prng = fuzz_prng(input);
    if (size > INPUT_BYTES_MAX)
        return 0;
    /* First without memos, then with memos for repeated requests. */
    h1_memos_fini(&driver_memos);
    h1_memos_init(&driver_memos, 0);
    const struct delivery at_once = {&limits, SIZE_MAX, RING_BYTES_MAX, 0};
    unsigned answered = drive(input, &at_once, NULL, &whole);
    check_shape(&whole, answered);
    h1_memos_init(&driver_memos, 1 << 20);

    static const size_t piece_maxima[] = {1, 40, 1000};
    for (size_t i = 0; i < COUNT_OF(piece_maxima); i++) {
        const struct delivery delivery = {
            .limits = &limits,
            .piece_max = piece_maxima[i],
            .ring_bytes = limits.head_bytes_max + (uint32_t)prng_below(&prng, 1000),
            .ring_first = (uint32_t)prng_below(&prng, limits.head_bytes_max),
        };
        FUZZ_CHECK(drive(input, &delivery, i > 0 ? &prng : NULL, &split) == answered);
        FUZZ_CHECK(str_equal(text_view(&whole), text_view(&split)));
    }
    if (size % 8 == 0) /* the others are enough of a load */
        check_long_head(input, &prng);
    return 0;
}
