/* cache: the server follows changes in ROOT within --cache-valid, and answers truthfully when a
 * file changes while it is being sent. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

E2E_SUITE(cache);

enum { VALID_MS = 100 };

#define VALID "--cache-valid 100ms"

/* Waits until the server must check its cached entries again. */
static void outlive_cache(void)
{
    let_pass(VALID_MS + 50);
}

static void expect_text(const struct server *server, const char *what, const char *path,
                        const char *text)
{
    struct response response;

    if (expect_fetch(server, what, request_text("GET", path), 200, &response))
        cr_expect(response.body.length == strlen(text) &&
                      memcmp(response.body.data, text, response.body.length) == 0,
                  "%s: \"%s\" expected, got \"%s\"", what, text,
                  text_visible(response.body.data, response.body.length));
}

/* --- Changes between requests ----------------------------------------------------------------- */

E2E_TEST(cache, follows_changes_of_a_file)
{
    struct site site;
    const struct server *server;
    int fd;

    site_create(&site);
    site_write_text(&site, "a.txt", "first");
    server = server_start(PIPELINED, &site, VALID);
    expect_text(server, "at first", "/a.txt", "first");
    expect_text(server, "again", "/a.txt", "first");

    site_replace_text(&site, "a.txt", "another length");
    outlive_cache();
    expect_text(server, "replaced", "/a.txt", "another length");

    site_replace_text(&site, "a.txt", "length another");
    outlive_cache();
    expect_text(server, "replaced by one of the same size", "/a.txt", "length another");

    site_set_time(&site, "a.txt", SITE_TIME);
    outlive_cache();
    expect_text(server, "given another time", "/a.txt", "length another");
    site_write_text(&site, "b.txt", "another length");
    cr_assert(rename(site_path(&site, "b.txt"), site_path(&site, "a.txt")) == 0);
    outlive_cache();
    expect_text(server, "replaced by one of the same size and time", "/a.txt", "another length");

    fd = open(site_path(&site, "a.txt"), O_WRONLY | O_CLOEXEC);
    cr_assert(fd >= 0 && pwrite(fd, "ANOTHER", 7, 0) == 7);
    outlive_cache();
    expect_text(server, "rewritten in place", "/a.txt", "ANOTHER length");
    cr_assert(ftruncate(fd, 7) == 0);
    outlive_cache();
    expect_text(server, "truncated in place", "/a.txt", "ANOTHER");
    cr_assert(pwrite(fd, " and more", 9, 7) == 9);
    close(fd);
    outlive_cache();
    expect_text(server, "grown in place", "/a.txt", "ANOTHER and more");
}

E2E_TEST(cache, follows_files_that_appear_and_disappear)
{
    struct site site;
    const struct server *server;

    site_create(&site);
    site_mkdir(&site, "dir");
    server = server_start(PIPELINED, &site, VALID);
    expect_fetch(server, "not there yet", request_text("GET", "/a.txt"), 404, NULL);
    expect_fetch(server, "not there yet", request_text("GET", "/a.txt"), 404, NULL);
    site_write_text(&site, "a.txt", "here");
    outlive_cache();
    expect_text(server, "it came", "/a.txt", "here");
    cr_assert(unlink(site_path(&site, "a.txt")) == 0);
    outlive_cache();
    expect_fetch(server, "it went", request_text("GET", "/a.txt"), 404, NULL);

    expect_fetch(server, "no index yet", request_text("GET", "/dir/"), 404, NULL);
    site_write_text(&site, "dir/index.html", "index");
    outlive_cache();
    expect_text(server, "an index came", "/dir/", "index");

    cr_assert(rename(site_path(&site, "dir"), site_path(&site, "b")) == 0);
    outlive_cache();
    expect_fetch(server, "its directory went", request_text("GET", "/dir/index.html"), 404, NULL);
    expect_fetch(server, "another came", request_text("GET", "/b"), 301, NULL);
    site_write_text(&site, "dir", "a file now");
    outlive_cache();
    expect_text(server, "a directory that became a file", "/dir", "a file now");
}

E2E_TEST(cache, follows_large_files)
{
    struct site site;
    const struct server *server;
    struct view second;
    struct response response;

    site_create(&site);
    site_fill(&site, "a.jpg", KIB(300), 1);
    server = server_start(PIPELINED, &site, VALID);
    expect_fetch(server, "at first", request_text("GET", "/a.jpg"), 200, NULL);
    second = site_fill(&site, "b.jpg", KIB(300), 2);
    cr_assert(rename(site_path(&site, "b.jpg"), site_path(&site, "a.jpg")) == 0);
    outlive_cache();
    cr_assert(expect_fetch(server, "replaced", request_text("GET", "/a.jpg"), 200, &response));
    cr_expect(response.body.length == second.length &&
                  memcmp(response.body.data, second.data, second.length) == 0,
              "the file that was replaced is still served");
}

static void expect_large(const struct server *server, const char *what, struct view content)
{
    struct response response;

    what = text_format("%s, %s", server->name, what);
    if (expect_fetch(server, what, request_text("GET", "/a.jpg"), 200, &response))
        cr_expect(response.body.length == content.length &&
                      memcmp(response.body.data, content.data, content.length) == 0,
                  "%s: not the bytes of the file: %zu of %zu", what, response.body.length,
                  content.length);
}

/* Writes CONTENT over PATH's first bytes, in place; the file ends after it. */
static void overwrite(const struct site *site, const char *path, struct view content)
{
    int fd = open(site_path(site, path), O_WRONLY | O_CLOEXEC);

    cr_assert(fd >= 0 && pwrite(fd, content.data, content.length, 0) == (ssize_t)content.length &&
                  ftruncate(fd, (off_t)content.length) == 0,
              "%s: %s", path, strerror(errno));
    close(fd);
}

/* A body that is sent from a descriptor is the file as it is now; its validators and its length
 * must be those of the file as it is now too, even within --cache-valid. */
E2E_TEST(cache, follows_large_files_in_place_at_once)
{
    static const size_t lengths[] = {KIB(1300), KIB(1300), KIB(1500), KIB(1024) + 1};
    struct site site;
    struct view content;

    site_create(&site);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        const struct server *server;

        content = site_fill(&site, "a.jpg", KIB(1300), 1);
        server = server_start(kind, &site, "--threads 1 --cache-valid 60s");
        for (size_t i = 0; i < COUNT_OF(lengths); i++) {
            expect_large(server, "at first", content);
            expect_large(server, "again", content);
            site_set_time(&site, "a.jpg", SITE_TIME + 1000 * (time_t)(i + 1));
            expect_large(server, "touched", content);
            content = content_make(lengths[i], i + 2);
            overwrite(&site, "a.jpg", content);
            expect_large(server, "rewritten", content);
        }
    }
}

/* A deployment that builds a new directory and switches a symlink. */
E2E_TEST(cache, follows_a_switched_root)
{
    struct site site;
    const struct server *server;

    site_create(&site);
    site_write_text(&site, "one/a.txt", "one");
    site_write_text(&site, "one/only-one.txt", "one");
    site_write_text(&site, "two/a.txt", "two");
    site_write_text(&site, "two/only-two.txt", "two");
    site_link(&site, "current", "one");
    server = server_start_with(&(struct server_setup){
        .kind = PIPELINED,
        .root = site_path(&site, "current"),
        .options = VALID,
    });
    for (size_t round = 0; round < 3; round++) {
        expect_text(server, "before the switch", "/a.txt", "one");
        expect_text(server, "before the switch", "/only-one.txt", "one");
        expect_fetch(server, "before the switch", request_text("GET", "/only-two.txt"), 404, NULL);
        site_replace_link(&site, "current", "two");
        outlive_cache();
        expect_text(server, "after the switch", "/a.txt", "two");
        expect_text(server, "after the switch", "/only-two.txt", "two");
        expect_fetch(server, "after the switch", request_text("GET", "/only-one.txt"), 404, NULL);
        site_replace_link(&site, "current", "one");
        outlive_cache();
    }
}

E2E_TEST(cache, follows_every_change_when_it_is_off)
{
    struct site site;
    const struct server *server;

    site_create(&site);
    site_write_text(&site, "a.txt", "first");
    server = server_start(PIPELINED, &site, "--cache-bytes 0 --cache-valid 0");
    expect_text(server, "at first", "/a.txt", "first");
    site_replace_text(&site, "a.txt", "second");
    expect_text(server, "replaced", "/a.txt", "second");
}

E2E_TEST(cache, serves_more_files_than_it_has_room_for)
{
    struct site site;
    const struct server *server;

    site_create(&site);
    for (size_t i = 0; i < 300; i++)
        site_write_text(&site, text_format("%zu.txt", i), text_format("file %zu", i));
    server = server_start(PIPELINED, &site, "--cache-bytes 64K --threads 1");
    for (size_t round = 0; round < 2; round++)
        for (size_t i = 0; i < 300; i++)
            expect_text(server, "a file of many", text_format("/%zu.txt", i),
                        text_format("file %zu", i));
}

/* --- Changes while a file is being sent ------------------------------------------------------- */

enum { BIG_BYTES = 64 << 20, TAKEN_BYTES = 100000 };

/* Begins a download of /big.mp4 that is slow enough that most of it is still unsent. */
static void begin_download(struct client *client, const struct server *server)
{
    client_connect_with(client, &(struct client_setup){.port = server->port,
                                                       .receive_buffer_bytes = KIB(64),
                                                       .read_bytes_max = KIB(64)});
    client_queue_text(client, "GET /big.mp4 HTTP/1.1\r\nHost: x\r\n\r\n");
    client_receive(client, TAKEN_BYTES, deadline_after(5000));
}

static void expect_short(struct client *client, const struct server *server, const char *what)
{
    uint64_t bytes;

    client_drain(client, &bytes, deadline_after(20000));
    cr_expect(client->eof || client->error, "%s: the connection stays open after %llu bytes", what,
              (unsigned long long)bytes);
    cr_expect(bytes < BIG_BYTES, "%s: a whole answer came: %llu bytes", what,
              (unsigned long long)bytes);
    client_close(client);
    server_expect_alive(server, what);
}

E2E_TEST(cache, cuts_the_answer_when_its_file_is_truncated_or_rewritten)
{
    struct site site;
    struct client client;
    int fd;

    site_create(&site);
    site_write_text(&site, "index.html", "<!doctype html>\n");
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        const struct server *server = server_start(kind, &site, NULL);

        site_write_sparse(&site, "big.mp4", BIG_BYTES);
        outlive_cache();
        begin_download(&client, server);
        cr_assert(truncate(site_path(&site, "big.mp4"), (off_t)MIB(1)) == 0);
        expect_short(&client, server, text_format("%s, truncated", server->name));

        unlink(site_path(&site, "big.mp4"));
        site_write_sparse(&site, "big.mp4", BIG_BYTES);
        let_pass(1100); /* --cache-valid's default, a second */
        begin_download(&client, server);
        fd = open(site_path(&site, "big.mp4"), O_WRONLY | O_CLOEXEC);
        cr_assert(fd >= 0 && pwrite(fd, "changed", 7, BIG_BYTES / 2) == 7);
        close(fd);
        expect_short(&client, server, text_format("%s, rewritten", server->name));
        unlink(site_path(&site, "big.mp4"));
    }
}

enum departure {
    UNLINKED,
    REPLACED,
    RENAMED,
    CLOSED_TO_ALL,
    DEPARTURE_COUNT,
};

static void depart(const struct site *site, enum departure departure)
{
    const char *path = site_path(site, "big.mp4");
    int failed = 0;

    switch (departure) {
    case UNLINKED:
        failed = unlink(path);
        break;
    case REPLACED:
        site_replace_text(site, "big.mp4", "another file");
        break;
    case RENAMED:
        failed = rename(path, site_path(site, "old.mp4"));
        break;
    case CLOSED_TO_ALL:
        failed = chmod(path, 0);
        break;
    case DEPARTURE_COUNT:
        break;
    }
    cr_assert(failed == 0, "%s: %s", path, strerror(errno));
}

/* A change of its name or its mode does not change a file: a download in progress completes. */
E2E_TEST(cache, completes_the_answer_when_its_file_is_removed_or_renamed)
{
    struct site site;
    struct view content = content_make(MIB(24), 1);
    struct client client;

    site_create(&site);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        const struct server *server = server_start(kind, &site, VALID);

        for (enum departure departure = 0; departure < DEPARTURE_COUNT; departure++) {
            const char *what = text_format("%s, departure %d", server->name, (int)departure);
            struct response response;

            site_write(&site, "big.mp4", content.data, content.length);
            outlive_cache();
            begin_download(&client, server);
            depart(&site, departure);
            outlive_cache();
            if (departure == UNLINKED || departure == RENAMED)
                expect_fetch(server, what, request_text("GET", "/big.mp4"), 404, NULL);
            if (departure == REPLACED)
                expect_text(server, what, "/big.mp4", "another file");
            if (expect_status(&client, what, false, 200, &response))
                cr_expect(response.body.length == content.length &&
                              memcmp(response.body.data, content.data, content.length) == 0,
                          "%s: not the bytes of the file that went", what);
            client_close(&client);
            unlink(site_path(&site, "big.mp4"));
        }
    }
}

static const char *some_bytes_of(const char *path)
{
    return text_format(
        "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nRange: bytes=0-9\r\n\r\n", path);
}

/* Whether SERVER has the file NAME open, deleted or not. */
static bool has_open(const struct server *server, const char *name)
{
    char target[PATH_MAX];
    bool found = false;
    DIR *directory = opendir(text_format("/proc/%d/fd", (int)server->process.pid));
    cr_assert(directory != NULL);
    for (struct dirent *entry; (entry = readdir(directory));) {
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, target, sizeof target - 1);
        target[length < 0 ? 0 : length] = '\0';
        found = found || strstr(target, name) != NULL;
    }
    closedir(directory);
    return found;
}

/* The disk space of a deleted file must become free, and a medium below ROOT must be unmountable,
 * even while another large file is requested. */
E2E_TEST(cache, closes_files_that_are_not_requested_any_more)
{
    enum { WAIT_MS = 15000, PAUSE_MS = 50 };
    static const char *const options[] = {"--threads 1 --cache-valid 1h",
                                          "--threads 1 --cache-valid 0"};
    struct site site;
    site_create(&site);
    site_fill(&site, "other.bin", MIB(1) + 1, 2);
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        site_fill(&site, "rec.mp4", MIB(1) + 1, 1);
        const struct server *server = server_start(PIPELINED, &site, options[i]);
        expect_fetch(server, "it", some_bytes_of("/rec.mp4"), 206, NULL);
        cr_expect(has_open(server, "rec.mp4"), "%s: the test can't see it", options[i]);
        cr_assert(unlink(site_path(&site, "rec.mp4")) == 0);
        int64_t deadline = deadline_after(WAIT_MS);
        while (has_open(server, "rec.mp4") && deadline_left_ms(deadline) > 0) {
            expect_fetch(server, "the other", some_bytes_of("/other.bin"), 206, NULL);
            poll(NULL, 0, PAUSE_MS);
        }
        cr_expect(!has_open(server, "rec.mp4"), "%s: it is open", options[i]);
        while (has_open(server, "other.bin") && deadline_left_ms(deadline) > 0)
            poll(NULL, 0, PAUSE_MS);
        cr_expect(!has_open(server, "other.bin"), "%s: the other is open, of an idle server",
                  options[i]);
        server_await_sleep(server);
    }
}
