/* unreachable_files: what must not be reached: dot files, special files, files without permission,
 * and everything outside ROOT, by whatever target or symbolic link (openat2, RESOLVE_BENEATH). */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

E2E_SUITE(unreachable_files);

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

E2E_TEST(unreachable_files, hidden_special_and_outside_ones_are_refused)
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

E2E_TEST(unreachable_files, devices_are_not_served)
{
    struct site site;

    site_create(&site);
    if (mknod(site_path(&site, "null"), S_IFCHR | 0666, makedev(1, 3)) < 0)
        e2e_skip(text_format("mknod is refused here: %s", strerror(errno)));
    expect_fetch(server_start(PIPELINED, &site, NULL), "a device", request_text("GET", "/null"),
                 404, NULL);
}

E2E_TEST(unreachable_files, of_a_wrong_size_are_forbidden)
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
    const pid_t pid = process_fork();
    if (pid > 0)
        return pid;
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    _exit(fd >= 0 ? 0 : 1);
}

/* Opening a FIFO, even just to examine it, would release a writer that waits for a reader. */
E2E_TEST(unreachable_files, fifos_are_left_alone)
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

E2E_TEST(unreachable_files, no_target_leads_out_of_root)
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
E2E_TEST(unreachable_files, unreadable_ones_are_forbidden)
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
E2E_TEST(unreachable_files, directories_need_search_permission_only)
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
