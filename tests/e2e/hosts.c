/* hosts: several sites in one server: which one answers, and what they cost. RFC 9110 sections
 * 7.2 and 15.5.20, RFC 9112 section 3.2.2. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <dirent.h>
#include <string.h>

E2E_SUITE(hosts);

/* A server of the sites in TEXT, a configuration file, whose roots are below root/. */
static struct server *start(const struct site *site, const char *text, const char *options)
{
    site_write_text(site, "../sites.conf", text);
    return server_start_with(&(struct server_setup){
        .kind = PIPELINED,
        .config = site_path(site, "../sites.conf"),
        .options = options,
    });
}

/* The sites "one" to "four" in SITE, each with its own pages. */
static void fill_sites(struct site *site)
{
    static const char *const names[] = {"one", "two", "three", "four"};

    site_create(site);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        site_write_text(site, text_format("%s/index.html", names[i]), names[i]);
        site_write_text(site, text_format("%s/file.txt", names[i]), names[i]);
    }
}

static bool body_is(const struct response *response, const char *text)
{
    return response->body.length == strlen(text) &&
           memcmp(response->body.data, text, response->body.length) == 0;
}

/* Expects that HEAD, a request without its last line, is answered with STATUS and, unless NULL,
 * BODY. */
static void expect_answer(const struct server *server, const char *head, int status,
                          const char *body)
{
    struct response response;
    const char *request = text_format("%sConnection: close\r\n\r\n", head);

    if (expect_fetch(server, head, request, status, &response) && body)
        cr_expect(body_is(&response, body), "%s: \"%.*s\", not \"%s\"", head,
                  (int)response.body.length, response.body.data, body);
}

E2E_TEST(hosts, the_authority_chooses_the_site)
{
    static const struct {
        const char *head;
        const char *site;
    } rows[] = {
        {"GET /file.txt HTTP/1.1\r\nHost: one.example\r\n", "one"},
        {"GET /file.txt HTTP/1.1\r\nHost: two.example\r\n", "two"},
        {"GET /file.txt HTTP/1.1\r\nHost: TWO.Example\r\n", "two"},
        {"GET /file.txt HTTP/1.1\r\nHost: two.example:8080\r\n", "two"},
        {"GET /file.txt HTTP/1.1\r\nHost: two.example.\r\n", "two"},
        {"GET /file.txt HTTP/1.1\r\nHost: two.example.:80\r\n", "two"},
        {"GET /file.txt HTTP/1.1\r\nHost: a.three.example\r\n", "three"},
        {"GET /file.txt HTTP/1.1\r\nHost: a.b.three.example\r\n", "four"},
        {"GET /file.txt HTTP/1.1\r\nHost: three.example\r\n", "four"},
        {"GET /file.txt HTTP/1.1\r\nHost: www.three.example\r\n", "two"},
        {"GET /file.txt HTTP/1.1\r\nHost: [::1]:80\r\n", "three"},
        {"GET /file.txt HTTP/1.1\r\nHost: unknown\r\n", "four"},
        {"GET /file.txt HTTP/1.1\r\nHost:\r\n", "four"},
        {"GET http://two.example/file.txt HTTP/1.1\r\nHost: one.example\r\n", "two"},
        {"GET http://TWO.example:1/file.txt HTTP/1.1\r\nHost: one.example\r\n", "two"},
        {"GET / HTTP/1.1\r\nHost: two.example\r\n", "two"},
    };
    struct site site;

    fill_sites(&site);
    struct server *server = start(&site,
                                  "[site one.example]\nroot = root/one\n"
                                  "[site two.example www.three.example]\nroot = root/two\n"
                                  "[site *.three.example [::1]]\nroot = root/three\n"
                                  "[site *]\nroot = root/four\n",
                                  NULL);
    for (size_t repeat = 0; repeat < 2; repeat++)
        for (size_t i = 0; i < COUNT_OF(rows); i++)
            expect_answer(server, rows[i].head, 200, rows[i].site);
}

/* The requests differ in nothing but Host, come again and again, and are pipelined. */
E2E_TEST(hosts, answers_on_one_connection_belong_to_their_hosts)
{
    static const char *const names[] = {"one", "two", "three", "four"};
    struct site site;
    struct client client;

    fill_sites(&site);
    struct server *server =
        start(&site,
              "[site one.example]\nroot = root/one\n[site two.example]\nroot = root/two\n"
              "[site three.example]\nroot = root/three\n[site *]\nroot = root/four\n",
              NULL);
    client_connect(&client, server);
    for (size_t i = 0; i < 40; i++)
        client_queue_text(&client, text_format("GET /file.txt HTTP/1.1\r\nHost: %s.example\r\n\r\n",
                                               names[i * 7 % 4]));
    for (size_t i = 0; i < 40; i++) {
        struct response response;

        if (!expect_status(&client, "pipelined", false, 200, &response))
            break;
        cr_expect(body_is(&response, names[i * 7 % 4]), "answer %zu: %.*s", i,
                  (int)response.body.length, response.body.data);
    }
    client_close(&client);
}

E2E_TEST(hosts, a_host_of_no_site_is_misdirected)
{
    struct site site;

    fill_sites(&site);
    struct server *server = start(
        &site, "[site one.example]\nroot = root/one\n[site two.example]\nroot = root/two\n", NULL);
    expect_answer(server, "GET / HTTP/1.1\r\nHost: one.example\r\n", 200, "one");
    expect_answer(server, "GET / HTTP/1.1\r\nHost: other.example\r\n", 421, NULL);
    expect_answer(server, "GET http://other.example/ HTTP/1.1\r\nHost: one.example\r\n", 421, NULL);
    expect_answer(server, "GET / HTTP/1.0\r\nHost: other.example\r\n", 421, NULL);
    expect_answer(server, "GET / HTTP/1.0\r\n", 200, "one");
}

E2E_TEST(hosts, one_site_alone_answers_everything)
{
    struct site site;

    fill_sites(&site);
    struct server *server = start(&site, "[site one.example]\nroot = root/one\n", NULL);
    expect_answer(server, "GET / HTTP/1.1\r\nHost: other.example\r\n", 200, "one");
    expect_answer(server, "GET / HTTP/1.0\r\n", 200, "one");
}

E2E_TEST(hosts, each_site_has_its_own_pages_rules_and_options)
{
    struct site site;
    struct response response;

    fill_sites(&site);
    site_write_text(&site, "one/404.html", "missing in one");
    site_write_text(&site, "two/app.html", "the app of two");
    site_write_text(&site, "three/start.html", "the start of three");
    site_write_text(&site, "one/_headers", "/*\n  X-Site: one\n");
    site_write_text(&site, "three/_headers", "/*\n  X-Site: three\n");
    struct server *server = start(&site,
                                  "[site one.example]\nroot = root/one\n"
                                  "[site two.example]\nroot = root/two\nspa = app.html\n"
                                  "[site three.example]\nroot = root/three\n"
                                  "index = start.html\n",
                                  NULL);
    expect_answer(server, "GET /none.html HTTP/1.1\r\nHost: one.example\r\n", 404,
                  "missing in one");
    expect_answer(server, "GET /route HTTP/1.1\r\nHost: two.example\r\nAccept: text/html\r\n", 200,
                  "the app of two");
    expect_answer(server, "GET /route HTTP/1.1\r\nHost: three.example\r\nAccept: text/html\r\n",
                  404, NULL);
    expect_answer(server, "GET / HTTP/1.1\r\nHost: three.example\r\n", 200, "the start of three");
    expect_answer(server, "GET / HTTP/1.1\r\nHost: two.example\r\n", 200, "two");
    static const char *const expected[] = {"one", NULL, "three"};
    static const char *const names[] = {"one", "two", "three"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *request = text_format("GET /file.txt HTTP/1.1\r\nHost: %s.example\r\n"
                                          "Connection: close\r\n\r\n",
                                          names[i]);
        if (!expect_fetch(server, names[i], request, 200, &response))
            continue;
        const char *field = response_field(&response, "X-Site");
        cr_expect(expected[i] ? field && strcmp(field, expected[i]) == 0 : !field, "%s: X-Site: %s",
                  names[i], field ? field : "(none)");
    }
}

/* Expects that HEAD gets a 308 to LOCATION. */
static void expect_redirect(const struct server *server, const char *head, const char *location)
{
    struct response response;
    const char *request = text_format("%sConnection: close\r\n\r\n", head);

    if (!expect_fetch(server, head, request, 308, &response))
        return;
    const char *field = response_field(&response, "Location");
    cr_expect(field && strcmp(field, location) == 0, "%s: Location: %s", head,
              field ? field : "(none)");
}

/* RFC 9110 section 15.4.9. The port is the client's, so it is right with a forwarded port too. */
E2E_TEST(hosts, other_names_redirect_to_the_canonical_one)
{
    struct site site;

    fill_sites(&site);
    site_write_text(&site, "one/.well-known/acme-challenge/token", "key");
    struct server *server =
        start(&site,
              "[site example.org www.example.org *.example.org]\nroot = root/one\n"
              "canonical = Example.org\n[site *]\nroot = root/two\n",
              NULL);
    const char *scheme = server->secure ? "https" : "http";
    for (size_t repeat = 0; repeat < 2; repeat++) {
        expect_redirect(server, "GET /a/b?c=%20d HTTP/1.1\r\nHost: www.example.org\r\n",
                        text_format("%s://example.org/a/b?c=%%20d", scheme));
        expect_redirect(server, "HEAD / HTTP/1.1\r\nHost: A.Example.org:8080\r\n",
                        text_format("%s://example.org:8080/", scheme));
        expect_redirect(server, "GET http://www.example.org?x HTTP/1.1\r\nHost: example.org\r\n",
                        text_format("%s://example.org?x", scheme));
        expect_answer(server, "GET / HTTP/1.1\r\nHost: EXAMPLE.org.:99\r\n", 200, "one");
        expect_answer(server, "GET / HTTP/1.1\r\nHost: other.example\r\n", 200, "two");
        expect_answer(server,
                      "GET /.well-known/acme-challenge/token HTTP/1.1\r\n"
                      "Host: www.example.org\r\n",
                      200, "key");
    }
    expect_answer(server, "OPTIONS * HTTP/1.1\r\nHost: www.example.org\r\n", 204, NULL);
}

/* One site alone answers for every host, so every other name is redirected. */
E2E_TEST(hosts, a_single_site_redirects_every_other_name)
{
    struct site site;

    fill_sites(&site);
    struct server *server = start(&site, "root = root/one\ncanonical = example.org\n", NULL);
    expect_redirect(server, "GET /x HTTP/1.1\r\nHost: any.example\r\n",
                    text_format("%s://example.org/x", server->secure ? "https" : "http"));
    expect_answer(server, "GET / HTTP/1.1\r\nHost: example.org\r\n", 200, "one");
    expect_answer(server, "GET / HTTP/1.0\r\n", 200, "one");
}

/* Redirects come before files, and after challenges of certificate authorities. */
E2E_TEST(hosts, each_site_has_its_own_redirects)
{
    static const struct {
        const char *head;
        int status;
        const char *location;
    } rows[] = {
        {"GET /old/a%20b?c HTTP/1.1\r\nHost: one.example\r\n", 301, "/new/a%20b?c"},
        {"GET /file.txt HTTP/1.1\r\nHost: one.example\r\n", 302, "https://example.org/f?x#y"},
        {"POST /file.txt HTTP/1.1\r\nHost: one.example\r\n", 302, "https://example.org/f?x#y"},
        {"GET /x//evil.example/ HTTP/1.1\r\nHost: one.example\r\n", 307, "/evil.example/"},
        {"GET /%zz HTTP/1.1\r\nHost: one.example\r\n", 400, NULL},
        {"GET /old/ HTTP/1.1\r\nHost: two.example\r\n", 404, NULL},
        {"GET /file.txt HTTP/1.1\r\nHost: two.example\r\n", 200, NULL},
        {"GET /.well-known/acme-challenge/t HTTP/1.1\r\nHost: two.example\r\n", 200, NULL},
        {"GET /.well-known/x HTTP/1.1\r\nHost: two.example\r\n", 308, "/elsewhere"},
    };
    struct site site;

    fill_sites(&site);
    site_write_text(&site, "two/.well-known/acme-challenge/t", "key");
    struct server *server = start(&site,
                                  "[site one.example]\nroot = root/one\n"
                                  "redirect = /old/* /new/:splat\n"
                                  "redirect = \"/file.txt https://example.org/f?x#y 302\"\n"
                                  "redirect = /x* /:splat 307\n"
                                  "[site two.example]\nroot = root/two\n"
                                  "redirect = /.well-known/* /elsewhere 308\n",
                                  NULL);
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        struct response response;
        size_t row = i % COUNT_OF(rows);
        const char *request = text_format("%sConnection: close\r\n\r\n", rows[row].head);
        if (!expect_fetch(server, rows[row].head, request, rows[row].status, &response))
            continue;
        const char *field = response_field(&response, "Location");
        cr_expect(rows[row].location ? field && strcmp(field, rows[row].location) == 0 : !field,
                  "%s: Location: %s", rows[row].head, field ? field : "(none)");
    }
}

/* As with Netlify and Cloudflare Pages, header rules are for what is served. */
E2E_TEST(hosts, the_command_line_has_redirects_too)
{
    static const char *const words[] = {"--redirect",    "/a /file.txt 303", "--header",
                                        "/*: X-Rule: 1", "--cors",           NULL};
    struct site site;
    struct response response;

    fill_sites(&site);
    struct server *server = server_start_with(
        &(struct server_setup){.kind = SIMPLE, .root = site_path(&site, "one"), .words = words});
    if (expect_fetch(server, "a redirect", request_text("GET", "/a"), 303, &response)) {
        const char *field = response_field(&response, "Location");
        cr_expect(field && strcmp(field, "/file.txt") == 0, "%s", field ? field : "(none)");
        cr_expect(response_field(&response, "X-Rule") == NULL);
        cr_expect(response_field(&response, "Access-Control-Allow-Origin") != NULL);
    }
    /* A preflight that is redirected fails: Fetch, CORS-preflight fetch. */
    const char *question = request_with("OPTIONS", "/a", "Access-Control-Request-Method: GET\r\n");
    if (expect_fetch(server, "its preflight", question, 204, &response))
        cr_expect(response_field(&response, "Access-Control-Allow-Methods") != NULL);
}

/* The number of threads of SERVER. */
static size_t count_threads(const struct server *server)
{
    DIR *tasks = opendir(text_format("/proc/%d/task", (int)server->process.pid));
    size_t count = 0;

    cr_assert(tasks != NULL);
    for (struct dirent *entry; (entry = readdir(tasks));)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

/* Two hundred sites cost a descriptor each, for their root, and no thread; and hardly time. */
E2E_TEST(hosts, two_hundred_cost_little)
{
    enum { SITES = 200, START_MS_MAX = 1000 };
    struct site site;
    struct bytes lines = {0};

    fill_sites(&site);
    bytes_append_text(&lines, "[site h0.example]\nroot = root/one\n");
    for (unsigned i = 1; i < SITES; i++) {
        site_write_text(&site, text_format("h%u/file.txt", i), text_format("%u", i));
        bytes_append_text(&lines, text_format("[site h%u.example]\nroot = root/h%u\n", i, i));
    }
    struct server *one = start(&site, "[site one.example]\nroot = root/one\n", "--threads 8");
    size_t threads = count_threads(one);
    size_t descriptors = server_settled_descriptors(one);
    int64_t began = clock_ms();
    struct server *many = start(&site, bytes_text(&lines), "--threads 8");
    int64_t took = clock_ms() - began;
    cr_expect(took < START_MS_MAX || e2e_is_slow(), "%d ms until it served", (int)took);
    cr_expect(count_threads(many) == threads, "%zu threads, not %zu", count_threads(many), threads);
    size_t more = server_settled_descriptors(many) - descriptors;
    cr_expect(more == SITES - 1, "%zu descriptors more than one site", more);
    for (unsigned i = 1; i < SITES; i++)
        expect_answer(many, text_format("GET /file.txt HTTP/1.1\r\nHost: h%u.example\r\n", i), 200,
                      text_format("%u", i));
    more = server_settled_descriptors(many) - descriptors;
    cr_expect(more == SITES - 1, "%zu descriptors more after requests", more);
}
