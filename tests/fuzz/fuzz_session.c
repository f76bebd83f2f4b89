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

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* NOLINTNEXTLINE(readability-non-const-parameter) */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    driver_site_create();
    return 0;
}

/* The output for INPUT, given in pieces of up to PIECE_MAX bytes. Returns the number of
 * responses. */
static unsigned drive(struct str input, size_t piece_max, uint32_t ring_bytes, uint32_t ring_first,
                      struct prng *prng, struct text *ret_sent)
{
    struct driver *driver = driver_create(&limits, ring_bytes, ring_first, prng);
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
    unsigned answered = drive(input, SIZE_MAX, RING_BYTES_MAX, 0, NULL, &whole);
    check_shape(&whole, answered);
    h1_memos_init(&driver_memos, 1 << 20);

    static const size_t piece_maxima[] = {1, 40, 1000};
    for (size_t i = 0; i < COUNT_OF(piece_maxima); i++) {
        uint32_t ring_bytes = limits.head_bytes_max + (uint32_t)prng_below(&prng, 1000);
        uint32_t ring_first = (uint32_t)prng_below(&prng, limits.head_bytes_max);
        FUZZ_CHECK(drive(input, piece_maxima[i], ring_bytes, ring_first, i > 0 ? &prng : NULL,
                         &split) == answered);
        FUZZ_CHECK(str_equal(text_view(&whole), text_view(&split)));
    }
    return 0;
}
