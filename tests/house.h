/* house: a whole worker inside the test's process, serving a tree, with clients on the loopback interface.
 *
 * For Criterion and for the plain runner alike. */
#ifndef SLUICE_TESTS_HOUSE_H
#define SLUICE_TESTS_HOUSE_H

#include "answers.h"
#include "wire.h"
#include "worker.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>

enum { HOUSE_SMALL_BYTES = 900, HOUSE_LARGE_BYTES = 3000000, HOUSE_PATIENCE_MS = 10000 };

struct house {
    struct tree tree; /* small.txt (seed 1), large.bin (seed 2) */
    struct mime *mime;
    struct options options;
    struct worker_config config;
    struct worker *worker;
    int listener; /* the worker's, once it has been started */
    uint16_t port;
};

static const struct profile house_profile = {
    .name = "house", .http_minor_max = 1, .keepalive = true, .inflight_max = 64};

/* All that a worker needs, which may be changed before house_start. */
static inline void house_init(struct house *house)
{
    signal(SIGPIPE, SIG_IGN);
    *house = (struct house){.mime = mime_create()};
    tree_init(&house->tree);
    tree_fill(&house->tree, "small.txt", HOUSE_SMALL_BYTES, 1);
    tree_fill(&house->tree, "large.bin", HOUSE_LARGE_BYTES, 2);
    house->listener = wire_listen(&house->port);
    house->options = (struct options){
        .backend = BACKEND_EPOLL,
        .idle_ms = 10000,
        .header_ms = 10000,
        .drain_ms = 5000,
        .head_bytes_max = 8192,
        .body_bytes_max = 65536,
        .index = "index.html",
        .cache_valid_ms = 1000,
    };
    house->config = (struct worker_config){
        .profile = &house_profile,
        .options = &house->options,
        .mime = house->mime,
        .root = house->tree.path,
        .listeners = &house->listener,
        .listener_count = 1,
        .connections_max = 1000,
        .files_max = 10,
        .cache_bytes = 1 << 20,
        .done_fd = eventfd(0, EFD_CLOEXEC),
    };
}

static inline void house_start(struct house *house)
{
    const char *what;
    tree_must(worker_create(&house->worker, &house->config, &what) == 0, "worker_create");
    tree_must(worker_start(house->worker) == 0, "worker_start");
}

/* Whether the worker's thread ends within MS. */
static inline bool house_ends(const struct house *house, int ms)
{
    struct pollfd event = {.fd = house->config.done_fd, .events = POLLIN};
    return poll(&event, 1, ms) == 1;
}

/* Drains the worker, if there is one, and removes everything. */
static inline void house_fini(struct house *house)
{
    if (house->worker)
        worker_drain(house->worker);
    worker_destroy(house->worker);
    close(house->config.done_fd);
    mime_destroy(house->mime);
    tree_fini(&house->tree);
}

static inline uint64_t house_count(const struct house *house, enum counter which)
{
    return counters_read(worker_counters(house->worker), which);
}

/* Waits until a counter has come to LEAST. */
static inline bool house_counts(const struct house *house, enum counter which, uint64_t least)
{
    for (unsigned ms = 0; house_count(house, which) < least; ms++) {
        if (ms == HOUSE_PATIENCE_MS)
            return false;
        poll(NULL, 0, 1);
    }
    return true;
}

static inline uint64_t house_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Asks for NAME on FD, COUNT times at once, the last time with Connection: close, and reads to the end.
 * Whether every answer is 200 with LENGTH bytes that follow from SEED. */
static inline bool house_asks(int fd, const char *name, unsigned count, size_t length,
                              uint64_t seed)
{
    char request[128];
    size_t room = count * (length + 1024);
    char *bytes = malloc(room);
    tree_must(bytes != NULL, "malloc");
    bool good = true;
    for (unsigned i = 1; i <= count && good; i++) {
        snprintf(request, sizeof request, "GET /%s HTTP/1.1\r\nHost: a\r\n%s\r\n", name,
                 i == count ? "Connection: close\r\n" : "");
        good = wire_send(fd, str_of(request));
    }
    ssize_t got = good ? wire_read_all(fd, bytes, room) : -1;
    struct str stream = {bytes, got > 0 ? (size_t)got : 0};
    struct answer answer;
    for (unsigned i = 0; i < count && good; i++)
        good = answer_next(&stream, false, &answer) && answer.status == 200 &&
               tree_filled(answer.body, length, seed);
    free(bytes);
    return good && stream.length == 0;
}

/* The same on a connection of its own. */
static inline bool house_serves(const struct house *house, const char *name, unsigned count,
                                size_t length, uint64_t seed)
{
    int fd = wire_connect(house->port);
    bool good = house_asks(fd, name, count, length, seed);
    close(fd);
    return good;
}

static inline bool house_serves_small(const struct house *house)
{
    return house_serves(house, "small.txt", 3, HOUSE_SMALL_BYTES, 1);
}

#endif
