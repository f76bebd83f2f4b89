/* pipelining: each server answers any number of requests in order and exactly (RFC 9112 section
 * 9.3.2), as its profile requires, in whatever pieces they arrive and however slowly the client
 * reads. */
#include "e2e.h"
#include "mix.h"

E2E_SUITE(pipelining);

enum { REQUESTS_MAX = 1000 };

struct pipelining_case {
    const char *label;
    size_t count;
    enum delivery delivery;
    unsigned large_percent;
    enum mix_kind special; /* the kind at special_index; MIX_SMALL: all are ordinary */
    size_t special_index;
    bool half_close;
    size_t receive_buffer_bytes;
    size_t read_bytes_max;
};

static const char *label_of(const struct pipelining_case *row, const struct server *server)
{
    return text_format("%s, %s", server->name, row->label);
}

static void run_case(const struct mix *mix, const struct pipelining_case *row)
{
    static enum mix_kind kinds[REQUESTS_MAX];
    const char *what = label_of(row, mix->server);
    struct client client;
    size_t answered;

    mix_choose(kinds, row->count, row->large_percent, row->count + (size_t)row->delivery);
    if (row->special != MIX_SMALL)
        kinds[row->special_index] = row->special;
    answered = mix_answered(mix, kinds, row->count);
    client_connect_with(&client,
                        &(struct client_setup){
                            .port = mix->server->port,
                            .receive_buffer_bytes = row->receive_buffer_bytes,
                            .segment_bytes = row->receive_buffer_bytes ? SMALL_SEGMENT_BYTES : 0,
                            .read_bytes_max = row->read_bytes_max,
                            .delivery = row->delivery,
                        });
    mix_queue(&client, kinds, row->count);
    if (row->half_close) {
        cr_expect(client_flush(&client), "%s: the requests were not taken", what);
        client_half_close(&client);
    }
    if (mix_expect(mix, what, &client, kinds, answered) &&
        (row->half_close || answered < row->count || mix->server->kind == SIMPLE))
        expect_end(&client, what);
    client_close(&client);
}

static void run_cases(enum server_kind kind, const struct pipelining_case *rows, size_t count)
{
    struct mix mix;

    mix_create(&mix);
    mix_learn(&mix, server_start(kind, &mix.site, "--threads 2"));
    for (size_t i = 0; i < count; i++)
        run_case(&mix, &rows[i]);
}

/* --- In order, whatever the number and the delivery ------------------------------------------- */

static const struct pipelining_case orderly[] = {
    {.label = "1 at once", .count = 1},
    {.label = "2 at once", .count = 2, .large_percent = 50},
    {.label = "16 at once", .count = 16, .large_percent = 20},
    {.label = "16 small at once", .count = 16},
    {.label = "65 at once, more than are kept in flight", .count = 65},
    {.label = "1000 at once", .count = 1000, .large_percent = 4},
    {.label = "1 in odd pieces", .count = 1, .delivery = DELIVERY_ODD_PIECES},
    {.label = "2 in odd pieces", .count = 2, .delivery = DELIVERY_ODD_PIECES, .large_percent = 50},
    {.label = "16 in odd pieces",
     .count = 16,
     .delivery = DELIVERY_ODD_PIECES,
     .large_percent = 20},
    {.label = "1000 in odd pieces",
     .count = 1000,
     .delivery = DELIVERY_ODD_PIECES,
     .large_percent = 2},
    {.label = "1 byte by byte", .count = 1, .delivery = DELIVERY_BYTES},
    {.label = "2 byte by byte", .count = 2, .delivery = DELIVERY_BYTES},
    {.label = "16 byte by byte", .count = 16, .delivery = DELIVERY_BYTES, .large_percent = 10},
};

E2E_TEST(pipelining, simple_answers_the_first_only)
{
    run_cases(SIMPLE, orderly, COUNT_OF(orderly));
}

E2E_TEST(pipelining, persistent_answers_all_in_order)
{
    run_cases(PERSISTENT, orderly, COUNT_OF(orderly));
}

E2E_TEST(pipelining, pipelined_answers_all_in_order)
{
    run_cases(PIPELINED, orderly, COUNT_OF(orderly));
}

/* --- What ends a sequence --------------------------------------------------------------------- */

static const struct pipelining_case ended[] = {
    {.label = "bad first", .count = 16, .special = MIX_BAD, .special_index = 0},
    {.label = "bad in the middle",
     .count = 16,
     .special = MIX_BAD,
     .special_index = 8,
     .large_percent = 20},
    {.label = "bad last", .count = 16, .special = MIX_BAD, .special_index = 15},
    {.label = "bad in the middle of 1000",
     .count = 1000,
     .special = MIX_BAD,
     .special_index = 500,
     .large_percent = 2},
    {.label = "bad in the middle, in odd pieces",
     .count = 16,
     .special = MIX_BAD,
     .special_index = 8,
     .delivery = DELIVERY_ODD_PIECES},
    {.label = "bad in the middle, half-closed",
     .count = 16,
     .special = MIX_BAD,
     .special_index = 8,
     .half_close = true},
    {.label = "close first", .count = 16, .special = MIX_CLOSE, .special_index = 0},
    {.label = "close in the middle",
     .count = 16,
     .special = MIX_CLOSE,
     .special_index = 8,
     .large_percent = 20},
    {.label = "close last", .count = 16, .special = MIX_CLOSE, .special_index = 15},
    {.label = "close in the middle of 1000",
     .count = 1000,
     .special = MIX_CLOSE,
     .special_index = 500,
     .large_percent = 2},
    {.label = "close in the middle, in odd pieces",
     .count = 16,
     .special = MIX_CLOSE,
     .special_index = 8,
     .delivery = DELIVERY_ODD_PIECES},
    {.label = "1, half-closed", .count = 1, .half_close = true},
    {.label = "2, half-closed", .count = 2, .half_close = true, .large_percent = 50},
    {.label = "16, half-closed", .count = 16, .half_close = true, .large_percent = 20},
    {.label = "16 in odd pieces, half-closed",
     .count = 16,
     .half_close = true,
     .delivery = DELIVERY_ODD_PIECES},
    {.label = "1000, half-closed", .count = 1000, .half_close = true, .large_percent = 2},
};

E2E_TEST(pipelining, simple_ends)
{
    run_cases(SIMPLE, ended, COUNT_OF(ended));
}

E2E_TEST(pipelining, persistent_ends)
{
    run_cases(PERSISTENT, ended, COUNT_OF(ended));
}

E2E_TEST(pipelining, pipelined_ends)
{
    run_cases(PIPELINED, ended, COUNT_OF(ended));
}

/* --- A reader that takes little --------------------------------------------------------------- */

static const struct pipelining_case slow[] = {
    {.label = "a large file, small window",
     .count = 4,
     .large_percent = 100,
     .receive_buffer_bytes = 4096},
    {.label = "16 large files, small window, half-closed",
     .count = 16,
     .large_percent = 100,
     .receive_buffer_bytes = 4096,
     .half_close = true},
    {.label = "16, small window", .count = 16, .large_percent = 20, .receive_buffer_bytes = 4096},
    {.label = "16, small window, small reads",
     .count = 16,
     .large_percent = 20,
     .receive_buffer_bytes = 4096,
     .read_bytes_max = 701},
    {.label = "300, small window",
     .count = 300,
     .large_percent = 2,
     .receive_buffer_bytes = 4096,
     .read_bytes_max = 1461},
    {.label = "300, small window, half-closed",
     .count = 300,
     .large_percent = 2,
     .receive_buffer_bytes = 4096,
     .half_close = true},
    {.label = "16, small window, close in the middle",
     .count = 16,
     .special = MIX_CLOSE,
     .special_index = 8,
     .large_percent = 20,
     .receive_buffer_bytes = 4096},
    {.label = "16, small window, bad in the middle",
     .count = 16,
     .special = MIX_BAD,
     .special_index = 8,
     .large_percent = 20,
     .receive_buffer_bytes = 4096},
};

E2E_TEST(pipelining, persistent_to_a_slow_reader)
{
    run_cases(PERSISTENT, slow, COUNT_OF(slow));
}

E2E_TEST(pipelining, pipelined_to_a_slow_reader)
{
    run_cases(PIPELINED, slow, COUNT_OF(slow));
}

E2E_TEST(pipelining, simple_to_a_slow_reader)
{
    run_cases(SIMPLE, slow, COUNT_OF(slow));
}
