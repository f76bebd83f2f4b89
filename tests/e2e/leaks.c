/* leaks: a hundred thousand requests of every kind, over connections that end in every way, leave
 * no descriptor open and no memory allocated. Under sanitizers there are fewer requests, and the
 * sanitizer counts. */
#include "e2e.h"
#include "mix.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

E2E_SUITE(leaks);

enum { BATCH = 50 };

/* Sends COUNT requests at once and reads exactly the bytes of their answers. */
static void exchange(const struct mix *mix, struct client *client, const enum mix_kind *kinds,
                     size_t count)
{
    size_t length = 0;

    for (size_t i = 0; i < count; i++)
        length += mix->bytes[kinds[i]];
    mix_queue(client, kinds, count);
    cr_assert(client_receive(client, length, deadline_after(15000)).length == length,
              "%zu requests were not answered with %zu bytes", count, length);
    client_skip(client, length);
}

/* COUNT requests, pipelined, on connections that do 20 batches each. */
static void pipelined(const struct mix *mix, size_t count)
{
    enum mix_kind kinds[BATCH];
    struct client client;

    for (size_t done = 0; done < count;) {
        client_connect(&client, mix->server);
        for (size_t batch = 0; batch < 20; batch++, done += BATCH) {
            mix_choose(kinds, BATCH, 1, done + 1);
            exchange(mix, &client, kinds, BATCH);
        }
        client_close(&client);
    }
}

/* COUNT requests one by one, on connections that do 100 each. */
static void one_by_one(const struct mix *mix, size_t count)
{
    enum mix_kind kinds[100];
    struct client client;

    for (size_t done = 0; done < count; done += COUNT_OF(kinds)) {
        mix_choose(kinds, COUNT_OF(kinds), 0, done + 1);
        client_connect(&client, mix->server);
        for (size_t i = 0; i < COUNT_OF(kinds); i++)
            exchange(mix, &client, &kinds[i], 1);
        client_close(&client);
    }
}

/* COUNT requests, each on a connection that the server closes, or is half-closed. */
static void short_ones(const struct mix *mix, size_t count)
{
    static const enum mix_kind kinds[] = {MIX_CLOSE, MIX_BAD, MIX_SMALL, MIX_MISSING};
    struct client client;

    for (size_t i = 0; i < count; i++) {
        enum mix_kind kind = kinds[i % COUNT_OF(kinds)];

        client_connect(&client, mix->server);
        mix_queue(&client, &kind, 1);
        client_flush(&client);
        if (kind == MIX_SMALL || kind == MIX_MISSING)
            client_half_close(&client);
        cr_assert(mix_expect(mix, "a short connection", &client, &kind, 1));
        client_close(&client);
    }
}

/* COUNT requests on connections that the client resets. */
static void aborted(const struct mix *mix, size_t count)
{
    static const enum mix_kind kinds[] = {MIX_LARGE, MIX_SMALL, MIX_LARGE, MIX_LARGE, MIX_BODY};
    struct client client;

    for (size_t i = 0; i < count; i += COUNT_OF(kinds)) {
        client_connect(&client, mix->server);
        mix_queue(&client, kinds, COUNT_OF(kinds));
        client_flush_blindly(&client);
        if (i % 2)
            client_receive(&client, 1, deadline_after(15000));
        client_abort(&client);
    }
}

struct traffic {
    size_t pipelined;
    size_t one_by_one;
    size_t short_ones;
    size_t aborted;
};

static void drive(const struct mix *mix, const struct traffic *traffic, size_t divisor)
{
    pipelined(mix, traffic->pipelined / divisor);
    one_by_one(mix, traffic->one_by_one / divisor);
    short_ones(mix, traffic->short_ones / divisor);
    aborted(mix, traffic->aborted / divisor);
}

static void expect_no_leak(enum server_kind kind, const struct traffic *traffic)
{
    struct mix mix;
    const struct server *server;
    struct usage before;
    struct usage after;
    size_t descriptors;

    mix_create(&mix);
    server = server_start(kind, &mix.site, "--threads 1 --cache-valid 1h");
    mix_learn(&mix, server);
    descriptors = server_settled_descriptors(server);
    drive(&mix, traffic, e2e_scaled(10, 50));
    server_expect_descriptors(server, descriptors, "after some requests");

    before = process_usage(&server->process);
    drive(&mix, traffic, e2e_scaled(1, 5));
    server_expect_descriptors(server, descriptors, "after many requests");
    after = process_usage(&server->process);
    if (!server->instrumented)
        cr_expect(after.resident_bytes < before.resident_bytes + MIB(4),
                  "%s: %zu bytes were resident, %zu are", server->name, before.resident_bytes,
                  after.resident_bytes);
    server_expect_alive(server, "after all that");
}

E2E_TEST(leaks, nothing_of_pipelined_server)
{
    expect_no_leak(PIPELINED, &(struct traffic){60000, 30000, 8000, 2000});
}

E2E_TEST(leaks, nothing_of_persistent_server)
{
    expect_no_leak(PERSISTENT, &(struct traffic){20000, 10000, 2000, 1000});
}

E2E_TEST(leaks, nothing_of_simple_server)
{
    expect_no_leak(SIMPLE, &(struct traffic){0, 0, 10000, 1000});
}

/* A pipe that the parent left open has its end although the server runs. */
E2E_TEST(leaks, keeps_no_descriptor_of_its_parent)
{
    int ends[2];
    char byte;
    struct site site;

    site_create(&site);
    cr_assert(pipe2(ends, O_CLOEXEC) == 0);
    server_start_with(
        &(struct server_setup){.kind = SIMPLE, .root = site.path, .inherited_fd = ends[1]});
    close(ends[1]);
    struct pollfd ended = {.fd = ends[0], .events = POLLIN};
    cr_expect(poll(&ended, 1, deadline_left_ms(deadline_after(2000))) == 1 &&
                  read(ends[0], &byte, 1) == 0,
              "the server keeps the pipe open");
    close(ends[0]);
}

/* The directory may have no path that the server could use: unlinked, or of another mount
 * namespace. */
E2E_TEST(leaks, keeps_the_descriptor_that_root_names)
{
    struct site site;
    struct response response;
    char root[32];

    site_create(&site);
    site_write_text(&site, "a.txt", "content");
    int fd = open(site.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    cr_assert(fd > STDERR_FILENO);
    snprintf(root, sizeof root, "/dev/fd/%d", fd);
    const struct server *server = server_start_with(&(struct server_setup){
        .kind = SIMPLE, .root = root, .inherited_fd = fd, .options = "--cache-valid 0"});
    close(fd);
    site_write_text(&site, "b.txt", "later");
    expect_fetch(server, "a file", request_text("GET", "/a.txt"), 200, &response);
    expect_fetch(server, "a new file", request_text("GET", "/b.txt"), 200, &response);
}
