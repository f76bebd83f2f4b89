/* rewritten_files: files that are rewritten in place while a client reads them slowly. A complete
 * body is of one version, because its entity tag is of one: the connection ends before its last
 * byte, or the body is as it was. Files that only grow, or are replaced, are sent to their end.
 *
 * The clients' receive buffers are small: over the loopback interface they refer to the pages of
 * the file as well, which no server can change. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

E2E_SUITE(rewritten_files);

enum { RECEIVE_BYTES = 16 << 10 };

static const char *const requests[] = {
    "GET /file.bin HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /file.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
};

static void write_in_place(const struct site *site, struct view content, size_t length)
{
    int fd = open(site_path(site, "file.bin"), O_WRONLY | O_CLOEXEC);
    cr_assert(fd >= 0 && pwrite(fd, content.data, length, 0) == (ssize_t)length, "%s",
              strerror(errno));
    close(fd);
}

static void append_to(const struct site *site)
{
    int fd = open(site_path(site, "file.bin"), O_WRONLY | O_APPEND | O_CLOEXEC);
    cr_assert(fd >= 0 && write(fd, "more", 4) == 4, "%s", strerror(errno));
    close(fd);
}

static void connect_slow(struct client *client, const struct server *server)
{
    client_connect_with(client, &(struct client_setup){.port = server->port,
                                                       .receive_buffer_bytes = RECEIVE_BYTES,
                                                       .read_bytes_max = KIB(16)});
}

/* Reads the rest of an answer, with a pause after each KIB(16). */
static enum answer read_slowly(struct client *client, struct response *ret)
{
    enum answer answer;
    size_t taken = 0, before;
    do {
        before = taken;
        taken = client_receive(client, taken + 1, deadline_after(5000)).length;
        poll(NULL, 0, 1);
        answer = client_read_response_until(client, false, ret, clock_ms());
    } while (answer == ANSWER_LATE && taken > before);
    return answer;
}

static bool is_whole(const struct response *response, struct view content)
{
    return response->body.length == content.length &&
           memcmp(response->body.data, content.data, content.length) == 0;
}

/* --- Slow readers ----------------------------------------------------------------------------- */

/* Requests the file, has it rewritten when some of it has come, and reads the rest. */
static void expect_one_version(const struct site *site, const struct server *server,
                               const char *request, size_t size)
{
    struct view old = content_make(size, 1), new = content_make(size, 2);
    struct response response;
    struct client client;
    site_write(site, "file.bin", old.data, old.length);
    connect_slow(&client, server);
    client_queue_text(&client, request);
    client_receive(&client, 5000, deadline_after(5000));
    poll(NULL, 0, 20); /* the socket takes what it holds */
    write_in_place(site, new, size);
    if (read_slowly(&client, &response) == ANSWER_WHOLE)
        cr_expect(is_whole(&response, old) || is_whole(&response, new), "%zu bytes are mixed: %s",
                  size, request);
    client_close(&client);
    unlink(site_path(site, "file.bin"));
}

E2E_TEST(rewritten_files, never_give_a_slow_reader_a_mixture)
{
    static const size_t sizes[] = {40 << 10, 300 << 10, 1 << 20, 3 << 20};
    struct site site;
    site_create(&site);
    site_write_text(&site, "index.html", "<!doctype html>\n");
    const struct server *server = server_start(PIPELINED, &site, "--threads 1 --cache-valid 0");
    for (unsigned i = 0; i < 3 * COUNT_OF(sizes); i++)
        for (size_t j = 0; j < COUNT_OF(requests); j++)
            expect_one_version(&site, server, requests[j], sizes[i % COUNT_OF(sizes)]);
}

/* --- Readers that were quick ------------------------------------------------------------------ */

/* Reads files so quickly that the server lets its socket fill, then requests the file and reads no
 * more of it. */
static void connect_quick(struct client *client, const struct server *server, const char *request)
{
    client_connect_with(
        client, &(struct client_setup){.port = server->port, .receive_buffer_bytes = KIB(64)});
    for (unsigned i = 0; i < 3; i++) {
        client_queue_text(client, "GET /other.bin HTTP/1.1\r\nHost: x\r\n\r\n");
        expect_status(client, "a file before", false, 200, NULL);
    }
    client_queue_text(client, request);
    cr_assert(client_flush_blindly(client));
}

/* Waits until SERVER has handed its answer to the kernel. */
static void await_sent(const struct server *server)
{
    poll(NULL, 0, 50);
    server_await_sleep(server);
}

static void create_site(struct site *site, struct view content)
{
    site_create(site);
    site_write_text(site, "index.html", "<!doctype html>\n");
    site_fill(site, "other.bin", MIB(2), 9);
    site_write(site, "file.bin", content.data, content.length);
}

/* The socket holds pages of the whole file, and the server has nothing more to send. */
E2E_TEST(rewritten_files, end_a_connection_whose_socket_holds_their_pages)
{
    struct view old = content_make(MIB(2), 1), new = content_make(MIB(2), 2);
    for (size_t i = 0; i < 2 * COUNT_OF(requests); i++) {
        struct pollfd event;
        struct response response;
        struct client client;
        struct site site;
        create_site(&site, old);
        const struct server *server = server_start(PIPELINED, &site, "--threads 1");
        connect_quick(&client, server, requests[i / 2]);
        if (i % 2 == 1)
            client_half_close(&client);
        await_sent(server);
        write_in_place(&site, new, MIB(1));
        event = (struct pollfd){.fd = client.fd};
        cr_expect(poll(&event, 1, 10000) == 1 && event.revents & POLLERR,
                  "the connection is not reset");
        cr_expect(client_read_response(&client, false, &response) != ANSWER_WHOLE);
        client_close(&client);
    }
}

/* The connection goes on: it has another answer. Closes it. */
static void expect_another(struct client *client)
{
    client_queue_text(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_status(client, "another request", false, 200, NULL);
    client_close(client);
}

E2E_TEST(rewritten_files, that_grow_or_are_replaced_end_no_connection)
{
    enum { WATCHED_MS = 300 };
    struct view content = content_make(MIB(2), 1);
    for (unsigned i = 0; i < 2; i++) {
        struct response response;
        struct client client;
        struct site site;
        create_site(&site, content);
        const struct server *server = server_start(PIPELINED, &site, "--threads 1");
        connect_quick(&client, server, requests[0]);
        await_sent(server);
        if (i == 0)
            append_to(&site);
        else
            site_replace_text(&site, "file.bin", "another file\n");
        let_pass(WATCHED_MS);
        if (expect_status(&client, i == 0 ? "it grew" : "it was replaced", false, 200, &response))
            cr_expect(is_whole(&response, content), "not the bytes of the file");
        expect_another(&client);
    }
}

/* The client has all of it, so a later version does not concern its connection. */
E2E_TEST(rewritten_files, after_they_were_delivered_end_no_connection)
{
    enum { WATCHED_MS = 300 };
    struct view old = content_make(MIB(2), 1), new = content_make(MIB(2), 2);
    struct response response;
    struct client client;
    struct site site;
    create_site(&site, old);
    const struct server *server = server_start(PIPELINED, &site, "--threads 1");
    connect_quick(&client, server, requests[0]);
    if (expect_status(&client, "the file", false, 200, &response))
        cr_expect(is_whole(&response, old), "not the bytes of the file");
    write_in_place(&site, new, MIB(2));
    let_pass(WATCHED_MS);
    expect_another(&client);
}
