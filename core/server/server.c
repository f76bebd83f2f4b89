/* server: see server.h. signal(7), signalfd(2), getrlimit(2). */
#include "server/server.h"

#include "base/version.h"
#include "config/command_line.h"
#include "config/options.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "server/worker.h"
#include "system/cpus.h"
#include "system/net.h"
#include "system/uring_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum status {
    STATUS_DONE = 0,
    STATUS_FAILED = 1,
    STATUS_USAGE = 2,
};

enum {
    CONNECTIONS_MAX = 1000000, /* unless --max-connections says more */
    CACHED_FILES_MAX = 4096,   /* descriptors, in all caches together */
    PROCESS_DESCRIPTORS = 16,  /* what is open besides workers and connections */
    WORKER_DESCRIPTORS = 6,    /* of each worker, besides its listeners */
    DRAIN_NOTICE_MS = 300,     /* a drain that takes longer is explained */
};

struct server {
    const struct profile *profile;
    struct settings *settings;
    struct net_set set;
    enum backend backend;
    uint32_t threads;
    uint32_t connections_max; /* of all workers together */
    uint32_t files_max;       /* of all workers' caches together */
    struct worker **workers;
    unsigned worker_count; /* created */
    unsigned started_count;
    int signal_fd;
    int done_fd;
};

/* --- the process ------------------------------------------------------------------------------ */

/* Descriptors 0 to 2 that the parent left closed must not become sockets that messages go to. */
static void fill_standard_descriptors(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR);
        if (fd < 0)
            fd = open("/", O_PATH); /* a bare chroot */
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* Before there are threads: they inherit the mask. */
static enum status catch_signals(struct server *server)
{
    sigset_t stop;

    signal(SIGPIPE, SIG_IGN); /* sendfile has no MSG_NOSIGNAL */
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    server->signal_fd = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
    server->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->signal_fd >= 0 && server->done_fd >= 0)
        return STATUS_DONE;
    log_say("cannot watch signals: %s; raise the limits of this process", strerror(errno));
    return STATUS_FAILED;
}

/* Raises the limit of descriptors as far as it goes; returns where it then is. */
static uint64_t raise_descriptors(void)
{
    struct rlimit limit = {1024, 1024};

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return limit.rlim_cur;
    struct rlimit raised = {limit.rlim_max, limit.rlim_max};
    return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

/* --- what is served --------------------------------------------------------------------------- */

static enum status open_served(struct server *server)
{
    struct problem problem;
    if (settings_prepare(server->settings, &problem) == 0)
        return STATUS_DONE;
    log_problem(&problem);
    return STATUS_FAILED;
}

/* --- sizes ------------------------------------------------------------------------------------ */

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Resolves what the options left open, and divides the descriptors: a quarter for cached files, the
 * rest, without what the workers themselves need, for connections. */
static enum status resolve(struct server *server)
{
    const struct process_settings *process = &server->settings->process;
    uint64_t descriptors = raise_descriptors();
    uint64_t threads = process->threads ? process->threads : cpus_usable();

    if (process->connections_max)
        threads = smaller(threads, process->connections_max);
    uint64_t files = smaller(descriptors / 4, CACHED_FILES_MAX);
    uint64_t taken =
        PROCESS_DESCRIPTORS + threads * (WORKER_DESCRIPTORS + server->set.count) + files;
    uint64_t room = descriptors > taken ? descriptors - taken : 0;
    if (room < threads) {
        log_say("%llu descriptors are too few for %u threads; raise the limit (ulimit -n)",
                (unsigned long long)descriptors, (unsigned)threads);
        return STATUS_FAILED;
    }
    if (process->connections_max > room)
        log_say("%u connections need more descriptors than the limit allows, so %llu are the most; "
                "raise it (ulimit -n)",
                process->connections_max, (unsigned long long)room);
    server->threads = (uint32_t)threads;
    server->connections_max = (uint32_t)smaller(
        room, process->connections_max ? process->connections_max : CONNECTIONS_MAX);
    server->files_max = (uint32_t)files;
    return STATUS_DONE;
}

/* The part of TOTAL that falls to worker INDEX of COUNT; the parts add up to TOTAL. */
static uint64_t share(uint64_t total, unsigned index, unsigned count)
{
    return total / count + (index < total % count);
}

/* What auto means where both can be had, see README. */
enum { AUTO_BACKEND = BACKEND_EPOLL };

/* One trial for all workers. */
static enum status choose_backend(struct server *server)
{
    const enum backend wanted = server->settings->process.backend;
    enum backend *backend = &server->backend;
    struct problem problem;

    *backend = wanted == BACKEND_AUTO ? (enum backend)AUTO_BACKEND : wanted;
    if (*backend != BACKEND_IO_URING || uring_probe(&problem) == 0)
        return STATUS_DONE;
    if (wanted == BACKEND_IO_URING) {
        problem_prefix(&problem, "cannot use --backend io_uring: ");
        log_problem(&problem);
        return STATUS_FAILED;
    }
    log_say("epoll is used because %s", problem.what);
    *backend = BACKEND_EPOLL;
    return STATUS_DONE;
}

/* --- workers ---------------------------------------------------------------------------------- */

static enum status choose_addresses(struct server *server)
{
    const struct listener_settings *listener = server->settings->listeners[0];
    for (unsigned i = 0; i < listener->addresses.count; i++)
        net_add(&server->set, listener->addresses.items[i]); /* checked when it was set */
    if (listener->addresses.count == 0)
        net_add_any(&server->set);
    server->set.port = listener->port;
    server->set.backlog = (int)listener->backlog;
    return STATUS_DONE;
}

/* One worker for each set of LISTENERS, which it takes; the rest of them is closed. */
static int create_workers(struct server *server, const int *listeners, struct problem *ret_problem)
{
    const unsigned count = server->threads, each = server->set.count;
    int error = 0;
    server->workers = calloc(count, sizeof *server->workers);
    if (!server->workers) {
        error = -ENOMEM;
        problem_set_no_memory(ret_problem);
    }
    for (unsigned i = 0; !error && i < count; i++) {
        const struct worker_config config = {
            .profile = server->profile,
            .settings = server->settings,
            .backend = server->backend,
            .reports_rules = i == 0,
            .listeners = &listeners[i * each],
            .listener_count = each,
            .connections_max = (uint32_t)share(server->connections_max, i, count),
            .files_max = (uint32_t)share(server->files_max, i, count),
            .cache_bytes = share(server->settings->process.cache_bytes, i, count),
            .done_fd = server->done_fd,
        };
        error = worker_create(&server->workers[i], &config, ret_problem);
        server->worker_count += !error;
    }
    for (unsigned i = server->worker_count * each; i < count * each; i++)
        close(listeners[i]);
    return error;
}

static enum status start(struct server *server)
{
    struct problem problem;
    int *listeners = NULL;
    int error = net_listen(&server->set, server->threads, &listeners, &problem);
    if (!error)
        error = create_workers(server, listeners, &problem);
    free(listeners);
    while (!error && server->started_count < server->worker_count) {
        error = worker_start(server->workers[server->started_count], &problem);
        server->started_count += !error;
    }
    if (!error)
        return STATUS_DONE;
    log_problem(&problem);
    return STATUS_FAILED;
}

static void drain(const struct server *server)
{
    for (unsigned i = 0; i < server->started_count; i++)
        worker_drain(server->workers[i]);
}

/* --- running ---------------------------------------------------------------------------------- */

/* Standard output may be full or gone: serving goes on. */
static void show_screen(const struct server *server)
{
    char urls[NET_URLS_MAX][NET_URL_BYTES];
    unsigned count = net_urls(&server->set, urls), threads = server->threads;

    printf("%s (Sluice %s) serves ", server->profile->name, SLUICE_VERSION);
    for (const char *c = server->settings->sites[0]->root; *c; c++)
        putchar((unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c);
    putchar('\n');
    for (unsigned i = 0; i < count; i++)
        printf("  %s\n", urls[i]);
    printf("  %u thread%s, %s; Ctrl-C stops it\n", threads, threads == 1 ? "" : "s",
           backend_name(server->backend));
    fflush(stdout);
}

/* Whether SIGINT or SIGTERM has come. */
static bool signalled(const struct server *server)
{
    struct signalfd_siginfo info;
    return read(server->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info);
}

/* How many workers have ended since the last call. */
static uint64_t ended(const struct server *server)
{
    uint64_t count;
    return read(server->done_fd, &count, sizeof(count)) == (ssize_t)sizeof(count) ? count : 0;
}

/* Waits until every worker has ended: because a signal asked for it, or one failed. */
static enum status run(const struct server *server)
{
    struct pollfd watched[] = {{server->signal_fd, POLLIN, 0}, {server->done_fd, POLLIN, 0}};
    enum status status = STATUS_DONE;
    bool draining = false, told = false;
    uint64_t running = server->started_count;

    while (running > 0) {
        int ready = poll(watched, COUNT_OF(watched), draining && !told ? DRAIN_NOTICE_MS : -1);
        if (ready == 0) {
            log_say("finishing responses in flight; send the signal again to stop immediately");
            told = true;
        }
        bool stop = signalled(server);
        if (stop && draining) {
            log_say("stopped at once");
            _exit(STATUS_FAILED);
        }
        uint64_t gone = ended(server);
        running -= smaller(gone, running);
        if (gone > 0 && !stop && !draining) {
            log_say("a worker failed, so all stop; start the server again");
            status = STATUS_FAILED;
            stop = true;
        }
        if (stop) {
            drain(server);
            draining = true;
        }
    }
    return status;
}

static void show_summary(const struct server *server)
{
    struct metrics sum = {0};
    char line[METRICS_LINE_BYTES];

    for (unsigned i = 0; i < server->worker_count; i++)
        metrics_add(&sum, worker_counters(server->workers[i]));
    metrics_summary(&sum, line);
    printf("%s %s\n", server->profile->name, line);
    fflush(stdout);
}

static void server_fini(struct server *server)
{
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_destroy(server->workers[i]);
    free(server->workers);
    settings_unref(server->settings);
    if (server->signal_fd >= 0)
        close(server->signal_fd);
    if (server->done_fd >= 0)
        close(server->done_fd);
}

/* From here on a signal ends the program in the ordinary way, and a disk that hangs does not keep it:
 * then nothing is tidied up. */
static void end_promptly(const struct server *server, enum status status)
{
    sigset_t stop;

    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    sigprocmask(SIG_UNBLOCK, &stop, NULL);
    for (unsigned i = 0; i < server->worker_count; i++) {
        if (worker_busy(server->workers[i]))
            _exit(status);
    }
}

static enum status serve(struct server *server)
{
    static enum status (*const steps[])(struct server * server) = {
        catch_signals, open_served, choose_addresses, choose_backend, resolve, start,
    };
    enum status status = STATUS_DONE;

    for (size_t i = 0; status == STATUS_DONE && i < COUNT_OF(steps); i++)
        status = steps[i](server);
    if (status == STATUS_DONE) {
        show_screen(server);
        status = run(server);
        show_summary(server);
        end_promptly(server, status);
    } else {
        drain(server);
    }
    return status;
}

static enum status show(const struct profile *profile, enum command command)
{
    if (command == COMMAND_HELP)
        options_help(profile, stdout);
    else
        printf("%s (Sluice) %s\n" SLUICE_LICENCE "\n", profile->name, SLUICE_VERSION);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return STATUS_DONE;
    log_say("cannot write to standard output: %s; redirect it", strerror(errno));
    return STATUS_FAILED;
}

int server_run(const struct profile *profile, struct settings *settings)
{
    struct server server = {
        .profile = profile, .settings = settings_ref(settings), .signal_fd = -1, .done_fd = -1};
    enum status status = serve(&server);
    server_fini(&server);
    return status;
}

int server_main(const struct profile *profile, int argc, char **argv)
{
    const struct command_line line = {profile->name, argc, argv};
    struct problem problem;
    enum command command;
    fill_standard_descriptors();
    log_open(profile->name);
    struct settings *settings = settings_create();
    if (!settings)
        problem_set_no_memory(&problem);
    int status = STATUS_USAGE;
    if (!settings || command_line_parse(&line, settings, &command, &problem) < 0)
        log_problem(&problem);
    else if (command == COMMAND_SERVE)
        status = server_run(profile, settings);
    else
        status = show(profile, command);
    settings_unref(settings);
    return status;
}
