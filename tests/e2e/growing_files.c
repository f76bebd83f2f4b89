/* growing_files: files that others append to while they are served, as logs and downloads in
 * progress are. An answer is sent to its Content-Length and the connection goes on; a file that is
 * truncated or rewritten meanwhile ends it (see cache.c for those that change otherwise).
 *
 * A download is slow enough that most of it is still to be sent when its file changes: the
 * client's receive buffer and the server's send buffer hold less than the file. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

E2E_SUITE(growing_files);

enum { TAKEN_BYTES = 100000 };

#define BIG_BYTES MIB(24)

static void append(const struct site *site, const char *path, const char *data, size_t length)
{
    int fd = open(site_path(site, path), O_WRONLY | O_APPEND | O_CLOEXEC);
    cr_assert(fd >= 0 && write(fd, data, length) == (ssize_t)length, "%s: %s", path,
              strerror(errno));
    close(fd);
}

static void create_site(struct site *site)
{
    site_create(site);
    site_write_text(site, "index.html", "<!doctype html>\n");
}

/* Writes CONTENT to big.log, connects, sends FIELDS with a request for it, and takes the first
 * bytes of the answer. */
static void begin_download(struct client *client, const struct server *server,
                           const struct site *site, struct view content, const char *fields)
{
    site_write(site, "big.log", content.data, content.length);
    client_connect_with(client, &(struct client_setup){.port = server->port,
                                                       .receive_buffer_bytes = KIB(64),
                                                       .read_bytes_max = KIB(64)});
    client_queue_text(client, text_format("GET /big.log HTTP/1.1\r\nHost: x\r\n%s\r\n", fields));
    client_receive(client, TAKEN_BYTES, deadline_after(5000));
}

/* The connection goes on, if its server keeps connections: it answers another request. */
static void expect_next(struct client *client, const struct server *server, const char *what)
{
    if (server->kind != SIMPLE) {
        client_queue_text(client, "GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n");
        expect_status(client, what, false, 200, NULL);
    }
    client_close(client);
}

/* The answer to begin_download is CONTENT from FIRST on. */
static void expect_content(struct client *client, const char *what, int status, struct view content,
                           size_t first)
{
    struct response response;
    size_t length = content.length - first;
    if (expect_status(client, what, false, status, &response))
        cr_expect(response.body.length == length &&
                      memcmp(response.body.data, content.data + first, length) == 0,
                  "%s: not these bytes", what);
}

E2E_TEST(growing_files, are_sent_to_their_content_length)
{
    static const struct {
        const char *fields;
        int status;
        size_t first;
    } rows[] = {{"", 200, 0}, {"Range: bytes=1000-\r\n", 206, 1000}};
    struct view content = content_make(BIG_BYTES, 1);
    struct response response;
    struct client client;
    struct site site;
    create_site(&site);
    for (size_t i = 0; i < SERVER_KIND_COUNT * COUNT_OF(rows); i++) {
        size_t row = i / SERVER_KIND_COUNT;
        const struct server *server = server_start(i % SERVER_KIND_COUNT, &site, NULL);
        const char *what = text_format("%s, grown, %d", server->name, rows[row].status);
        begin_download(&client, server, &site, content, rows[row].fields);
        append(&site, "big.log", "one more line\n", 14);
        expect_content(&client, what, rows[row].status, content, rows[row].first);
        expect_next(&client, server, what);
        if (expect_fetch(server, what, request_text("GET", "/big.log"), 200, &response))
            cr_expect_eq(response.body.length, content.length + 14, "%s: the old length", what);
        unlink(site_path(&site, "big.log"));
    }
}

E2E_TEST(growing_files, several_ranges_of_them_are_sent)
{
    static const char ranges[] = "Range: bytes=0-9999999,10000001-19999999,20000001-\r\n";
    struct view content = content_make(BIG_BYTES, 1);
    struct response response;
    struct client client;
    struct site site;
    create_site(&site);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        const struct server *server = server_start(kind, &site, NULL);
        begin_download(&client, server, &site, content, ranges);
        append(&site, "big.log", "one more line\n", 14);
        if (expect_status(&client, server->name, false, 206, &response)) {
            cr_expect(memmem(response.body.data, response.body.length, content.data + 20000001,
                             content.length - 20000001),
                      "%s: the last part is not these bytes", server->name);
            cr_expect_gt(response.body.length, content.length - 2, "%s: a part is missing",
                         server->name);
        }
        expect_next(&client, server, server->name);
        unlink(site_path(&site, "big.log"));
    }
}

/* The answer can't be completed truthfully. */
static void expect_cut(struct client *client, const char *what)
{
    uint64_t bytes;
    client_drain(client, &bytes, deadline_after(20000));
    cr_expect(client->eof || client->error, "%s: the connection stays open", what);
    cr_expect(bytes < BIG_BYTES, "%s: a whole answer came", what);
    client_close(client);
}

E2E_TEST(growing_files, that_are_truncated_in_the_end_cut_the_answer_short)
{
    static const size_t lengths[] = {0, MIB(1), BIG_BYTES}; /* the last: as long as it was */
    struct view content = content_make(BIG_BYTES, 1);
    struct client client;
    struct site site;
    create_site(&site);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        const struct server *server = server_start(kind, &site, NULL);
        for (size_t i = 0; i < COUNT_OF(lengths); i++) {
            begin_download(&client, server, &site, content, "");
            append(&site, "big.log", "one more line\n", 14);
            cr_assert(truncate(site_path(&site, "big.log"), (off_t)lengths[i]) == 0);
            expect_cut(&client, text_format("%s, truncated to %zu", server->name, lengths[i]));
            unlink(site_path(&site, "big.log"));
        }
        server_expect_alive(server, "afterwards");
    }
}

E2E_TEST(growing_files, that_are_rewritten_at_the_same_size_cut_the_answer_short)
{
    struct view content = content_make(BIG_BYTES, 1), other = content_make(BIG_BYTES, 2);
    struct client client;
    struct site site;
    create_site(&site);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        const struct server *server = server_start(kind, &site, NULL);
        begin_download(&client, server, &site, content, "");
        int fd = open(site_path(&site, "big.log"), O_WRONLY | O_CLOEXEC);
        cr_assert(fd >= 0 && pwrite(fd, other.data, MIB(1), 0) == (ssize_t)MIB(1));
        close(fd);
        expect_cut(&client, server->name);
        unlink(site_path(&site, "big.log"));
    }
}

/* A log that is rotated by rename: the old one goes on to its end. */
E2E_TEST(growing_files, that_are_replaced_are_sent_as_they_were)
{
    struct view content = content_make(BIG_BYTES, 1);
    struct client client;
    struct site site;
    create_site(&site);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        const struct server *server = server_start(kind, &site, NULL);
        begin_download(&client, server, &site, content, "");
        append(&site, "big.log", "the last line\n", 14);
        site_replace_text(&site, "big.log", "a new log\n");
        expect_content(&client, server->name, 200, content, 0);
        expect_next(&client, server, server->name);
        unlink(site_path(&site, "big.log"));
    }
}

/* --- An append that is held up ---------------------------------------------------------------- */

/* A file system may hold up an append between the new mtime and the new size, for as long as a
 * commit of its journal takes: so does this, which sets the mtime only. */
static void begin_append(const struct site *site)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};
    cr_assert_eq(utimensat(AT_FDCWD, site_path(site, "big.log"), times, 0), 0);
}

/* Takes what the server has sent before it saw the change. It must be less than all. */
static void expect_pause(struct client *client, const char *what)
{
    enum { PAUSE_MS = 300 }; /* on any machine: after a second the file counts as rewritten */
    struct view taken = client_receive(client, BIG_BYTES, clock_ms() + PAUSE_MS);
    cr_expect_lt(taken.length, BIG_BYTES, "%s: nothing is held back", what);
    cr_expect_not(client->eof || client->error, "%s: the answer is cut", what);
}

/* Meanwhile other connections of the same thread are answered. */
E2E_TEST(growing_files, are_sent_on_after_an_append_that_is_held_up)
{
    struct view content = content_make(BIG_BYTES, 1);
    struct client client;
    struct site site;
    create_site(&site);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        const struct server *server = server_start(kind, &site, "--threads 1");
        begin_download(&client, server, &site, content, "");
        begin_append(&site);
        expect_pause(&client, server->name);
        expect_fetch(server, "another client", request_text("GET", "/index.html"), 200, NULL);
        append(&site, "big.log", "one more line\n", 14);
        expect_content(&client, server->name, 200, content, 0);
        expect_next(&client, server, server->name);
        unlink(site_path(&site, "big.log"));
    }
}

/* --- A log that is written without a pause ---------------------------------------------------- */

/* A process that appends CONTENT to the log at PATH, piece by piece, for ever: a log that has it
 * all is replaced by an empty one. */
static pid_t start_writer(const char *path, const char *fresh, struct view content)
{
    enum { PIECE_BYTES = 8 };
    const pid_t pid = process_fork();
    if (pid > 0)
        return pid;
    for (;;) {
        int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (fd < 0 || rename(fresh, path) < 0)
            _exit(1);
        for (size_t at = 0; at < content.length; at += PIECE_BYTES) {
            if (write(fd, content.data + at, PIECE_BYTES) != PIECE_BYTES)
                _exit(1);
        }
        close(fd);
    }
}

/* Each answer is the beginning of the log, as long as it was at some moment; it is never refused
 * because the log doesn't hold still. */
E2E_TEST(growing_files, are_found_while_they_are_written_without_a_pause)
{
    enum { LOG_BYTES = 32 << 10, FETCHES = 300 };
    struct view content = content_make(LOG_BYTES, 1);
    struct response response;
    struct site site;
    site_create(&site);
    site_write_text(&site, "busy.log", "");
    const struct server *server = server_start(PIPELINED, &site, "--cache-valid 0 --cache-bytes 0");
    pid_t writer =
        start_writer(site_path(&site, "busy.log"), site_path(&site, "../fresh.log"), content);
    size_t longest = 0;
    for (unsigned i = 0; i < FETCHES; i++) {
        if (!expect_fetch(server, "a busy log", request_text("GET", "/busy.log"), 200, &response))
            continue;
        longest = response.body.length > longest ? response.body.length : longest;
        cr_expect(response.body.length <= content.length &&
                      memcmp(response.body.data, content.data, response.body.length) == 0,
                  "not the beginning of the log");
    }
    cr_expect_gt(longest, 0, "every answer was empty");
    kill(writer, SIGKILL);
    waitpid(writer, NULL, 0);
}
