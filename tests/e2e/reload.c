/* reload: SIGHUP has the configuration take effect as it is now, as a whole or not at all, and no
 * request fails meanwhile. See docs/decisions/reload.md. */
#include "e2e.h"
#include "reloading.h"
#include "server_process.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

E2E_SUITE(reload);

enum { BIG_BYTES = RELOADING_BIG_BYTES };

/* --- Changes ------------------------------------------------------------------------------------ */

static const struct change {
    const char *text; /* of the configuration, after ONE TWO */
    const char *host;
    const char *target;
    const char *field;
    const char *first;
    const char *then;
} changes[] = {
    {"[site one.example]\nroot = root/three\n" TWO, "one.example", "/file.txt", NULL, "200 - one",
     "200 - three"},
    {ONE "header = /*: X-Rule: new\n" TWO, "one.example", "/file.txt", "X-Rule", "200 - one",
     "200 new one"},
    {ONE "redirect = /file.txt /sub/file.txt 302\n" TWO, "one.example", "/file.txt", "Location",
     "200 - one", "302 /sub/file.txt"},
    {"[site one.example www.one.example]\nroot = root/one\ncanonical = www.one.example\n" TWO,
     "one.example", "/file.txt", NULL, "200", "308"},
    {ONE "cors = yes\n" TWO, "one.example", "/file.txt", "Access-Control-Allow-Origin", "200 - one",
     "200 * one"},
    {ONE "cache-control = max-age=5\n" TWO, "one.example", "/file.txt", "Cache-Control",
     "200 no-cache one", "200 max-age=5 one"},
    {ONE "listing = yes\n" TWO, "one.example", "/sub/", NULL, "404", "200"},
    {ONE "index = file.txt\n" TWO, "one.example", "/sub/", NULL, "404", "200 - one"},
    {ONE "spa = file.txt\n" TWO, "one.example", "/none", NULL, "404", "200 - one"},
    {ONE TWO "[site three.example]\nroot = root/three\n", "three.example", "/file.txt", NULL, "421",
     "200 - three"},
    {ONE, "unknown.example", "/file.txt", NULL, "421", "200 - one"}, /* it is the only one */
    {TWO "[site *]\nroot = root/three\n", "one.example", "/file.txt", NULL, "200 - one",
     "200 - three"},
    {"[site two.example]\nroot = root/one\n[site one.example]\nroot = root/two\n", "one.example",
     "/file.txt", NULL, "200 - one", "200 - two"},
    {"max-head = 512\n" ONE TWO, "one.example",
     "/file.txt?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     NULL, "200 - one", "414"},
};

/* --cache-valid is a day, so what is said follows from the reload alone. */
E2E_TEST(reload, each_kind_of_change_takes_effect_and_can_be_taken_back)
{
    struct site site;
    const char *first = "cache-valid = 24h\n" ONE TWO;
    fill_sites(&site);
    struct server *server = start(&site, first);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        const struct change *change = &changes[i];
        expect_said(server, change->host, change->target, change->field, change->first);
        reload_to(server, &site, text_format("cache-valid = 24h\n%s", change->text));
        expect_said(server, change->host, change->target, change->field, change->then);
        reload_to(server, &site, first);
        expect_said(server, change->host, change->target, change->field, change->first);
    }
    server_stop(server);
}

E2E_TEST(reload, reports_which_sites_have_changed_and_whether_the_file_has)
{
    struct site site;
    fill_sites(&site);
    struct server *server = start(&site, ONE TWO);
    expect_message(reload(server), "2 sites; the file is the same as before\n");
    expect_message(reload_to(server, &site, ONE TWO "# a comment\n"), "s.conf: 2 sites\n");
    expect_message(reload_to(server, &site, TWO ONE "cors = yes\n"), ": 2 sites, 1 changed\n");
    expect_message(reload_to(server, &site, TWO "[site three.example]\nroot = root/three\n"),
                   ": 2 sites, 1 new, 1 removed\n");
    expect_message(reload_to(server, &site, TWO), ": 1 site, 1 removed\n");
}

E2E_TEST(reload, names_what_cannot_change_while_it_runs)
{
    struct site site;
    fill_sites(&site);
    struct server *server = start(&site, ONE "\n");
    const char *messages =
        reload_to(server, &site, "threads = 3\nuser = root\nidle-timeout = 9s\n" ONE);
    expect_message(messages, "threads takes effect after an upgrade");
    expect_message(messages, "user takes effect after an upgrade");
    cr_expect_null(strstr(messages, "idle-timeout"));
    messages = reload_to(server, &site, "user = root\ncors = yes\n" ONE);
    cr_expect_null(strstr(messages, "threads"), "it is as at the start again");
}

E2E_TEST(reload, shows_the_notices_of_the_new_settings)
{
    struct site site;
    fill_sites(&site);
    struct server *server = start(&site, ONE TWO);
    expect_message(reload_to(server, &site, "log-query = off\n" ONE TWO),
                   "log-query has no effect: no access log is set");
    cr_expect_null(strstr(reload_to(server, &site, ONE TWO), "log-query"));
    server_stop(server);
}

/* --- Mistakes ----------------------------------------------------------------------------------- */

static const struct mistake {
    const char *text;
    const char *report; /* part of it */
} mistakes[] = {
    {"", "no site is named"},
    {"[site one.example]\nrooot = root/one\n", "line 2: the "
                                               "key 'rooot' is not known; did you mean 'root'?"},
    {"[site one.example]\nroot = root/none\n", "does not exist"},
    {ONE "[site one.example]\nroot = root/two\n", "is given twice"},
    {ONE "canonical = two.example\n" TWO "canonical = one.example\n", "is not a name of its site"},
    {ONE "redirect = /a /b\nredirect = /b /a\n", "redirect"},
    {ONE "header = /*: Date: x\n", "header"},
    {ONE "access-log = /nonexistent/log\n", "cannot write to '/nonexistent/log'"},
    {ONE "access-log = /dev/fd/77\n", "was not started with"},
    {"[site one.example]\nroot = /dev/fd/77\n", "fd/77"},
    {ONE "mime-types = /nonexistent\n", "cannot be read"},
    {ONE "\xe4\n", "line 3"},
    {"threads = many\n" ONE, "'many' is not a number"},
};

E2E_TEST(reload, a_mistake_changes_nothing_and_the_next_good_one_works)
{
    struct site site;
    fill_sites(&site);
    struct server *server = start(&site, ONE TWO);
    const size_t descriptors = server_settled_descriptors(server);
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        const char *messages = reload_to(server, &site, mistakes[i].text);
        expect_message(messages, mistakes[i].report);
        expect_message(messages, "nothing has changed");
        expect_said(server, "two.example", "/file.txt", NULL, "200 - two");
    }
    site_write(&site, "../s.conf", ONE "header = /*: X: \0\n",
               sizeof(ONE "header = /*: X: \0\n") - 1);
    expect_message(reload(server), "line 3");
    expect_said(server, "one.example", "/file.txt", NULL, "200 - one");
    cr_assert_eq(unlink(site_path(&site, "../s.conf")), 0);
    expect_message(reload(server), "cannot be read");
    site_fifo(&site, "../s.conf"); /* a reader would wait for ever */
    expect_message(reload(server), "is not a regular file");
    cr_assert_eq(unlink(site_path(&site, "../s.conf")), 0);
    reload_to(server, &site, "[site one.example]\nroot = root/two\n");
    expect_said(server, "one.example", "/file.txt", NULL, "200 - two");
    server_expect_descriptors(server, descriptors, "what a refused one opened is closed");
}

/* --- Connections -------------------------------------------------------------------------------- */

E2E_TEST(reload, a_kept_connection_sees_the_new_site_after_its_memo)
{
    struct site site;
    struct client client;
    fill_sites(&site);
    struct server *server = start(&site, "cache-valid = 24h\n" ONE TWO);
    client_connect(&client, server);
    for (unsigned i = 0; i < 10; i++) {
        const bool second = i % 2;
        for (unsigned k = 0; k < 4; k++) { /* from the third on, a memo answers */
            client_queue_text(&client, get("one.example", "/file.txt"));
            cr_expect_str_eq(next_said(&client, NULL), second ? "200 - three" : "200 - one");
        }
        reload_to(server, &site,
                  second ? "cache-valid = 24h\n" ONE TWO
                         : "cache-valid = 24h\n[site one.example]\nroot = root/three\n" TWO);
    }
    client_close(&client);
}

E2E_TEST(reload, a_response_in_flight_of_a_removed_site_is_sent_whole)
{
    struct site site;
    struct client client;
    struct response response;
    fill_sites(&site);
    struct view big = site_fill(&site, "one/big.bin", BIG_BYTES, 7);
    struct server *server = start(&site, ONE TWO "[site *]\nroot = root/three\n");
    client_connect_with(&client,
                        &(struct client_setup){.port = server->port, .receive_buffer_bytes = 4096});
    client_queue_text(&client, get("one.example", "/big.bin"));
    client_receive(&client, 1000, deadline_after(10000));
    reload_to(server, &site, TWO "[site *]\nroot = root/three\n");
    cr_assert_eq(client_read_response(&client, false, &response), ANSWER_WHOLE);
    cr_expect_eq(response.body.length, big.length);
    cr_expect(memcmp(response.body.data, big.data, big.length) == 0);
    client_queue_text(&client, get("one.example", "/file.txt"));
    cr_expect_str_eq(next_said(&client, NULL), "200 - three");
    client_close(&client);
}

/* --- Logs --------------------------------------------------------------------------------------- */

/* How many lines the file PATH has. */
static size_t count_lines(const struct site *site, const char *path)
{
    size_t count = 0;
    FILE *file = fopen(site_path(site, path), "re");
    for (int c; file && (c = getc(file)) != EOF;)
        count += c == '\n';
    if (file)
        fclose(file);
    return count;
}

/* The file PATH has COUNT lines, soon. */
static void expect_lines(const struct site *site, const char *path, size_t count)
{
    int64_t deadline = deadline_after(10000);
    while (count_lines(site, path) < count && deadline_left_ms(deadline) > 0)
        poll(NULL, 0, 5);
    cr_expect_eq(count_lines(site, path), count, "%s", path);
}

E2E_TEST(reload, requests_are_logged_where_the_new_configuration_says)
{
    struct site site;
    fill_sites(&site);
    struct server *server = start(&site, ONE TWO);
    const char *first = text_format(ONE "access-log = %s\n" TWO, site_path(&site, "../log1"));
    const char *second =
        text_format(ONE "access-log = %s\nlog-format = json\n" TWO, site_path(&site, "../log2"));
    reload_to(server, &site, first); /* it had none before */
    expect_said(server, "one.example", "/file.txt", NULL, "200");
    expect_lines(&site, "../log1", 10);
    const size_t descriptors = server_settled_descriptors(server);
    for (unsigned i = 1; i <= 5; i++) {
        reload_to(server, &site, second);
        expect_said(server, "one.example", "/file.txt", NULL, "200");
        expect_said(server, "two.example", "/file.txt", NULL, "200");
        expect_lines(&site, "../log2", 10 * i);
        expect_lines(&site, "../log1", 10 * i);
        reload_to(server, &site, first);
        expect_said(server, "one.example", "/file.txt", NULL, "200");
    }
    server_expect_descriptors(server, descriptors, "the other log is closed");
    reload_to(server, &site, ONE TWO);
    expect_said(server, "one.example", "/file.txt", NULL, "200");
    expect_lines(&site, "../log1", 60);
}

/* --- Load --------------------------------------------------------------------------------------- */

E2E_TEST(reload, no_request_fails_in_a_hundred_reloads)
{
    struct load loads[2];
    struct site site;
    fill_sites(&site);
    struct server *server = start(&site, ONE TWO);
    for (size_t i = 0; i < COUNT_OF(loads); i++) {
        loads[i] = (struct load){.setup = {.port = server->port}, .rounds = 20};
        load_start(&loads[i]);
    }
    static const char *const texts[] = {TWO, ONE TWO, TWO ONE "cors = yes\n",
                                        TWO "cors = yes\n" ONE};
    const size_t count = e2e_scaled(100, 20);
    for (size_t i = 0; i < count; i++)
        reload_to(server, &site, texts[i % COUNT_OF(texts)]);
    for (size_t i = 0; i < COUNT_OF(loads); i++)
        load_stop(&loads[i]);
}

E2E_TEST(reload, a_storm_of_signals_neither_leaks_nor_starves_requests)
{
    struct site site;
    struct client client;
    fill_sites(&site);
    struct server *server = start(&site, ONE TWO);
    reload(server);
    const size_t descriptors = server_settled_descriptors(server);
    const size_t resident = process_usage(&server->process).resident_bytes;
    client_connect(&client, server);
    const int64_t end = clock_ms() + 2000;
    for (unsigned i = 0; clock_ms() < end; i++) {
        configure(&site, i % 2 ? ONE TWO : TWO ONE "cors = yes\n");
        process_signal(&server->process, SIGHUP);
        client_queue_text(&client, get("two.example", "/file.txt"));
        cr_assert_str_eq(next_said(&client, NULL), "200 - two");
        poll(NULL, 0, 10);
    }
    client_close(&client);
    while (manager_next(&reload_manager, deadline_after(500))) {
    }
    reload_to(server, &site, ONE TWO);
    server_expect_descriptors(server, descriptors, "after a storm");
    if (!server->instrumented)
        cr_expect_lt(process_usage(&server->process).resident_bytes, resident + (4 << 20));
}

E2E_TEST(reload, a_thousand_sites_take_less_than_a_second)
{
    struct site site;
    struct bytes text = {0};
    fill_sites(&site);
    struct server *server = start(&site, ONE TWO);
    const size_t descriptors = server_settled_descriptors(server);
    for (unsigned i = 0; i < 1000; i++) {
        const char *section =
            text_format("[site s%u.example]\nroot = root/%s\n", i, i % 2 ? "one" : "two");
        bytes_append_text(&text, section);
    }
    const int64_t begin = clock_ms();
    const char *messages = reload_to(server, &site, bytes_text(&text));
    const int64_t taken = clock_ms() - begin;
    expect_message(messages, "1000 sites, 1000 new, 2 removed");
    cr_expect_lt(taken, deadline_after(1000) - clock_ms() + 1000, "%d ms", (int)taken);
    expect_said(server, "s998.example", "/file.txt", NULL, "200 - two");
    expect_said(server, "s999.example", "/file.txt", NULL, "200 - one");
    reload_to(server, &site, ONE TWO);
    expect_said(server, "s999.example", "/file.txt", NULL, "421");
    server_expect_descriptors(server, descriptors, "the roots of all sites are closed");
}
