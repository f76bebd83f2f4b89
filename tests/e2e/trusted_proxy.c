/* Proxies that are trusted to name the client and its scheme, --trusted-proxy: RFC 7239, and the
 * fields X-Forwarded-For and X-Forwarded-Proto. The test is the proxy at 127.0.0.1; 127.0.0.2 is a
 * stranger. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <stdio.h>
#include <string.h>

E2E_SUITE(trusted_proxy);

#define STRANGER "127.0.0.2"

static struct site site;

static void create_site(void)
{
    site_create(&site);
    site_write_text(&site, "index.html", "hello");
    site_write_text(&site, "directory/index.html", "inside");
}

static const char *log_path(void)
{
    return site_path(&site, "../log");
}

static struct server *start(const char *options)
{
    const char *const words[] = {"--access-log", log_path(), NULL};
    return server_start_with(&(struct server_setup){
        .kind = PIPELINED, .root = site.path, .words = words, .options = options, .own_tls = true});
}

/* Line INDEX of the log begins with CLIENT. */
static void expect_client(size_t index, const char *what, const char *client)
{
    const char *expected = text_format("%s - - [", client);
    char line[1024] = "";
    FILE *file = fopen(log_path(), "re");
    cr_assert_not_null(file);
    for (size_t i = 0; i <= index; i++)
        cr_expect_not_null(fgets(line, sizeof(line), file), "%s: line %zu", what, i);
    fclose(file);
    cr_expect(strncmp(line, expected, strlen(expected)) == 0, "%s: %s", what, line);
}

static const struct {
    const char *label, *fields, *client;
} rows[] = {
    {"none", "", "127.0.0.1"},
    {"X-Forwarded-For", "X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1"},
    {"from the right", "X-Forwarded-For: 203.0.113.9, 192.0.2.1, 10.0.0.1\r\n", "192.0.2.1"},
    {"on two lines", "X-Forwarded-For: 203.0.113.9\r\nx-forwarded-for: 192.0.2.1\r\n", "192.0.2.1"},
    {"Forwarded", "Forwarded: for=\"[2001:db8::7]:80\";proto=https\r\n", "2001:db8::7"},
    {"unknown", "Forwarded: for=192.0.2.1, for=unknown\r\n", "127.0.0.1"},
    {"two that disagree", "Forwarded: for=192.0.2.1\r\nX-Forwarded-For: 192.0.2.2\r\n",
     "127.0.0.1"},
    {"nonsense", "X-Forwarded-For: \" - - [x]\r\n", "127.0.0.1"},
};

/* Several times each, so that answers are repeated from memory. */
E2E_TEST(trusted_proxy, names_the_client_of_each_request)
{
    enum { TIMES = 4 };
    struct client client;
    create_site();
    struct server *server =
        start("--threads 1 --trusted-proxy 127.0.0.1 --trusted-proxy 10.0.0.0/8");
    client_connect(&client, server);
    for (size_t i = 0; i < COUNT_OF(rows) * TIMES; i++)
        client_queue_text(&client, text_format("GET / HTTP/1.1\r\nHost: localhost\r\n%s\r\n",
                                               rows[i % COUNT_OF(rows)].fields));
    for (size_t i = 0; i < COUNT_OF(rows) * TIMES; i++)
        expect_status(&client, rows[i % COUNT_OF(rows)].label, false, 200, NULL);
    client_close(&client);
    server_stop(server);
    for (size_t i = 0; i < COUNT_OF(rows) * TIMES; i++)
        expect_client(i, rows[i % COUNT_OF(rows)].label, rows[i % COUNT_OF(rows)].client);
}

/* Also if the same bytes came from a proxy before, and were answered from memory. */
E2E_TEST(trusted_proxy, believes_no_stranger)
{
    static const char *const sources[] = {"127.0.0.1", STRANGER, "127.0.0.1", STRANGER};
    enum { TIMES = 3 };
    create_site();
    struct server *server = start("--threads 1 --trusted-proxy 127.0.0.1");
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        struct client client;
        client_connect_with(&client,
                            &(struct client_setup){.port = server->port, .source = sources[i]});
        for (int j = 0; j < TIMES; j++) {
            client_queue_text(&client, "GET / HTTP/1.1\r\nHost: localhost\r\n"
                                       "X-Forwarded-For: 192.0.2.1\r\n\r\n");
            expect_status(&client, sources[i], false, 200, NULL);
        }
        client_close(&client);
    }
    server_stop(server);
    for (size_t i = 0; i < COUNT_OF(sources) * TIMES; i++) {
        const char *source = sources[i / TIMES];
        expect_client(i, source, strcmp(source, STRANGER) == 0 ? STRANGER : "192.0.2.1");
    }
}

E2E_TEST(trusted_proxy, trusts_peers_of_unix_sockets_by_their_word_alone)
{
    static const char *const options[] = {"--trusted-proxy 127.0.0.1",
                                          "--trusted-proxy 0.0.0.0/0 --trusted-proxy unix"};
    create_site();
    const char *path = site_path(&site, "../s");
    const char *listen = text_format("unix:%s", path);
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        const char *const words[] = {"--listen",     "127.0.0.1:0", "--listen", listen,
                                     "--access-log", log_path(),    NULL};
        struct client client;
        struct server *server = server_start_with(&(struct server_setup){.program = "sluice",
                                                                         .root = site.path,
                                                                         .words = words,
                                                                         .options = options[i],
                                                                         .no_bind = true,
                                                                         .own_tls = true});
        client_connect_with(&client, &(struct client_setup){.unix_path = path});
        client_queue_text(&client, "GET / HTTP/1.1\r\nHost: localhost\r\n"
                                   "X-Forwarded-For: 192.0.2.1\r\n\r\n");
        expect_status(&client, options[i], false, 200, NULL);
        client_close(&client);
        server_stop(server);
        expect_client(i, options[i], i == 0 ? "127.0.0.1" : "192.0.2.1");
    }
}

E2E_TEST(trusted_proxy, does_not_limit_the_connections_of_proxies)
{
    struct client clients[5];
    create_site();
    struct server *server = start("--trusted-proxy 127.0.0.1 --max-connections-per-ip 1");
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        client_connect(&clients[i], server);
        client_queue_text(&clients[i], "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        expect_status(&clients[i], "a proxy", false, 200, NULL);
    }
    for (size_t i = 0; i < COUNT_OF(clients); i++)
        client_close(&clients[i]);
}

E2E_TEST(trusted_proxy, refuses_what_is_not_a_network)
{
    struct process process;
    struct process_setup setup = {.program = "pipelined-server"};
    create_site();
    process_add_words(&setup, text_format("0 %s --trusted-proxy example.org", site.path));
    process_start(&process, &setup);
    cr_assert(process_wait(&process, deadline_after(10000)));
    const char *errors = process_errors(&process);
    cr_expect(strstr(errors, "'example.org' is not an address or a network"), "%s", errors);
}

/* --- https ------------------------------------------------------------------------------------ */

static const char site_config[] = "listen = 127.0.0.1:0\n"
                                  "trusted-proxy = 127.0.0.1\n"
                                  "hsts = 300\n"
                                  "[site example.org www.example.org]\n"
                                  "root = root\n"
                                  "canonical = example.org\n";

/* The answer to a request for TARGET of HOST, with FIELDS, from SOURCE. */
static void fetch(const struct server *server, const char *source, const char *host,
                  const char *fields, int status, struct client *client, struct response *ret)
{
    client_connect_with(client, &(struct client_setup){.port = server->port, .source = source});
    client_queue_text(client, text_format("GET /?q HTTP/1.1\r\nHost: %s\r\n%s\r\n", host, fields));
    expect_status(client, fields, false, status, ret);
}

static void expect_field(const struct response *response, const char *what, const char *name,
                         const char *value)
{
    const char *found = response_field(response, name);
    cr_expect_eq(found != NULL, value != NULL, "%s: %s", what, name);
    if (found && value)
        cr_expect_str_eq(found, value, "%s", what);
}

E2E_TEST(trusted_proxy, keeps_the_scheme_of_the_client)
{
    static const struct {
        const char *source, *fields;
        bool https;
    } schemes[] = {
        {"127.0.0.1", "", false},
        {"127.0.0.1", "X-Forwarded-Proto: https\r\n", true},
        {"127.0.0.1", "X-Forwarded-Proto: http\r\n", false},
        {"127.0.0.1", "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n", true},
        {"127.0.0.1", "Forwarded: proto=https\r\n", true},
        {"127.0.0.1", "Forwarded: for=192.0.2.1;proto=\"https\"\r\n", true},
        {"127.0.0.1", "Forwarded: for=192.0.2.1;proto=http\r\n", false},
        {STRANGER, "X-Forwarded-Proto: https\r\n", false},
        {STRANGER, "Forwarded: proto=https\r\n", false},
    };
    create_site();
    const char *config = site_path(&site, "../sluice.conf");
    site_write_text(&site, "../sluice.conf", site_config);
    struct server *server = server_start_with(&(struct server_setup){
        .config = config, .options = "--threads 1", .no_bind = true, .own_tls = true});
    for (size_t i = 0; i < 3 * COUNT_OF(schemes); i++) {
        const size_t row = i % COUNT_OF(schemes);
        const char *source = schemes[row].source, *fields = schemes[row].fields;
        const bool https = schemes[row].https;
        struct client client;
        struct response response;
        fetch(server, source, "www.example.org", fields, 308, &client, &response);
        expect_field(&response, fields, "Location",
                     https ? "https://example.org/?q" : "http://example.org/?q");
        expect_field(&response, fields, "Strict-Transport-Security", https ? "max-age=300" : NULL);
        client_close(&client);
        fetch(server, source, "example.org", fields, 200, &client, &response);
        expect_field(&response, fields, "Strict-Transport-Security", https ? "max-age=300" : NULL);
        client_close(&client);
    }
}

#ifdef SLUICE_HAVE_OPENSSL

E2E_TEST(trusted_proxy, does_not_redirect_to_https_what_came_by_it)
{
    static const struct {
        const char *source, *fields;
        int status;
    } requests[] = {
        {"127.0.0.1", "", 308},
        {"127.0.0.1", "X-Forwarded-Proto: https\r\n", 200},
        {"127.0.0.1", "X-Forwarded-Proto: http\r\n", 308},
        {STRANGER, "X-Forwarded-Proto: https\r\n", 308},
    };
    create_site();
    struct server *server =
        start("--threads 1 --trusted-proxy 127.0.0.1 --self-signed --http-port 0");
    for (size_t i = 0; i < 3 * COUNT_OF(requests); i++) {
        const size_t row = i % COUNT_OF(requests);
        struct client client;
        client_connect_with(&client, &(struct client_setup){.port = server->plain_port,
                                                            .source = requests[row].source,
                                                            .plain = true});
        client_queue_text(&client, text_format("GET / HTTP/1.1\r\nHost: localhost\r\n%s\r\n",
                                               requests[row].fields));
        expect_status(&client, requests[row].fields, false, requests[row].status, NULL);
        client_close(&client);
    }
}

#endif

/* By the SSL field of a PROXY header, section 2.2.6. */
E2E_TEST(trusted_proxy, takes_the_scheme_from_a_proxy_header)
{
    static const char secure[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x14"
                                 "\xc6\x33\x64\x07\xc0\0\2\1\x30\x39\x01\xbb\x20\0\5\1\0\0\0\0";
    static const char plain[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"
                                "\xc6\x33\x64\x07\xc0\0\2\1\x30\x39\x01\xbb";
    create_site();
    const char *config = site_path(&site, "../sluice.conf");
    site_write_text(&site, "../sluice.conf",
                    text_format("listen = 127.0.0.1:0 proxy\n%s", strchr(site_config, '\n') + 1));
    struct server *server = server_start_with(&(struct server_setup){
        .config = config, .options = "--threads 1", .no_bind = true, .own_tls = true});
    for (int i = 0; i < 6; i++) {
        const bool https = i % 2 == 0;
        struct client client;
        struct response response;
        client_connect(&client, server);
        if (https)
            client_queue(&client, secure, sizeof(secure) - 1);
        else
            client_queue(&client, plain, sizeof(plain) - 1);
        /* The client is not a trusted proxy. */
        client_queue_text(&client, "GET /?q HTTP/1.1\r\nHost: www.example.org\r\n"
                                   "X-Forwarded-Proto: https\r\n\r\n");
        expect_status(&client, "PROXY", false, 308, &response);
        expect_field(&response, "PROXY", "Location",
                     https ? "https://example.org/?q" : "http://example.org/?q");
        expect_field(&response, "PROXY", "Strict-Transport-Security", https ? "max-age=300" : NULL);
        client_close(&client);
    }
}
