/* files: the files of ROOT: media types, names and sizes. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <string.h>

E2E_SUITE(files);

/* --- Media types ------------------------------------------------------------------------------ */

#define UTF8 "; charset=utf-8"

static const struct {
    const char *name;
    const char *type; /* "a|b": either is right */
} types[] = {
    {"a.html", "text/html" UTF8},
    {"a.htm", "text/html" UTF8},
    {"a.HTML", "text/html" UTF8},
    {"a.css", "text/css" UTF8},
    {"a.js", "text/javascript" UTF8},
    {"a.mjs", "text/javascript" UTF8},
    {"a.txt", "text/plain" UTF8},
    {"a.csv", "text/csv" UTF8},
    {"a.md", "text/markdown" UTF8},
    {"a.jpg", "image/jpeg"},
    {"a.jpeg", "image/jpeg"},
    {"a.JPG", "image/jpeg"},
    {"a.png", "image/png"},
    {"a.gif", "image/gif"},
    {"a.svg", "image/svg+xml"},
    {"a.webp", "image/webp"},
    {"a.avif", "image/avif"},
    {"a.ico", "image/x-icon|image/vnd.microsoft.icon"},
    {"a.woff2", "font/woff2"},
    {"a.woff", "font/woff"},
    {"a.json", "application/json"},
    {"a.map", "application/json"},
    {"a.webmanifest", "application/manifest+json"},
    {"a.wasm", "application/wasm"},
    {"a.pdf", "application/pdf"},
    {"a.zip", "application/zip"},
    {"a.xml", "application/xml|text/xml" UTF8},
    {"a.mp4", "video/mp4"},
    {"a.webm", "video/webm"},
    {"a.mp3", "audio/mpeg"},
    {"a.min.js", "text/javascript" UTF8},
    {"a.html.zip", "application/zip"},
    {"a.unheard-of", "application/octet-stream"},
    {"html", "application/octet-stream"},
    {"a.", "application/octet-stream"},
};

static bool is_one_of(const char *value, const char *alternatives)
{
    size_t length = strlen(value);

    for (const char *one = alternatives; one; one = strchr(one, '|')) {
        one += *one == '|';
        if (strncmp(one, value, length) == 0 && (one[length] == '\0' || one[length] == '|'))
            return true;
    }
    return false;
}

static void expect_type(const struct server *server, const char *path, const char *types_allowed)
{
    struct response response;
    const char *type;

    if (!expect_fetch(server, path, request_text("GET", path), 200, &response))
        return;
    type = response_field(&response, "Content-Type");
    cr_expect(type && is_one_of(type, types_allowed), "%s: Content-Type: %s", path,
              type ? type : "(none)");
}

E2E_TEST(files, have_the_media_type_of_their_extension)
{
    struct site site;
    const struct server *server;

    site_create(&site);
    for (size_t i = 0; i < COUNT_OF(types); i++)
        site_write_text(&site, types[i].name, "x");
    server = server_start(PIPELINED, &site, NULL);
    for (size_t i = 0; i < COUNT_OF(types); i++)
        expect_type(server, text_format("/%s", types[i].name), types[i].type);
}

E2E_TEST(files, have_the_media_types_of_the_users_table)
{
    struct site site;
    const struct server *server;

    site_create(&site);
    site_write_text(
        &site, "../mime.types",
        "# ours\nimage/x-ours\tours our\n\ntext/x-words words\napplication/x-html html\n");
    site_write_text(&site, "a.our", "x");
    site_write_text(&site, "a.words", "x");
    site_write_text(&site, "a.html", "x");
    site_write_text(&site, "a.css", "x");
    server = server_start(PIPELINED, &site,
                          text_format("--mime-types %s", site_path(&site, "../mime.types")));
    expect_type(server, "/a.our", "image/x-ours");
    expect_type(server, "/a.words", "text/x-words"); /* as it is written: no charset is added */
    expect_type(server, "/a.html", "application/x-html");
    expect_type(server, "/a.css", "text/css" UTF8);
}

E2E_TEST(files, with_well_known_paths_have_the_types_that_programs_expect)
{
    static const struct {
        const char *path, *type;
    } rows[] = {
        {".well-known/apple-app-site-association", "application/json"},
        {".well-known/openid-configuration", "application/json"},
        {".well-known/assetlinks.json", "application/json"},
        {".well-known/webfinger", "application/jrd+json"},
        {".well-known/acme-challenge/token", "application/octet-stream"},
    };
    struct site site;
    site_create(&site);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        site_write_text(&site, rows[i].path, "{}");
    const struct server *server = server_start(PIPELINED, &site, NULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_type(server, text_format("/%s", rows[i].path), rows[i].type);
}

/* --- Names ------------------------------------------------------------------------------------ */

E2E_TEST(files, are_found_by_utf8_that_is_not_encoded)
{
    static const struct {
        const char *target;
        int status;
        const char *location;
    } rows[] = {
        {"/gr\xc3\xbc\xc3\x9f"
         "e.txt",
         200, NULL},
        {"/gr%c3%bc\xc3\x9f"
         "e.txt",
         200, NULL},
        {"/gr\xc3\xbc\xc3\x9f"
         "e.txt?q=\xc3\xa4",
         200, NULL},
        {"http://a/\xe6\x97\xa5/", 200, NULL},
        {"/\xe6\x97\xa5", 301, "%E6%97%A5/"},
        {"/\xe6\x97\xa5?q=\xc3\xa4&r=%c3", 301, "%E6%97%A5/?q=%C3%A4&r=%c3"},
        {"/\xe6\x97\xa5x", 404, NULL},
        {"/gr\xfc\xdf"
         "e.txt",
         400, NULL}, /* Latin-1 */
        {"/\xc0\xaf", 400, NULL},
        {"/\xed\xa0\x80", 400, NULL},
    };
    struct site site;
    struct response response;
    site_create(&site);
    site_write_text(&site,
                    "gr\xc3\xbc\xc3\x9f"
                    "e.txt",
                    "x");
    site_write_text(&site, "\xe6\x97\xa5/index.html", "x");
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        const struct server *server = server_start(kind, &site, NULL);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            const char *target = rows[i].target;
            if (!expect_fetch(server, target, request_text("GET", target), rows[i].status,
                              &response) ||
                !rows[i].location)
                continue;
            const char *location = response_field(&response, "Location");
            cr_expect(location && strcmp(location, rows[i].location) == 0, "%s: %s", target,
                      location ? location : "(none)");
        }
    }
}

/* --- Sizes ------------------------------------------------------------------------------------ */

E2E_TEST(files, of_every_size_are_served_whole)
{
    static const size_t sizes[] = {0,           1,        1023,        1024,       4096,
                                   16384,       KIB(32),  KIB(64) - 1, KIB(64),    KIB(64) + 1,
                                   KIB(32) + 1, KIB(300), MIB(1),      MIB(1) + 1, MIB(8) + 1};
    struct site site;
    struct view contents[COUNT_OF(sizes)];

    site_create(&site);
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        contents[i] = site_fill(&site, text_format("%zu.jpg", sizes[i]), sizes[i], i);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        const struct server *server = server_start(kind, &site, NULL);

        for (size_t round = 0; round < 2; round++) /* the second round is from the cache */
            for (size_t i = 0; i < COUNT_OF(sizes); i++) {
                const char *path = text_format("/%zu.jpg", sizes[i]);
                struct response response;

                if (expect_fetch(server, path, request_text("GET", path), 200, &response))
                    cr_expect(response.body.length == sizes[i] &&
                                  memcmp(response.body.data, contents[i].data, sizes[i]) == 0,
                              "%s, %s: %zu bytes, or other ones", server->name, path,
                              response.body.length);
            }
    }
}
