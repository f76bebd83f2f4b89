/* many_connections: thousands of connections at once are answered and delay no others, and the
 * memory that they took is given back. */
#include "client.h"
#include "crowd.h"
#include "e2e.h"
#include "server_process.h"

#include <poll.h>

E2E_SUITE(many_connections);

static const char request[] = "GET /small.txt HTTP/1.1\r\nHost: example.org\r\n\r\n";

static void create_site(struct site *site)
{
    site_create(site);
    site_write_text(site, "index.html", "<!doctype html>\n");
    site_fill(site, "small.txt", 300, 1);
}

/* A server for COUNT connections, with OPTIONS; skips the test where they are too many. */
static const struct server *start_for(struct site *site, size_t count, const char *options)
{
    if (!e2e_raise_files(count + 100))
        e2e_skip("RLIMIT_NOFILE allows too few descriptors");
    create_site(site);
    return server_start(PIPELINED, site, options);
}

static void expect_all_answered(struct crowd *crowd, size_t count, int64_t deadline)
{
    crowd_read(crowd, count, deadline);
    cr_expect(crowd->answered == count, "%zu of %zu were answered; %s", crowd->answered, count,
              crowd_failure(crowd));
    crowd_close(crowd);
}

/* Waits until more than COUNT descriptors are open. */
static void expect_descriptors(const struct server *server, size_t count, int64_t deadline)
{
    size_t open = 0;
    while (open <= count && clock_ms() < deadline) {
        let_pass(20);
        open = process_usage(&server->process).descriptors;
    }
    cr_expect(open > count, "the server has only %zu descriptors open", open);
}

E2E_TEST(many_connections, five_thousand_connections_are_answered)
{
    enum { COUNT = 5000 };
    struct site site;
    struct crowd crowd;
    const struct server *server = start_for(&site, COUNT, "--threads 1 --max-connections 5100");
    crowd_connect(&crowd, server, COUNT, "");
    server_expect_alive(server, "with 5000 silent connections");
    /* The kernel hands over silent connections after a second. */
    expect_descriptors(server, COUNT, deadline_after(30000));
    crowd_send(&crowd, request);
    expect_all_answered(&crowd, COUNT, deadline_after(30000));
    server_expect_alive(server, "after 5000 connections");
}

E2E_TEST(many_connections, a_thousand_partial_heads_do_not_delay_others)
{
    enum { COUNT = 1000 };
    struct site site;
    struct crowd crowd;
    const struct server *server = start_for(&site, COUNT, "--threads 1 --header-timeout 60s");
    crowd_connect(&crowd, server, COUNT, "GET /small.txt HTTP/1.1\r\nHost: exa");
    for (size_t i = 0; i < 20; i++)
        server_expect_alive(server, "with a thousand partial heads");
    crowd_send(&crowd, "mple.org\r\n\r\n");
    expect_all_answered(&crowd, COUNT, deadline_after(20000));
}

/* Waits until the resident memory of SERVER is at most BYTES_MAX. Whether it is in time. */
static bool memory_falls_to(const struct server *server, size_t bytes_max)
{
    int64_t deadline = deadline_after(10000);

    while (process_usage(&server->process).resident_bytes > bytes_max) {
        if (deadline_left_ms(deadline) == 0)
            return false;
        poll(NULL, 0, 50);
    }
    return true;
}

E2E_TEST(many_connections, memory_of_a_wave_is_given_back)
{
    enum { COUNT = 1500, FILLER_BYTES = 6000, LEFT_BYTES_MAX = 4 << 20 };
    struct site site;
    struct crowd crowd;
    size_t before, during;
    const struct server *server = start_for(&site, COUNT, "--threads 1 --header-timeout 60s");
    if (server->instrumented)
        e2e_skip("a sanitizer keeps freed memory");
    server_expect_alive(server, "before the wave");
    before = process_usage(&server->process).resident_bytes;
    crowd_connect(
        &crowd, server, COUNT,
        text_format("GET /small.txt HTTP/1.1\r\nHost: x\r\nX-Filler: %0*d", FILLER_BYTES, 0));
    server_expect_alive(server, "besides the wave");
    server_await_sleep(server);
    during = process_usage(&server->process).resident_bytes;
    cr_expect(during > before + 2 * LEFT_BYTES_MAX, "the wave took only %zu bytes",
              during - before);
    crowd_close(&crowd);
    cr_expect(memory_falls_to(server, before + LEFT_BYTES_MAX),
              "%zu bytes more than before are left",
              process_usage(&server->process).resident_bytes - before);
    server_expect_alive(server, "after the wave");
}

E2E_TEST(many_connections, heads_longer_than_16_kib_are_served_while_their_storage_is_contended)
{
    /* Each holds 64 KiB, of which a thread lends 64 MiB. */
    enum {
        COUNT = 1100,
        FILLER_BYTES = 20000,
        GROWTH_BYTES_MAX = (64 + 24) << 20,
        LEFT_BYTES_MAX = 4 << 20
    };
    struct site site;
    struct crowd crowd;
    const struct server *server =
        start_for(&site, COUNT, "--threads 1 --header-timeout 60s --max-head 64K");
    const char *whole = text_format(
        "GET /small.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: %060000d\r\n\r\n", 1);
    expect_fetch(server, "before", whole, 200, NULL);
    size_t before = process_usage(&server->process).resident_bytes;
    crowd_connect(
        &crowd, server, COUNT,
        text_format("GET /small.txt HTTP/1.1\r\nHost: x\r\nX-Filler: %0*d", FILLER_BYTES, 0));
    for (unsigned i = 0; i < 5; i++)
        expect_fetch(server, "besides a thousand long heads", whole, 200, NULL);
    server_expect_alive(server, "besides a thousand long heads");
    server_await_sleep(server);
    size_t grown = process_usage(&server->process).resident_bytes - before;
    cr_expect(server->instrumented || grown <= GROWTH_BYTES_MAX, "%zu bytes more", grown);
    crowd_close(&crowd);
    expect_fetch(server, "after", whole, 200, NULL);
    cr_expect(server->instrumented || memory_falls_to(server, before + LEFT_BYTES_MAX),
              "%zu bytes more than before are left",
              process_usage(&server->process).resident_bytes - before);
}
