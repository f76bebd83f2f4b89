/* signals: SIGHUP has changes take effect at once, unless the terminal has gone, which ends the
 * server; SIGUSR1 does not end it. SIGUSR2 is in upgrade.c. See core/server/signals.h. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

E2E_SUITE(signals);

enum { BIG_BYTES = 16 << 20, CALM_FETCHES = 20, SETTLED_MS = 3100 };

static const char *get(const char *target)
{
    return request_text("GET", target);
}

static void create_site(struct site *site)
{
    site_create(site);
    site_write_text(site, "index.html", "x");
}

/* --- Changes -------------------------------------------------------------------------------- */

/* What a response says: its status, one field and its body. */
static const char *said(const struct server *server, const char *target, const char *field)
{
    struct client client;
    struct response response;
    client_connect(&client, server);
    client_queue_text(&client, get(target));
    cr_assert_eq(client_read_response(&client, false, &response), ANSWER_WHOLE, "%s", target);
    const char *value = field ? response_field(&response, field) : NULL;
    const char *text = text_format("%d %s %.*s", response.status, value ? value : "-",
                                   (int)response.body.length, response.body.data);
    client_close(&client);
    return text;
}

/* Every worker says WANTED, soon. */
static void expect_said(const struct server *server, const char *target, const char *field,
                        const char *wanted)
{
    int64_t deadline = deadline_after(10000);
    const char *last = "";
    for (unsigned calm = 0; calm < CALM_FETCHES;) {
        last = said(server, target, field);
        if (strncmp(last, wanted, strlen(wanted)) == 0) {
            calm++;
            continue;
        }
        cr_assert(deadline_left_ms(deadline) > 0, "%s: \"%s\", not \"%s\"", target, last, wanted);
        calm = 0;
        poll(NULL, 0, 10);
    }
}

/* FIRST is said until a SIGHUP, though CHANGE is made before. */
struct change {
    const char *target;
    const char *field; /* NULL: none */
    const char *first;
    const char *then;
    void (*make)(const struct site *site);
};

static void change_file(const struct site *site)
{
    site_replace_text(site, "changed.txt", "new");
}

static void remove_file(const struct site *site)
{
    cr_assert_eq(unlink(site_path(site, "removed.txt")), 0);
}

static void add_file(const struct site *site)
{
    site_write_text(site, "added.txt", "here");
}

static void change_rules(const struct site *site)
{
    site_replace_text(site, "_headers", "/ruled.txt\n  X-Rule: new\n");
}

static void change_types(const struct site *site)
{
    site_replace_text(site, "my.types", "application/x-new typed\n");
}

static void switch_root(const struct site *site)
{
    site_write_text(site, "../second/release.txt", "second");
    site_replace_link(site, "../current", "second");
}

static const struct change changes[] = {
    {"/changed.txt", NULL, "200 - old", "200 - new", change_file},
    {"/removed.txt", NULL, "200 - there", "404", remove_file},
    {"/added.txt", NULL, "404", "200 - here", add_file},
    {"/ruled.txt", "X-Rule", "200 old", "200 new", change_rules},
    {"/name.typed", "Content-Type", "200 application/x-old", "200 application/x-new", change_types},
    /* last: everything is gone then */
    {"/release.txt", NULL, "200 - first", "200 - second", switch_root},
};

static void create_changing_site(struct site *site)
{
    create_site(site);
    site_write_text(site, "changed.txt", "old");
    site_write_text(site, "removed.txt", "there");
    site_write_text(site, "ruled.txt", "x");
    site_write_text(site, "name.typed", "x");
    site_write_text(site, "release.txt", "first");
    site_write_text(site, "_headers", "/ruled.txt\n  X-Rule: old\n");
    site_write_text(site, "my.types", "application/x-old typed\n");
    site_mkdir(site, "../second");
    site_link(site, "../current", site->path);
}

E2E_TEST(signals, hangup_makes_changes_take_effect_in_spite_of_the_cache)
{
    struct site site;
    create_changing_site(&site);
    const char *options =
        text_format("--cache-valid 1h --threads 1 --mime-types %s", site_path(&site, "my.types"));
    struct server *server = server_start_with(&(struct server_setup){
        .kind = PIPELINED, .root = site_path(&site, "../current"), .options = options});
    /* A file is recognised as unchanged when it is older than its time stamps are coarse. */
    poll(NULL, 0, SETTLED_MS);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        const struct change *change = &changes[i];
        expect_said(server, change->target, change->field, change->first);
        change->make(&site);
        expect_said(server, change->target, change->field, change->first);
        process_signal(&server->process, SIGHUP);
        expect_said(server, change->target, change->field, change->then);
    }
    server_stop(server);
}

/* What own/INDEX.txt says on CLIENT, which stays connected. */
static struct view ask_own(struct client *client, int index)
{
    struct response response = {0};
    client_queue_text(client, text_format("GET /own/%d.txt HTTP/1.1\r\nHost: x\r\n\r\n", index));
    cr_assert_eq(client_read_response(client, false, &response), ANSWER_WHOLE, "%d", index);
    return response.body;
}

static bool says(struct view body, const char *wanted)
{
    return body.length == strlen(wanted) && memcmp(body.data, wanted, body.length) == 0;
}

static void expect_own(struct client *client, int index, const char *wanted)
{
    struct view body = ask_own(client, index);
    cr_assert(says(body, wanted), "own/%d.txt: not %s", index, wanted);
}

static void await_own(struct client *client, int index, const char *wanted)
{
    int64_t deadline = deadline_after(5000);
    while (!says(ask_own(client, index), wanted)) {
        cr_assert(deadline_left_ms(deadline) > 0, "own/%d.txt: not %s", index, wanted);
        poll(NULL, 0, 10);
    }
}

/* A worker that learns of a change of a path has the others learn of it. So each connection here
 * has a file of its own, which only its worker has in its cache; there are enough of them for every
 * worker to have one. */
E2E_TEST(signals, hangup_reaches_every_worker)
{
    enum { COUNT = 40 };
    struct client clients[COUNT];
    struct site site;
    create_changing_site(&site);
    const struct server *server = server_start(PIPELINED, &site, "--cache-valid 1h --threads 4");
    for (int i = 0; i < COUNT; i++)
        site_write_text(&site, text_format("own/%d.txt", i), "old");
    let_pass(SETTLED_MS);
    for (int i = 0; i < COUNT; i++) {
        client_connect(&clients[i], server);
        expect_own(&clients[i], i, "old");
    }
    for (int i = 0; i < COUNT; i++)
        site_replace_text(&site, text_format("own/%d.txt", i), "new");
    for (int i = 0; i < COUNT; i++)
        expect_own(&clients[i], i, "old");
    process_signal(&server->process, SIGHUP);
    for (int i = 0; i < COUNT; i++) {
        await_own(&clients[i], i, "new");
        client_close(&clients[i]);
    }
}

E2E_TEST(signals, hangup_keeps_media_types_when_their_file_has_a_mistake)
{
    struct site site;
    create_changing_site(&site);
    struct server *server =
        server_start(PIPELINED, &site,
                     text_format("--cache-valid 1h --mime-types %s", site_path(&site, "my.types")));
    expect_said(server, "/name.typed", "Content-Type", "200 application/x-old");
    site_replace_text(&site, "my.types", "application/x-new typed\nwrong\n");
    change_file(&site);
    process_signal(&server->process, SIGHUP);
    expect_said(server, "/changed.txt", NULL, "200 - new");
    expect_said(server, "/name.typed", "Content-Type", "200 application/x-old");
    server_stop(server);
    const char *errors = process_errors(&server->process);
    cr_expect(strstr(errors, "my.types, line 2: media types stay as they were: not a media type"),
              "%s", errors);
}

/* --- Crashes -------------------------------------------------------------------------------- */

E2E_TEST(signals, crash_leaves_the_latest_events_of_every_worker)
{
    struct site site;
    create_site(&site);
    struct server *server = server_start(PIPELINED, &site, "--threads 2");
    if (server->instrumented)
        e2e_skip("the handler reads what other threads write, which is a race that it accepts");
    server_expect_alive(server, "before the signal");
    process_signal(&server->process, SIGABRT);
    cr_assert(process_wait(&server->process, deadline_after(10000)));
    const char *errors = process_errors(&server->process);
    cr_expect(WIFSIGNALED(server->process.status) && WTERMSIG(server->process.status) == SIGABRT,
              "%s", status_text(server->process.status));
    cr_expect(strstr(errors, "trace: the process ends by signal 6\n"), "%s", errors);
    const char *first = strstr(errors, "trace: thread ");
    cr_expect(first && strstr(first + 1, "trace: thread "), "%s", errors);
    cr_expect(strstr(errors, " ms ago, connection "), "%s", errors);
}

/* --- Requests in flight --------------------------------------------------------------------- */

/* Receives the first bytes of /big.mp4 and no more yet. */
static void begin_download(struct client *client, const struct server *server)
{
    client_connect_with(client, &(struct client_setup){.port = server->port,
                                                       .receive_buffer_bytes = KIB(64),
                                                       .read_bytes_max = KIB(64)});
    client_queue_text(client, get("/big.mp4"));
    client_receive(client, 1000, deadline_after(5000));
}

static void expect_download(struct client *client, const struct view *content)
{
    struct response response;
    if (expect_status(client, "a download", false, 200, &response))
        cr_expect(response.body.length == content->length &&
                      memcmp(response.body.data, content->data, content->length) == 0,
                  "not the bytes of the file");
    client_close(client);
}

E2E_TEST(signals, neither_ends_the_server_nor_harms_a_request_in_flight)
{
    static const int numbers[] = {SIGHUP, SIGUSR1};
    struct site site;
    create_site(&site);
    struct view content = site_fill(&site, "big.mp4", BIG_BYTES, 2);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        struct server *server = server_start(kind, &site, "--cache-valid 1h");
        struct client client;
        begin_download(&client, server);
        for (unsigned i = 0; i < 30; i++) {
            process_signal(&server->process, numbers[i % COUNT_OF(numbers)]);
            server_expect_alive(server, "after a signal");
        }
        expect_download(&client, &content);
        server_stop(server);
        const char *errors = process_errors(&server->process);
        cr_expect(strstr(errors, "SIGHUP: ") && strstr(errors, "SIGUSR1 has no effect"), "%s",
                  errors);
    }
}

E2E_TEST(signals, hangup_has_no_effect_in_a_drain_and_says_so)
{
    struct site site;
    struct client client;
    create_site(&site);
    struct view content = site_fill(&site, "big.mp4", BIG_BYTES, 2);
    struct server *server = server_start(PIPELINED, &site, "--drain-timeout 20s");
    begin_download(&client, server);
    process_signal(&server->process, SIGTERM);
    for (int64_t deadline = deadline_after(10000); !strstr(
             process_errors(&server->process), "SIGHUP has no effect while the server stops");) {
        process_signal(&server->process, SIGHUP);
        cr_assert(poll(NULL, 0, 5) == 0 && deadline_left_ms(deadline) > 0, "%s",
                  process_errors(&server->process));
    }
    expect_download(&client, &content);
    server_expect_end(server, 10000);
}

/* --- Terminals ------------------------------------------------------------------------------ */

/* Starts a server that leads a session on a new terminal; *RET_MASTER is the terminal's other
 * side. */
static struct server *start_on_terminal(const struct site *site, bool ignores_hangup,
                                        int *ret_master)
{
    int slave;
    cr_assert_eq(openpty(ret_master, &slave, NULL, NULL, NULL), 0, "%s", strerror(errno));
    struct server *server = server_start_with(&(struct server_setup){
        .kind = PIPELINED,
        .root = site->path,
        .options = "--cache-valid 1h --drain-timeout 20s",
        .terminal_fd = slave,
        .ignores_hangup = ignores_hangup,
    });
    close(slave);
    return server;
}

E2E_TEST(signals, end_the_server_with_a_drain_when_its_terminal_has_gone)
{
    struct site site;
    create_site(&site);
    struct view content = site_fill(&site, "big.mp4", BIG_BYTES, 2);
    struct client client;
    int master;
    struct server *server = start_on_terminal(&site, false, &master);
    begin_download(&client, server);
    close(master);
    expect_download(&client, &content);
    server_expect_end(server, 10000);
}

E2E_TEST(signals, of_an_operator_do_not_end_a_server_that_has_its_terminal)
{
    struct site site;
    create_changing_site(&site);
    int master;
    struct server *server = start_on_terminal(&site, false, &master);
    expect_said(server, "/changed.txt", NULL, "200 - old");
    change_file(&site);
    process_signal(&server->process, SIGHUP);
    expect_said(server, "/changed.txt", NULL, "200 - new");
    server_stop(server);
    close(master);
}

E2E_TEST(signals, of_a_lost_terminal_are_ignored_under_nohup)
{
    struct site site;
    create_changing_site(&site);
    int master;
    struct server *server = start_on_terminal(&site, true, &master);
    expect_said(server, "/changed.txt", NULL, "200 - old");
    change_file(&site);
    close(master); /* a SIGHUP that is not a hangup */
    expect_said(server, "/changed.txt", NULL, "200 - new");
    server_expect_alive(server, "without its terminal");
    change_rules(&site);
    process_signal(&server->process, SIGHUP);
    expect_said(server, "/ruled.txt", "X-Rule", "200 new");
    server_stop(server);
}
