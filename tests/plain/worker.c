/* worker: started, used by several clients at once, watched and drained from another thread; on
 * each backend. */
#include "plain.h"
#include "support/uring_here.h"
#include "support/worker_rig.h"

#include <pthread.h>
#include <stdatomic.h>

enum { CLIENTS = 6, VISITS = 30 };

static struct worker_rig rig;
static enum backend backend = BACKEND_EPOLL;
static atomic_uint good_count;

static void *visit(void *argument)
{
    (void)argument;
    for (unsigned i = 0; i < VISITS; i++) {
        bool good = i % 10 ? worker_rig_serves_small(&rig)
                           : worker_rig_serves(&rig, "large.bin", 1, WORKER_RIG_LARGE_BYTES, 2);
        atomic_fetch_add(&good_count, good);
    }
    return NULL;
}

/* Starts clients. Returns their number. */
static unsigned begin_visits(pthread_t threads[static CLIENTS])
{
    unsigned started = 0;
    atomic_store(&good_count, 0);
    for (; started < CLIENTS; started++) {
        if (pthread_create(&threads[started], NULL, visit, NULL) != 0)
            break;
    }
    EXPECT(started == CLIENTS);
    return started;
}

static void end_visits(const pthread_t threads[static CLIENTS], unsigned started)
{
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    EXPECT(atomic_load(&good_count) == CLIENTS * VISITS);
}

/* The main thread replaces them, while the worker and its jobs read them. */
void worker_serves_while_media_types_change(void)
{
    static char path[TREE_PATH_BYTES + 8];
    pthread_t threads[CLIENTS];
    struct problem problem;
    worker_rig_init(&rig);
    rig.site->cache_valid_ms = 1;
    rig.site->mime = NULL; /* the built-in types are not the site's own */
    snprintf(path, sizeof path, "%s/types", rig.tree.path);
    tree_write(&rig.tree, "types", STR("text/first txt\n"));
    rig.site->mime_types_path = str_of(path);
    EXPECT(settings_prepare(rig.settings, &problem) == 0);
    worker_rig_start(&rig);
    const unsigned started = begin_visits(threads);
    for (unsigned i = 0; i < 100; i++) {
        tree_write(&rig.tree, "types", i % 2 ? STR("text/first txt\n") : STR("text/second txt\n"));
        EXPECT(settings_reread_types(rig.settings, &problem) == 0);
        worker_revalidate(rig.worker);
        poll(NULL, 0, 1);
    }
    end_visits(threads, started);
    worker_rig_fini(&rig);
}

void worker_serves_many_clients(void)
{
    pthread_t threads[CLIENTS];
    worker_rig_init(&rig);
    rig.config.backend = backend;
    rig.site->cache_valid_ms = 1; /* files are checked again and again, by jobs */
    worker_rig_start(&rig);
    const unsigned started = begin_visits(threads);
    uint64_t sum = 0;
    for (unsigned i = 0; i < 1000; i++)
        sum += worker_rig_count(&rig, COUNTER_BYTES_SENT);
    end_visits(threads, started);
    EXPECT(sum <= 1000 * worker_rig_count(&rig, COUNTER_BYTES_SENT));
    worker_drain(rig.worker);
    EXPECT(worker_rig_ends(&rig, WORKER_RIG_PATIENCE_MS));
    EXPECT(worker_rig_count(&rig, COUNTER_CONNECTIONS_ACCEPTED) ==
           worker_rig_count(&rig, COUNTER_CONNECTIONS_CLOSED));
    worker_rig_fini(&rig);
}

/* Sends requests until no worker answers. */
static void *visit_until_the_end(void *argument)
{
    char byte;
    uint16_t port = *(uint16_t *)argument;
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    for (;;) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool connected = connect(fd, (const struct sockaddr *)&at, sizeof at) == 0;
        if (connected && wire_send(fd, STR("GET /small.txt HTTP/1.0\r\n\r\n")))
            (void)!read(fd, &byte, 1);
        close(fd);
        if (!connected)
            return NULL;
    }
}

void worker_is_drained_under_load(void)
{
    for (unsigned round = 0; round < 5; round++) {
        pthread_t threads[CLIENTS];
        unsigned started = 0;
        worker_rig_init(&rig);
        rig.config.backend = backend;
        worker_rig_start(&rig);
        for (; started < CLIENTS; started++) {
            if (pthread_create(&threads[started], NULL, visit_until_the_end, &rig.port) != 0)
                break;
        }
        EXPECT(worker_rig_counts(&rig, COUNTER_RESPONSES, 50));
        worker_drain(rig.worker);
        EXPECT(worker_rig_ends(&rig, WORKER_RIG_PATIENCE_MS));
        for (unsigned i = 0; i < started; i++)
            pthread_join(threads[i], NULL);
        worker_rig_fini(&rig);
    }
}

static void run_on_uring(void (*run)(void))
{
    struct problem problem;
    if (!uring_is_here(&problem)) {
        printf("not on io_uring: %s\n", problem.what);
        return;
    }
    backend = BACKEND_IO_URING;
    run();
    backend = BACKEND_EPOLL;
}

void worker_serves_many_clients_on_uring(void)
{
    run_on_uring(worker_serves_many_clients);
}

void worker_is_drained_under_load_on_uring(void)
{
    run_on_uring(worker_is_drained_under_load);
}
