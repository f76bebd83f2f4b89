/* limits: crowds, shortages and slow readers: no client is lost or starves, no server spins, and
 * memory stays bounded. */
#include "client.h"
#include "crowd.h"
#include "e2e.h"
#include "server_process.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

E2E_SUITE(limits);

static const char request[] = "GET /small.txt HTTP/1.1\r\nHost: example.org\r\n\r\n";

static void create_site(struct site *site)
{
    site_create(site);
    site_write_text(site, "index.html", "<!doctype html>\n");
    site_fill(site, "small.txt", 300, 1);
    site_fill(site, "medium.txt", KIB(20), 2);
    site_write_sparse(site, "huge.mp4", (off_t)1 << 30);
}

/* --- Crowds ----------------------------------------------------------------------------------- */

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

E2E_TEST(limits, five_thousand_connections_are_answered)
{
    enum { COUNT = 5000 };
    struct site site;
    const struct server *server;
    struct crowd crowd;

    if (!e2e_raise_files(COUNT + 100))
        e2e_skip("RLIMIT_NOFILE allows too few descriptors");
    create_site(&site);
    server = server_start(PIPELINED, &site, "--threads 1 --max-connections 5100");
    crowd_connect(&crowd, server, COUNT, "");
    server_expect_alive(server, "with 5000 silent connections");
    /* The kernel hands over silent connections after a second. */
    expect_descriptors(server, COUNT, deadline_after(30000));
    crowd_send(&crowd, request);
    crowd_read(&crowd, COUNT, deadline_after(30000));
    cr_expect(crowd.answered == COUNT, "%zu of %d were answered; %s", crowd.answered, COUNT,
              crowd_failure(&crowd));
    crowd_close(&crowd);
    server_expect_alive(server, "after 5000 connections");
}

E2E_TEST(limits, a_thousand_partial_heads_do_not_delay_others)
{
    enum { COUNT = 1000 };
    struct site site;
    const struct server *server;
    struct crowd crowd;

    if (!e2e_raise_files(COUNT + 100))
        e2e_skip("RLIMIT_NOFILE allows too few descriptors");
    create_site(&site);
    server = server_start(PIPELINED, &site, "--threads 1 --header-timeout 60s");
    crowd_connect(&crowd, server, COUNT, "GET /small.txt HTTP/1.1\r\nHost: exa");
    for (size_t i = 0; i < 20; i++)
        server_expect_alive(server, "with a thousand partial heads");
    crowd_send(&crowd, "mple.org\r\n\r\n");
    crowd_read(&crowd, COUNT, deadline_after(20000));
    cr_expect(crowd.answered == COUNT, "%zu of %d were answered; %s", crowd.answered, COUNT,
              crowd_failure(&crowd));
    crowd_close(&crowd);
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

E2E_TEST(limits, memory_of_a_wave_is_given_back)
{
    enum { COUNT = 1500, FILLER_BYTES = 6000, LEFT_BYTES_MAX = 4 << 20 };
    struct site site;
    const struct server *server;
    struct crowd crowd;
    size_t before, during;

    if (!e2e_raise_files(COUNT + 100))
        e2e_skip("RLIMIT_NOFILE allows too few descriptors");
    create_site(&site);
    server = server_start(PIPELINED, &site, "--threads 1 --header-timeout 60s");
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

E2E_TEST(limits, heads_longer_than_16_kib_are_served_while_their_storage_is_contended)
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
    if (!e2e_raise_files(COUNT + 100))
        e2e_skip("RLIMIT_NOFILE allows too few descriptors");
    create_site(&site);
    const struct server *server =
        server_start(PIPELINED, &site, "--threads 1 --header-timeout 60s --max-head 64K");
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

/* --- Shortages -------------------------------------------------------------------------------- */

/* COUNT clients send a request and the first bytes of another one, and stay; the server can serve
 * fewer at once. The others wait, without a spinning server, and are served as clients leave. */
static void expect_patience(const struct server *server, size_t count, size_t at_once_max)
{
    enum { WATCHED_MS = 500 };
    int64_t cpu_ms;
    struct crowd crowd;

    crowd_queue_up(&crowd, server, count, text_format("%sGET /", request));
    /* Later, half heads would be closed for those that wait. */
    crowd_read(&crowd, count, clock_ms() + (int64_t)e2e_scaled(500, 700));
    cr_expect(crowd.answered > 0 && crowd.answered <= at_once_max,
              "%zu of %zu were answered at once, not 1 to %zu", crowd.answered, count, at_once_max);

    cpu_ms = process_usage(&server->process).cpu_ms;
    let_pass(WATCHED_MS);
    cpu_ms = process_usage(&server->process).cpu_ms - cpu_ms;
    cr_expect(cpu_ms < WATCHED_MS * 3 / 10, "the server used %d ms of %d ms for waiting",
              (int)cpu_ms, WATCHED_MS);

    for (size_t before = count; crowd.answered < count && crowd.answered != before;) {
        before = crowd.answered;
        crowd_close_answered(&crowd);
        crowd_read(&crowd, before + 1, deadline_after(10000));
        crowd_read(&crowd, count, clock_ms() + 20);
    }
    cr_expect(crowd.answered == count, "%zu of %zu were answered in the end; %s", crowd.answered,
              count, crowd_failure(&crowd));
    crowd_close(&crowd);
    server_expect_alive(server, "after a shortage");
}

/* Sends a request, which must be answered on the open connection. */
static void expect_answer(struct client *client, const char *what)
{
    client_queue_text(client, request);
    client_flush_blindly(client);
    expect_status(client, what, false, 200, NULL);
    let_pass(20); /* the order in which connections became idle is visible then */
}

E2E_TEST(limits, the_longest_idle_connection_is_closed_for_a_new_one)
{
    enum { SLOTS = 4, NEW = 2 };
    struct site site;

    create_site(&site);
    for (enum server_kind kind = PERSISTENT; kind <= PIPELINED; kind++) {
        const struct server *server =
            server_start(kind, &site, "--threads 1 --max-connections 4 --idle-timeout 60s");
        struct client old[SLOTS], new[NEW];

        for (size_t i = 0; i < SLOTS; i++) {
            client_connect(&old[i], server);
            expect_answer(&old[i], "with a slot for each");
        }
        for (size_t i = 0; i < SLOTS; i++)
            expect_answer(&old[i], "again");
        expect_answer(&old[0], "the one that was idle longest");
        for (size_t i = 0; i < NEW; i++) {
            client_connect(&new[i], server);
            expect_answer(&new[i], "a new one");
            expect_end(&old[i + 1], "the one that was idle longest then");
        }
        expect_answer(&old[0], "one that was used lately");
        expect_answer(&old[SLOTS - 1], "one that was used lately");
        for (size_t i = 0; i < SLOTS; i++)
            client_close(&old[i]);
        for (size_t i = 0; i < NEW; i++)
            client_close(&new[i]);
    }
}

/* The kernel chooses a thread by the client's port, so the old clients are on any of them. */
E2E_TEST(limits, all_threads_share_the_connections)
{
    enum { SLOTS = 4, ROUNDS = 6 };
    struct site site;
    const struct server *server;

    create_site(&site);
    server = server_start(PIPELINED, &site, "--threads 2 --max-connections 4");
    for (size_t round = 0; round < ROUNDS; round++) {
        struct client old[SLOTS], new;

        for (size_t i = 0; i < SLOTS; i++) {
            client_connect(&old[i], server);
            expect_answer(&old[i], "with a slot for each");
        }
        for (size_t i = 0; i < SLOTS; i++)
            expect_answer(&old[i], "again");
        client_connect(&new, server);
        expect_answer(&new, "a new one");
        client_close(&new);
        for (size_t i = 0; i < SLOTS; i++)
            client_close(&old[i]);
    }
}

/* Waits until CLIENT is reset, without a byte. */
static bool is_refused(struct client *client)
{
    client_queue_text(client, request);
    client_flush_blindly(client);
    return client_read_response(client, false, NULL) == ANSWER_RESET;
}

static void connect_from(struct client *client, const struct server *server, const char *source)
{
    client_connect_with(client, &(struct client_setup){.port = server->port, .source = source});
}

E2E_TEST(limits, one_address_has_no_more_connections_than_its_limit)
{
    enum { LIMIT = 3 };
    struct site site;
    struct server *server;
    struct client clients[LIMIT], more, other;

    create_site(&site);
    server = server_start(PIPELINED, &site, "--threads 2 --max-connections-per-ip 3");
    for (size_t i = 0; i < LIMIT; i++) {
        connect_from(&clients[i], server, "127.0.0.2");
        expect_answer(&clients[i], "within the limit");
    }
    connect_from(&more, server, "127.0.0.2");
    cr_expect(is_refused(&more));
    client_close(&more);
    connect_from(&other, server, "127.0.0.3");
    expect_answer(&other, "another address");
    client_close(&other);
    expect_answer(&clients[0], "one that was there before");
    client_close(&clients[1]);
    server_await_sleep(server);
    connect_from(&more, server, "127.0.0.2");
    expect_answer(&more, "in the place of one that has left");
    client_close(&more);
    client_close(&clients[0]);
    client_close(&clients[2]);
    server_stop(server);
    cr_expect(strstr(bytes_text(&server->screen), "1 refused by --max-connections-per-ip"), "%s",
              bytes_text(&server->screen));
}

E2E_TEST(limits, waits_without_spinning_at_max_connections)
{
    struct site site;

    create_site(&site);
    for (enum server_kind kind = PERSISTENT; kind <= PIPELINED; kind++)
        expect_patience(server_start(kind, &site, "--threads 1 --max-connections 3"), 20, 3);
}

E2E_TEST(limits, waits_without_spinning_with_few_descriptors)
{
    struct site site;

    create_site(&site);
    expect_patience(server_start_with(&(struct server_setup){
                        .kind = PIPELINED,
                        .root = site.path,
                        .options = "--threads 1",
                        .files_max = 40,
                    }),
                    100, 40);
}

/* The limit falls while the server runs: accept4 fails with EMFILE. A multishot accept of io_uring
 * keeps the limit under which it was begun. */
E2E_TEST(limits, waits_without_spinning_when_descriptors_run_out)
{
    struct site site;
    const struct server *server;
    struct rlimit limit;

    create_site(&site);
    server = server_start(PIPELINED, &site, "--threads 1 --cache-valid 1h");
    expect_fetch(server, "the small file", request, 200, NULL);
    server_expect_alive(server, "before a shortage");
    cr_assert(prlimit(server->process.pid, RLIMIT_NOFILE, NULL, &limit) == 0);
    limit.rlim_cur = server_settled_descriptors(server) + 6;
    cr_assert(prlimit(server->process.pid, RLIMIT_NOFILE, &limit, NULL) == 0, "prlimit: %s",
              strerror(errno));
    expect_patience(server, 60, e2e_uses_uring() ? 60 : 8);
}

/* --- Requests --------------------------------------------------------------------------------- */

/* The same request each time: repeated answers count like the first one. */
E2E_TEST(limits, the_last_request_of_a_connection_closes_it)
{
    enum { MOST = 5 };
    struct site site;

    create_site(&site);
    for (enum server_kind kind = SIMPLE; kind <= PIPELINED; kind++) {
        size_t most = kind == SIMPLE ? 1 : MOST;
        const struct server *server = server_start(kind, &site, "--max-requests-per-connection 5");

        for (size_t round = 0; round < 3; round++) {
            struct client client;
            struct response response;

            client_connect(&client, server);
            for (size_t i = 0; i < most + 3; i++)
                client_queue_text(&client, request);
            for (size_t i = 1; i <= most; i++) {
                if (!expect_status(&client, "within the limit", false, 200, &response))
                    break;
                cr_expect_eq(response_field(&response, "Connection") != NULL, i == most, "%zu", i);
            }
            expect_end(&client, "after the last one");
            client_close(&client);
        }
    }
}

/* --- Fairness --------------------------------------------------------------------------------- */

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

E2E_TEST(limits, downloads_do_not_starve_small_requests)
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

/* --- Memory ----------------------------------------------------------------------------------- */

/* Clients that send request after request and read no answer. */
E2E_TEST(limits, clients_that_read_nothing_take_little_memory)
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
E2E_TEST(limits, stalled_readers_do_not_lock_others_out)
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
