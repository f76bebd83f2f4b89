/* limits: what happens at a limit, of connections, descriptors or requests: no client is lost, and
 * no server spins. */
#include "client.h"
#include "crowd.h"
#include "e2e.h"
#include "server_process.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

E2E_SUITE(limits);

static const char request[] = "GET /small.txt HTTP/1.1\r\nHost: example.org\r\n\r\n";

static void create_site(struct site *site)
{
    site_create(site);
    site_write_text(site, "index.html", "<!doctype html>\n");
    site_fill(site, "small.txt", 300, 1);
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
