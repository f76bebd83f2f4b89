/* fairness: downloads, and clients that read nothing, neither delay others nor take much memory. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

E2E_SUITE(fairness);

static const char request[] = "GET /small.txt HTTP/1.1\r\nHost: example.org\r\n\r\n";

static void create_site(struct site *site)
{
    site_create(site);
    site_write_text(site, "index.html", "<!doctype html>\n");
    site_fill(site, "small.txt", 300, 1);
    site_fill(site, "medium.txt", KIB(20), 2);
    site_write_sparse(site, "huge.mp4", (off_t)1 << 30);
}

/* --- Downloads -------------------------------------------------------------------------------- */

enum { DOWNLOADS = 4 };

struct downloads {
    struct client clients[DOWNLOADS];
    _Atomic uint64_t bytes;
    atomic_bool stop;
    pthread_t thread;
};

static void *take_downloads(void *argument)
{
    static char sink[1 << 18];
    struct downloads *downloads = argument;

    while (!atomic_load(&downloads->stop)) {
        struct pollfd ready[DOWNLOADS];

        for (size_t i = 0; i < DOWNLOADS; i++)
            ready[i] = (struct pollfd){.fd = downloads->clients[i].fd, .events = POLLIN};
        poll(ready, DOWNLOADS, 20);
        for (size_t i = 0; i < DOWNLOADS; i++) {
            ssize_t count = client_try_receive(&downloads->clients[i], sink, sizeof(sink));

            if (count > 0)
                atomic_fetch_add(&downloads->bytes, (uint64_t)count);
        }
    }
    return NULL;
}

static void begin_downloads(struct downloads *downloads, const struct server *server)
{
    for (size_t i = 0; i < DOWNLOADS; i++) {
        client_connect(&downloads->clients[i], server);
        client_queue_text(&downloads->clients[i], request_text("GET", "/huge.mp4"));
        cr_assert(client_flush_blindly(&downloads->clients[i]));
    }
}

static void end_downloads(struct downloads *downloads)
{
    for (size_t i = 0; i < DOWNLOADS; i++)
        client_close(&downloads->clients[i]);
}

/* Requests a small file 60 times. Returns the longest wait in milliseconds. */
static int64_t longest_wait(const struct server *server, const char *what)
{
    int64_t longest = 0;

    for (size_t i = 0; i < 60; i++) {
        int64_t since = clock_ms();

        expect_fetch(server, what, request, 200, NULL);
        if (clock_ms() - since > longest)
            longest = clock_ms() - since;
        let_pass(5);
    }
    return longest;
}

E2E_TEST(fairness, downloads_do_not_starve_small_requests)
{
    struct site site;
    const struct server *server;
    static struct downloads downloads;
    int64_t longest;
    int64_t allowed_ms;
    size_t resident;
    uint64_t bytes;

    create_site(&site);
    server = server_start(PIPELINED, &site, "--threads 1");
    expect_fetch(server, "the small file", request, 200, NULL);
    resident = process_usage(&server->process).resident_bytes;
    allowed_ms = (int64_t)e2e_scaled(500, 3000);

    begin_downloads(&downloads, server);
    longest = longest_wait(server, "besides downloads that nobody takes");
    cr_expect(longest <= allowed_ms, "a small file took %d ms besides stuck downloads",
              (int)longest);

    cr_assert(pthread_create(&downloads.thread, NULL, take_downloads, &downloads) == 0);
    longest = longest_wait(server, "besides downloads");
    bytes = atomic_load(&downloads.bytes);
    atomic_store(&downloads.stop, true);
    pthread_join(downloads.thread, NULL);
    cr_expect(longest <= allowed_ms, "a small file took %d ms besides downloads", (int)longest);
    cr_expect(bytes > MIB(10), "the downloads got %llu bytes only", (unsigned long long)bytes);
    if (!server->instrumented) {
        resident = process_usage(&server->process).resident_bytes - resident;
        cr_expect(resident < MIB(16), "the server grew by %zu bytes", resident);
    }
    end_downloads(&downloads);
}

/* --- Clients that read nothing ----------------------------------------------------------------- */

/* Clients that send request after request and read no answer. */
E2E_TEST(fairness, clients_that_read_nothing_take_little_memory)
{
    enum { COUNT = 200, REQUESTS = 2000 };
    static const char greedy[] = "GET /medium.txt HTTP/1.1\r\nHost: example.org\r\n\r\n";
    struct site site;
    const struct server *server;
    struct bytes requests = {0};
    struct client clients[COUNT];
    size_t resident;

    create_site(&site);
    server = server_start(PIPELINED, &site, "--threads 1");
    server_expect_alive(server, "before greedy clients");
    resident = process_usage(&server->process).resident_bytes;
    for (size_t i = 0; i < REQUESTS; i++)
        bytes_append_text(&requests, greedy);
    for (size_t i = 0; i < COUNT; i++) {
        client_connect_with(&clients[i], &(struct client_setup){.port = server->port,
                                                                .receive_buffer_bytes = 4096});
        client_try_send(&clients[i], requests.data, requests.length);
    }
    for (size_t i = 0; i < 50; i++)
        server_expect_alive(server, "besides greedy clients");
    if (!server->instrumented) {
        resident = process_usage(&server->process).resident_bytes - resident;
        cr_expect(resident < MIB(24), "the server grew by %zu bytes for %d clients", resident,
                  COUNT);
    }
    for (size_t i = 0; i < COUNT; i++)
        client_close(&clients[i]);
    server_expect_alive(server, "after greedy clients");
}

/* 60 KB for each of more requests than fit into a buffer: however much the server keeps for such
 * clients, it has memory left for the others, which do not wait. */
E2E_TEST(fairness, stalled_readers_do_not_lock_others_out)
{
    enum { COUNT = 300, REQUESTS = 130 };
    static const char greedy[] = "GET /sixty.jpg HTTP/1.1\r\nHost: example.org\r\n\r\n";
    struct site site;
    const struct server *server;
    struct bytes requests = {0};
    static struct client clients[COUNT];
    struct view content;
    int64_t longest;

    if (!e2e_raise_files(COUNT + 100))
        e2e_skip("RLIMIT_NOFILE allows too few descriptors");
    create_site(&site);
    content = site_fill(&site, "sixty.jpg", 60000, 3);
    server = server_start(PIPELINED, &site, "--threads 1");
    for (size_t i = 0; i < REQUESTS; i++)
        bytes_append_text(&requests, greedy);
    for (size_t i = 0; i < COUNT; i++) {
        client_connect_with(&clients[i], &(struct client_setup){.port = server->port,
                                                                .receive_buffer_bytes = KIB(16)});
        client_queue(&clients[i], requests.data, requests.length);
        cr_expect(client_flush_blindly(&clients[i]), "client %zu could not send", i);
    }
    longest = longest_wait(server, "besides stalled readers");
    cr_expect(longest <= (int64_t)e2e_scaled(500, 3000), "a small file took %d ms", (int)longest);
    for (size_t i = 0; i < 20; i++) {
        struct response response;

        if (expect_fetch(server, "their file", request_text("GET", "/sixty.jpg"), 200, &response))
            cr_expect(response.body.length == content.length &&
                          memcmp(response.body.data, content.data, content.length) == 0,
                      "other bytes");
    }
    for (size_t i = 0; i < COUNT; i++)
        client_close(&clients[i]);
    server_expect_alive(server, "after stalled readers");
}
