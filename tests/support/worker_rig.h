/* rig: a whole worker inside the test's process, serving a tree, with clients on the loopback
 * interface.
 *
 * For Criterion and for the plain runner alike. */
#ifndef SLUICE_TESTS_HOUSE_H
#define SLUICE_TESTS_HOUSE_H

#include "server/worker.h"
#include "support/answers.h"
#include "support/wire.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>

enum {
    WORKER_RIG_SMALL_BYTES = 900,
    WORKER_RIG_LARGE_BYTES = 3000000,
    WORKER_RIG_PATIENCE_MS = 10000
};

struct worker_rig {
    struct tree tree; /* small.txt (seed 1), large.bin (seed 2) */
    struct settings *settings;
    struct site_settings *site; /* the only one */
    struct worker_config config;
    struct worker *worker;
    int listener; /* the worker's, once it has been started */
    uint16_t port;
};

static const struct profile worker_rig_profile = {
    .name = "rig", .limits = {.minor_max = 1, .keepalive = true, .inflight_max = 64}};

/* Makes everything that a worker needs, which may be changed before worker_rig_start. */
static inline void worker_rig_init(struct worker_rig *rig)
{
    struct problem problem;
    signal(SIGPIPE, SIG_IGN);
    *rig = (struct worker_rig){.settings = settings_create()};
    tree_init(&rig->tree);
    tree_fill(&rig->tree, "small.txt", WORKER_RIG_SMALL_BYTES, 1);
    tree_fill(&rig->tree, "large.bin", WORKER_RIG_LARGE_BYTES, 2);
    rig->listener = wire_listen(&rig->port);
    rig->site = settings_add_site(rig->settings);
    rig->site->root_text = str_of(rig->tree.path);
    tree_must(settings_prepare(rig->settings, &problem) == 0, "settings_prepare");
    rig->settings->process.idle_ms = 10000;
    rig->settings->process.header_ms = 10000;
    rig->config = (struct worker_config){
        .profile = &worker_rig_profile,
        .settings = rig->settings,
        .backend = BACKEND_EPOLL,
        .listeners = &rig->listener,
        .listener_count = 1,
        .connections_max = 1000,
        .files_max = 10,
        .cache_bytes = 1 << 20,
        .done_fd = eventfd(0, EFD_CLOEXEC),
    };
}

static inline void worker_rig_start(struct worker_rig *rig)
{
    struct problem problem;
    tree_must(worker_create(&rig->worker, &rig->config, &problem) == 0, "worker_create");
    tree_must(worker_start(rig->worker, &problem) == 0, "worker_start");
}

/* Whether the worker's thread ends within MS. */
static inline bool worker_rig_ends(const struct worker_rig *rig, int ms)
{
    struct pollfd event = {.fd = rig->config.done_fd, .events = POLLIN};
    return poll(&event, 1, ms) == 1;
}

/* Drains the worker, if there is one, and removes everything. */
static inline void worker_rig_fini(struct worker_rig *rig)
{
    if (rig->worker)
        worker_drain(rig->worker);
    worker_destroy(rig->worker);
    close(rig->config.done_fd);
    settings_unref(rig->settings);
    tree_fini(&rig->tree);
}

static inline uint64_t worker_rig_count(const struct worker_rig *rig, enum counter which)
{
    return counters_read(worker_counters(rig->worker), which);
}

/* Waits until a counter has come to LEAST. */
static inline bool worker_rig_counts(const struct worker_rig *rig, enum counter which,
                                     uint64_t least)
{
    for (unsigned ms = 0; worker_rig_count(rig, which) < least; ms++) {
        if (ms == WORKER_RIG_PATIENCE_MS)
            return false;
        poll(NULL, 0, 1);
    }
    return true;
}

static inline uint64_t worker_rig_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Asks for NAME on FD, COUNT times at once, the last time with Connection: close, and reads to the
 * end. Whether every answer is 200 with LENGTH bytes that follow from SEED. */
static inline bool worker_rig_asks(int fd, const char *name, unsigned count, size_t length,
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

/* Whether what comes from FD until its end is one response, with STATUS. */
static inline bool worker_rig_is_answered(int fd, unsigned status)
{
    char bytes[2000];
    ssize_t length = wire_read_all(fd, bytes, sizeof bytes);
    struct str stream = {bytes, length > 0 ? (size_t)length : 0};
    struct answer answer;
    return answer_next(&stream, false, &answer) && answer.status == status && stream.length == 0;
}

/* Waits for a response from FD. Whether one has come, with STATUS, and nothing after it yet. */
static inline bool worker_rig_gets_answer(int fd, unsigned status)
{
    char bytes[2000];
    size_t got = 0;
    struct str stream;
    struct answer answer;
    do {
        ssize_t more = read(fd, bytes + got, sizeof bytes - got);
        if (more <= 0)
            return false;
        got += (size_t)more;
        stream = (struct str){bytes, got};
    } while (!answer_next(&stream, false, &answer));
    return answer.status == status && stream.length == 0;
}

/* The same on a connection of its own. */
static inline bool worker_rig_serves(const struct worker_rig *rig, const char *name, unsigned count,
                                     size_t length, uint64_t seed)
{
    int fd = wire_connect(rig->port);
    bool good = worker_rig_asks(fd, name, count, length, seed);
    close(fd);
    return good;
}

static inline bool worker_rig_serves_small(const struct worker_rig *rig)
{
    return worker_rig_serves(rig, "small.txt", 3, WORKER_RIG_SMALL_BYTES, 1);
}

#endif
