/* http: the answer of each of the three servers to single requests (RFC 9110, 9112), and whether
 * it keeps the connection: each request is sent together with a second one, which must be
 * answered if the connection is kept, and ignored if it is not. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <string.h>

E2E_SUITE(http);

enum fate {
    KEPT,
    CLOSED,
};

struct http_case {
    const char *label;
    const char *request;
    int status;
    enum fate fate;    /* by persistent-server and pipelined-server */
    const char *field; /* "Name: value" that the answer must have */
};

#define H            "Host: example.org\r\n"
#define GET(target)  "GET " target " HTTP/1.1\r\n" H "\r\n"
#define WITH(fields) "GET /small.html HTTP/1.1\r\n" fields "\r\n"
#define METHOD(name) name " /small.html HTTP/1.1\r\n" H "\r\n"

static void create_site(struct site *site)
{
    site_create(site);
    site_write_text(site, "index.html", "<!doctype html><title>home</title>\n");
    site_fill(site, "small.html", 500, 1);
    site_fill(site, "with space.html", 100, 2);
    site_fill(site, "100%.txt", 100, 3);
    site_fill(site, "na\303\257ve.txt", 100, 4);
    site_fill(site, "a?b.txt", 100, 5);
    site_write_text(site, "dir/index.html", "<!doctype html><title>dir</title>\n");
    site_fill(site, "dir/sub/inner.html", 100, 6);
    site_fill(site, "a b/c.txt", 100, 7);
}

/* LENGTH is that of the request, which may contain a 0. */
static void expect_case(const struct server *server, const struct http_case *row, size_t length)
{
    static const char next[] = "GET /dir/sub/inner.html HTTP/1.1\r\n" H "Connection: close\r\n\r\n";
    const char *what = text_format("%s, %s", server->name, row->label);
    bool kept = row->fate == KEPT && server->kind != SIMPLE;
    struct response response;
    struct client client;

    client_connect(&client, server);
    client_queue(&client, row->request, length);
    client_queue_text(&client, next);
    if (expect_status(&client, what, strncmp(row->request, "HEAD ", 5) == 0, row->status,
                      &response)) {
        const char *connection = response_field(&response, "Connection");
        bool says_close = connection && strcmp(connection, "close") == 0;

        cr_expect(says_close == !kept, "%s: Connection: %s", what,
                  connection ? connection : "(none)");
        if (row->field) {
            const char *name = text_format("%.*s", (int)strcspn(row->field, ":"), row->field);
            const char *value = response_field(&response, name);

            cr_expect(value && strcmp(value, row->field + strlen(name) + 2) == 0, "%s: %s: %s",
                      what, name, value ? value : "(none)");
        }
    }
    if (kept)
        expect_status(&client, text_format("%s, the next request", what), false, 200, NULL);
    expect_end(&client, what);
    client_close(&client);
}

static void expect_cases(const struct http_case *rows, size_t count)
{
    struct site site;

    create_site(&site);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        const struct server *server = server_start(kind, &site, NULL);

        for (size_t i = 0; i < count; i++)
            if (!(e2e_uses_tls() && strstr(rows[i].request, "Host: a%41"))) /* in no certificate */
                expect_case(server, &rows[i], strlen(rows[i].request));
    }
}

/* --- Targets ---------------------------------------------------------------------------------- */

static const struct http_case targets[] = {
    {"a file", GET("/small.html"), 200, KEPT, "Content-Length: 500"},
    {"HEAD of a file", METHOD("HEAD"), 200, KEPT, "Content-Length: 500"},
    {"the top", GET("/"), 200, KEPT, "Content-Type: text/html; charset=utf-8"},
    {"a directory", GET("/dir/"), 200, KEPT, "Content-Type: text/html; charset=utf-8"},
    {"a directory without slash", GET("/dir"), 301, KEPT, "Location: dir/"},
    {"HEAD of a directory without slash", "HEAD /dir HTTP/1.1\r\n" H "\r\n", 301, KEPT,
     "Location: dir/"},
    {"a directory without slash, with a query", GET("/dir?a=b&c"), 301, KEPT,
     "Location: dir/?a=b&c"},
    {"an inner directory without slash", GET("/dir/sub"), 301, KEPT, "Location: sub/"},
    {"a directory with a space", GET("/a%20b"), 301, KEPT, "Location: a%20b/"},
    {"a directory without index", GET("/dir/sub/"), 404, KEPT, NULL},
    {"a file as directory", GET("/small.html/"), 404, KEPT, NULL},
    {"below a file", GET("/small.html/x"), 404, KEPT, NULL},
    {"nothing", GET("/nothing"), 404, KEPT, "Content-Type: text/html; charset=utf-8"},
    {"HEAD of nothing", "HEAD /nothing HTTP/1.1\r\n" H "\r\n", 404, KEPT, NULL},
    {"a query", GET("/small.html?x=/../%zz"), 200, KEPT, "Content-Length: 500"},
    {"an empty query", GET("/small.html?"), 200, KEPT, NULL},
    {"an escaped letter", GET("/%73mall.htm%6C"), 200, KEPT, "Content-Length: 500"},
    {"an escaped space", GET("/with%20space.html"), 200, KEPT, "Content-Length: 100"},
    {"an escaped percent sign", GET("/100%25.txt"), 200, KEPT, NULL},
    {"escaped UTF-8", GET("/na%C3%AFve.txt"), 200, KEPT, NULL},
    {"an escaped question mark", GET("/a%3Fb.txt"), 200, KEPT, NULL},
    {"escaped twice", GET("/with%2520space.html"), 404, KEPT, NULL},
    {"a plus is a plus", GET("/with+space.html"), 404, KEPT, NULL},
    {"an escaped slash", GET("/dir%2Findex.html"), 404, KEPT, NULL},
    {"dot segments", GET("/dir/./sub/../index.html"), 200, KEPT, NULL},
    {"dot segments above the top", GET("/../../small.html"), 200, KEPT, NULL},
    {"dots at the end", GET("/dir/sub/.."), 200, KEPT, NULL},
    {"a dot at the end", GET("/dir/."), 200, KEPT, NULL},
    {"absolute form", GET("http://example.org/small.html"), 200, KEPT, "Content-Length: 500"},
    {"absolute form without path", GET("http://example.org"), 200, KEPT, NULL},
    {"absolute form of a directory", GET("http://example.org/dir"), 301, KEPT, "Location: dir/"},
    {"absolute form with a port", GET("http://example.org:80/small.html"), 200, KEPT, NULL},
    {"absolute form with an IPv6 host", GET("http://[::1]:80/small.html"), 200, KEPT, NULL},
    {"absolute form without host", GET("http:///small.html"), 400, CLOSED, NULL},
    {"absolute form with a port alone", GET("http://:80/"), 400, CLOSED, NULL},
    {"absolute form with a bad host", GET("http://[zzz]/"), 400, CLOSED, NULL},
    {"a fragment", GET("/small.html#top"), 400, CLOSED, NULL},
    {"a fragment behind a query", GET("/small.html?a#top"), 400, CLOSED, NULL},
    {"an escaped number sign", GET("/small%23.html"), 404, KEPT, NULL},
    {"a bad escape", GET("/%zz"), 400, CLOSED, NULL},
    {"half an escape", GET("/%4"), 400, CLOSED, NULL},
    {"an escaped NUL", GET("/small.html%00.txt"), 400, CLOSED, NULL},
    {"no slash", GET("small.html"), 400, CLOSED, NULL},
    {"an asterisk", GET("*"), 400, CLOSED, NULL},
    {"an empty target", "GET  HTTP/1.1\r\n" H "\r\n", 400, CLOSED, NULL},
};

E2E_TEST(http, request_targets_are_answered_by_their_form)
{
    expect_cases(targets, COUNT_OF(targets));
}

/* --- Methods and versions --------------------------------------------------------------------- */

static const struct http_case methods[] = {
    {"OPTIONS", METHOD("OPTIONS"), 204, KEPT, "Allow: GET, HEAD, OPTIONS"},
    {"POST", METHOD("POST"), 405, KEPT, "Allow: GET, HEAD, OPTIONS"},
    {"PUT", METHOD("PUT"), 405, KEPT, "Allow: GET, HEAD, OPTIONS"},
    {"DELETE", METHOD("DELETE"), 405, KEPT, "Allow: GET, HEAD, OPTIONS"},
    {"PATCH", METHOD("PATCH"), 405, KEPT, "Allow: GET, HEAD, OPTIONS"},
    {"TRACE", METHOD("TRACE"), 405, KEPT, "Allow: GET, HEAD, OPTIONS"},
    {"CONNECT to a path", METHOD("CONNECT"), 400, CLOSED, NULL},
    {"CONNECT to an authority", "CONNECT example.org:443 HTTP/1.1\r\n" H "\r\n", 405, KEPT,
     "Allow: GET, HEAD, OPTIONS"},
    {"OPTIONS of an asterisk", "OPTIONS * HTTP/1.1\r\n" H "\r\n", 204, KEPT,
     "Allow: GET, HEAD, OPTIONS"},
    {"POST to nothing", "POST /nothing HTTP/1.1\r\n" H "\r\n", 405, KEPT,
     "Allow: GET, HEAD, OPTIONS"},
    {"an unknown method", METHOD("BREW"), 501, KEPT, NULL},
    {"a method in small letters", METHOD("get"), 501, KEPT, NULL},
    {"a longer method", METHOD("GETS"), 501, KEPT, NULL},
    {"a shorter method", METHOD("GE"), 501, KEPT, NULL},
    {"a method of all token bytes", METHOD("A!#$%&'*+-.^_`|~9"), 501, KEPT, NULL},
    {"an unknown method on nothing", "BREW /nothing HTTP/1.1\r\n" H "\r\n", 501, KEPT, NULL},
    {"2.0", "GET /small.html HTTP/2.0\r\n" H "\r\n", 505, CLOSED, NULL},
    {"3.0", "GET /small.html HTTP/3.0\r\n" H "\r\n", 505, CLOSED, NULL},
    {"0.9", "GET /small.html HTTP/0.9\r\n" H "\r\n", 505, CLOSED, NULL},
    {"1.9", "GET /small.html HTTP/1.9\r\n" H "\r\n", 200, KEPT, NULL},
    {"1.10", "GET /small.html HTTP/1.10\r\n" H "\r\n", 400, CLOSED, NULL},
    {"1", "GET /small.html HTTP/1\r\n" H "\r\n", 400, CLOSED, NULL},
    {"http/1.1", "GET /small.html http/1.1\r\n" H "\r\n", 400, CLOSED, NULL},
    {"no version", "GET /small.html\r\n\r\n", 400, CLOSED, NULL},
    {"a word too many", "GET /small.html x HTTP/1.1\r\n" H "\r\n", 400, CLOSED, NULL},
    {"a space too many", "GET /small.html  HTTP/1.1\r\n" H "\r\n", 400, CLOSED, NULL},
    {"a space behind", "GET /small.html HTTP/1.1 \r\n" H "\r\n", 400, CLOSED, NULL},
    {"a tab", "GET\t/small.html HTTP/1.1\r\n" H "\r\n", 400, CLOSED, NULL},
    {"a space before", " GET /small.html HTTP/1.1\r\n" H "\r\n", 400, CLOSED, NULL},
    {"an empty line before", "\r\n\r\nGET /small.html HTTP/1.1\r\n" H "\r\n", 200, KEPT, NULL},
};

E2E_TEST(http, methods_and_versions_are_answered_or_refused)
{
    expect_cases(methods, COUNT_OF(methods));
}

/* --- Fields and framing ----------------------------------------------------------------------- */

#define POST(fields, body) "POST /small.html HTTP/1.1\r\n" H fields "\r\n" body

static const struct http_case fields[] = {
    {"no space after the colon", WITH("Host:example.org\r\n"), 200, KEPT, NULL},
    {"spaces around a value", WITH("Host: \t example.org \t \r\n"), 200, KEPT, NULL},
    {"an empty value", WITH(H "X-Empty:\r\n"), 200, KEPT, NULL},
    {"a tab in a value", WITH(H "X-Tab: a\tb\r\n"), 200, KEPT, NULL},
    {"bytes above 127 in a value", WITH(H "X-High: na\303\257ve\r\n"), 200, KEPT, NULL},
    {"a port", WITH("Host: example.org:8080\r\n"), 200, KEPT, NULL},
    {"an IPv6 host", WITH("Host: [::1]:8080\r\n"), 200, KEPT, NULL},
    {"an IPv6 host with port 80", WITH("Host: [::1]:80\r\n"), 200, KEPT, NULL},
    {"an IPv4 host", WITH("Host: 127.0.0.1\r\n"), 200, KEPT, NULL},
    {"a Host with an escape", WITH("Host: a%41\r\n"), 200, KEPT, NULL},
    {"an empty Host", WITH("Host:\r\n"), 200, KEPT, NULL},
    {"a number sign in a value", WITH(H "X: a#b\r\n"), 200, KEPT, NULL},
    {"a Host of no address in brackets", WITH("Host: [zzz]\r\n"), 400, CLOSED, NULL},
    {"a Host of nothing in brackets", WITH("Host: []\r\n"), 400, CLOSED, NULL},
    {"a Host with an open bracket", WITH("Host: [::1\r\n"), 400, CLOSED, NULL},
    {"a Host with a tail", WITH("Host: [::1]x\r\n"), 400, CLOSED, NULL},
    {"a Host with a bad escape", WITH("Host: a%zz\r\n"), 400, CLOSED, NULL},
    {"a Host with half an escape", WITH("Host: a%4\r\n"), 400, CLOSED, NULL},
    {"a Host with two ports", WITH("Host: a:80:80\r\n"), 400, CLOSED, NULL},
    {"a Host with a number sign", WITH("Host: a#b\r\n"), 400, CLOSED, NULL},
    {"no Host", WITH("X: y\r\n"), 400, CLOSED, NULL},
    {"two Hosts", WITH(H H), 400, CLOSED, NULL},
    {"a Host with a space", WITH("Host: a b\r\n"), 400, CLOSED, NULL},
    {"a Host with a slash", WITH("Host: a/b\r\n"), 400, CLOSED, NULL},
    {"a Host with a bad port", WITH("Host: a:http\r\n"), 400, CLOSED, NULL},
    {"a Host with a user", WITH("Host: me@example.org\r\n"), 400, CLOSED, NULL},
    {"no colon", WITH(H "nothing\r\n"), 400, CLOSED, NULL},
    {"no name", WITH(H ": value\r\n"), 400, CLOSED, NULL},
    {"a space before the colon", WITH(H "Name : value\r\n"), 400, CLOSED, NULL},
    {"a folded line", WITH(H "Name: value\r\n and more\r\n"), 400, CLOSED, NULL},
    {"a folded first line", WITH(" Name: value\r\n" H), 400, CLOSED, NULL},
    {"a bare LF", "GET /small.html HTTP/1.1\n" H "\r\n", 400, CLOSED, NULL},
    {"a bare LF in fields", WITH(H "X: y\n"), 400, CLOSED, NULL},
    {"a bare LF at the end", "GET /small.html HTTP/1.1\r\n" H "\n", 400, CLOSED, NULL},
    {"a bare CR in a value", WITH(H "X: a\rb\r\n"), 400, CLOSED, NULL},
    {"a control byte in a value", WITH(H "X: a\001b\r\n"), 400, CLOSED, NULL},
    {"DEL in a value", WITH(H "X: a\177b\r\n"), 400, CLOSED, NULL},
    {"a control byte in a target", GET("/sm\001all"), 400, CLOSED, NULL},
    {"a body", POST("Content-Length: 5\r\n", "hello"), 405, KEPT, NULL},
    {"an empty body", POST("Content-Length: 0\r\n", ""), 405, KEPT, NULL},
    {"a body that looks like a request",
     "GET /small.html HTTP/1.1\r\n" H "Content-Length: 19\r\n\r\nGET / HTTP/1.1\r\n\r\nx", 200,
     KEPT, NULL},
    {"leading zeros in a length", POST("Content-Length: 0005\r\n", "hello"), 405, KEPT, NULL},
    {"a signed length", POST("Content-Length: +5\r\n", "hello"), 400, CLOSED, NULL},
    {"a negative length", POST("Content-Length: -5\r\n", "hello"), 400, CLOSED, NULL},
    {"a length in words", POST("Content-Length: five\r\n", "hello"), 400, CLOSED, NULL},
    {"a length with a tail", POST("Content-Length: 5x\r\n", "hello"), 400, CLOSED, NULL},
    {"a hexadecimal length", POST("Content-Length: 0x5\r\n", "hello"), 400, CLOSED, NULL},
    {"no length", POST("Content-Length:\r\n", "hello"), 400, CLOSED, NULL},
    {"a list of lengths", POST("Content-Length: 5, 5\r\n", "hello"), 400, CLOSED, NULL},
    {"two lengths", POST("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), 400, CLOSED, NULL},
    {"the same length twice", POST("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), 400,
     CLOSED, NULL},
    {"length and coding", POST("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
     400, CLOSED, NULL},
    {"a coding in 1.0",
     "POST /small.html HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, CLOSED,
     NULL},
    {"chunked", POST("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"), 405, KEPT, NULL},
    {"chunked GET", WITH(H "Transfer-Encoding: chunked\r\n") "3\r\nabc\r\n0\r\nA: b\r\n\r\n", 200,
     KEPT, NULL},
    {"another coding", POST("Transfer-Encoding: gzip\r\n", "hello"), 400, CLOSED, NULL},
    {"another coding, then chunked", POST("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 501,
     CLOSED, NULL},
    {"expects 100", POST("Content-Length: 5\r\nExpect: 100-continue\r\n", ""), 405, CLOSED, NULL},
    {"GET that expects 100", WITH(H "Content-Length: 5\r\nExpect: 100-continue\r\n"), 200, CLOSED,
     NULL},
    {"too large a body", POST("Content-Length: 65537\r\n", ""), 413, CLOSED, NULL},
    {"much too large a body", POST("Content-Length: 9223372036854775807\r\n", ""), 413, CLOSED,
     NULL},
};

E2E_TEST(http, fields_and_framing_are_checked)
{
    expect_cases(fields, COUNT_OF(fields));
}

/* --- Zero bytes ------------------------------------------------------------------------------- */

#define ROW(label, request)                                      \
    {                                                            \
        {label, request, 400, CLOSED, NULL}, sizeof(request) - 1 \
    }

E2E_TEST(http, zero_bytes_are_refused)
{
    static const struct {
        struct http_case row;
        size_t length;
    } rows[] = {
        ROW("NUL in a method", "G\0T /small.html HTTP/1.1\r\n" H "\r\n"),
        ROW("NUL in a target", "GET /sm\0all HTTP/1.1\r\n" H "\r\n"),
        ROW("NUL in a query", "GET /small.html?\0 HTTP/1.1\r\n" H "\r\n"),
        ROW("NUL in a name", WITH(H "X\0: y\r\n")),
        ROW("NUL in a value", WITH(H "X: a\0b\r\n")),
        ROW("NUL first", "\0GET / HTTP/1.1\r\n" H "\r\n"),
        ROW("TLS", "\x16\x03\x01\x02\0\x01\0\x01\xfc"),
    };
    struct site site;

    create_site(&site);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        const struct server *server = server_start(kind, &site, NULL);

        for (size_t i = 0; i < COUNT_OF(rows); i++)
            expect_case(server, &rows[i].row, rows[i].length);
    }
}
