/* files: the files of ROOT: media types, sizes, and everything that must not be reached: dotfiles,
 * special files, unreadable files, symlinks that lead outside (openat2, RESOLVE_BENEATH). */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* --- What must not be reached ----------------------------------------------------------------- */

static const char secret[] = "nobody may read this";

static const struct {
    const char *path;
    int status;
} doors[] = {
    {"/.hidden", 404},
    {"/%2ehidden", 404},
    {"/dir/.hidden", 404},
    {"/.git/config", 404},
    {"/.well-known/security.txt", 200},
    {"/.well-known/.hidden", 404},
    {"/dir/.well-known/x.txt", 404},
    {"/..hidden", 404},
    {"/fifo", 404},
    {"/socket", 404},
    {"/fifo/", 404},
    {"/inner.txt", 200},
    {"/dir/up.txt", 200},
    {"/inner-dir/", 200},
    {"/inner-dir", 301},
    {"/absolute.txt", 403},
    {"/absolute-inner.txt", 403},
    {"/outside.txt", 403},
    {"/outside-dir/secret.txt", 403},
    {"/outside-dir/", 403},
    {"/outside-dir", 403},
    {"/out-and-in.txt", 403},
    {"/dangling.txt", 404},
    {"/loop", 404},
    {"/loop/x", 404},
};

static void create_doors(struct site *site)
{
    site_create(site);
    site_write_text(site, "../secret.txt", secret);
    site_write_text(site, "small.txt", "small");
    site_write_text(site, ".hidden", secret);
    site_write_text(site, "..hidden", secret);
    site_write_text(site, "dir/.hidden", secret);
    site_write_text(site, "dir/index.html", "dir");
    site_write_text(site, ".git/config", secret);
    site_write_text(site, ".well-known/security.txt", "well known");
    site_write_text(site, ".well-known/.hidden", secret);
    site_write_text(site, "dir/.well-known/x.txt", secret);
    site_fifo(site, "fifo");
    site_socket(site, "socket");
    site_link(site, "inner.txt", "small.txt");
    site_link(site, "dir/up.txt", "../small.txt");
    site_link(site, "inner-dir", "dir");
    site_link(site, "absolute.txt", site_path(site, "../secret.txt"));
    site_link(site, "absolute-inner.txt", site_path(site, "small.txt"));
    site_link(site, "outside.txt", "../secret.txt");
    site_link(site, "outside-dir", "..");
    site_link(site, "out-and-in.txt", "../root/small.txt");
    site_link(site, "dangling.txt", "nowhere.txt");
    site_link(site, "loop", "loop");
}

E2E_TEST(files, hidden_special_and_outside_ones_are_refused)
{
    struct site site;
    const struct server *server;

    create_doors(&site);
    server = server_start(PIPELINED, &site, NULL);
    for (size_t round = 0; round < 2; round++)
        for (size_t i = 0; i < COUNT_OF(doors); i++)
            expect_fetch(server, doors[i].path, request_text("GET", doors[i].path), doors[i].status,
                         NULL);
    expect_fetch(server, "a name that is too long",
                 request_text("GET", text_format("/%0300d.txt", 1)), 404, NULL);
    expect_fetch(server, "a path that is too long for the kernel",
                 request_text("GET", text_format("/%04500d/%02500d", 1, 1)), 404, NULL);
}

E2E_TEST(files, devices_are_not_served)
{
    struct site site;

    site_create(&site);
    if (mknod(site_path(&site, "null"), S_IFCHR | 0666, makedev(1, 3)) < 0)
        e2e_skip(text_format("mknod is refused here: %s", strerror(errno)));
    expect_fetch(server_start(PIPELINED, &site, NULL), "a device", request_text("GET", "/null"),
                 404, NULL);
}

E2E_TEST(files, of_a_wrong_size_are_forbidden)
{
    static const char *const paths[] = {"/version", "/cpuinfo", "/sys/kernel/ostype"};
    struct server *server =
        server_start_with(&(struct server_setup){.kind = PIPELINED, .root = "/proc"});

    for (size_t i = 0; i < COUNT_OF(paths); i++)
        expect_fetch(server, paths[i], request_text("GET", paths[i]), 403, NULL);
}

/* A process that is blocked in opening the FIFO at PATH for writing, or soon will be. */
static pid_t start_writer(const char *path)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    int fd;

    cr_assert(pid >= 0, "fork: %s", strerror(errno));
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    _exit(fd >= 0 ? 0 : 1);
}

/* Opening a FIFO, even just to examine it, would release a writer that waits for a reader. */
E2E_TEST(files, fifos_are_left_alone)
{
    enum { ASKED_MS = 300 };
    struct site site;
    const char *path;
    const struct server *server;
    int64_t end;
    int status = -1;
    pid_t writer;
    pid_t ended;
    int reader;

    create_doors(&site);
    path = site_path(&site, "fifo");
    server = server_start(PIPELINED, &site, "--cache-valid 0 --cache-bytes 0");
    writer = start_writer(path);
    end = clock_ms() + ASKED_MS;
    do {
        expect_fetch(server, "a FIFO", request_text("GET", "/fifo"), 404, NULL);
        expect_fetch(server, "a FIFO as directory", request_text("GET", "/fifo/"), 404, NULL);
        ended = waitpid(writer, &status, WNOHANG);
    } while (ended == 0 && clock_ms() < end);
    cr_assert(ended == 0, "the server opened the FIFO: its writer was released (%s)",
              status_text(status));

    /* The writer was really blocked: a reader releases it. */
    reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    cr_assert(reader >= 0, "%s: %s", path, strerror(errno));
    cr_expect(waitpid(writer, &status, 0) == writer && status == 0, "the writer: %s",
              status_text(status));
    close(reader);
}

E2E_TEST(files, no_target_leads_out_of_root)
{
    static const char *const paths[] = {
        "/../secret.txt",
        "/dir/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/.%2e/secret.txt",
        "/dir/%2e%2e/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%5csecret.txt",
        "/..\\secret.txt",
        "/%252e%252e/secret.txt",
        "//../secret.txt",
        "/./.././secret.txt",
        "/dir/..;/../secret.txt",
        "/%c0%ae%c0%ae/secret.txt",
        "/inner-dir/../../secret.txt",
        "/outside-dir/secret.txt",
        "http://x/../secret.txt",
        "/outside-dir/root/small.txt",
    };
    struct site site;

    create_doors(&site);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        const struct server *server = server_start(kind, &site, NULL);

        for (size_t i = 0; i < COUNT_OF(paths); i++) {
            struct response response;
            struct client client;
            enum answer answer;

            client_connect(&client, server);
            client_queue_text(&client, request_text("GET", paths[i]));
            answer = client_read_response(&client, false, &response);
            cr_assert(answer == ANSWER_WHOLE, "%s: %s", paths[i], answer_text(&client, answer));
            cr_expect(response.status >= 400 && response.status < 500, "%s: %d", paths[i],
                      response.status);
            cr_expect(!memmem(response.body.data, response.body.length, secret, strlen(secret)),
                      "%s leads outside", paths[i]);
            client_close(&client);
        }
    }
}

/* A server with the rights of root may read everything: this one runs as user 65534. */
E2E_TEST(files, unreadable_ones_are_forbidden)
{
    bool root = geteuid() == 0;
    struct site site;
    const struct server *server;

    site_create(&site);
    site_write_text(&site, "readable.txt", "x");
    site_write_text(&site, "unreadable.txt", secret);
    site_write_text(&site, "closed/file.txt", secret);
    site_write_text(&site, "unlisted/file.txt", "x");
    site_chmod(&site, "unreadable.txt", 0);
    site_chmod(&site, "closed", 0);
    site_chmod(&site, "unlisted", 0711);
    server = server_start_with(&(struct server_setup){
        .kind = PIPELINED,
        .root = site.path,
        .as_nobody = root,
    });
    expect_fetch(server, "readable", request_text("GET", "/readable.txt"), 200, NULL);
    expect_fetch(server, "unreadable", request_text("GET", "/unreadable.txt"), 403, NULL);
    expect_fetch(server, "in a closed directory", request_text("GET", "/closed/file.txt"), 403,
                 NULL);
    expect_fetch(server, "in an unlisted directory", request_text("GET", "/unlisted/file.txt"), 200,
                 NULL);
    /* The server may cache a 404, but not a 403: a new permission counts at once. */
    site_chmod(&site, "unreadable.txt", 0644);
    expect_fetch(server, "readable now", request_text("GET", "/unreadable.txt"), 200, NULL);
}

/* A path needs the right to search its directories, not the right to read them. */
E2E_TEST(files, directories_need_search_permission_only)
{
    bool root = geteuid() == 0;
    struct site site;

    site_create(&site);
    site_write_text(&site, "open/index.html", "x");
    site_write_text(&site, "open/inner/index.html", "x");
    site_write_text(&site, "open/empty/file.txt", "x");
    site_chmod(&site, "open/inner", 0311);
    site_chmod(&site, "open/empty", 0311);
    site_chmod(&site, "open", 0311);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        const struct server *server = server_start_with(&(struct server_setup){
            .kind = kind,
            .root = site.path,
            .as_nobody = root,
        });

        expect_fetch(server, "without slash", request_text("GET", "/open"), 301, NULL);
        expect_fetch(server, "with slash", request_text("GET", "/open/"), 200, NULL);
        expect_fetch(server, "inner, without slash", request_text("GET", "/open/inner"), 301, NULL);
        expect_fetch(server, "inner, with slash", request_text("GET", "/open/inner/"), 200, NULL);
        expect_fetch(server, "without index", request_text("GET", "/open/empty/"), 404, NULL);
    }
}
