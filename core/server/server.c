/* server: see server.h. */
#include "server/server_parts.h"

#include "admin/admin.h"
#include "base/clock.h"
#include "observe/access_log.h"
#include "observe/error_log.h"
#include "observe/log.h"
#include "server/descriptors.h"
#include "server/generation.h"
#include "server/handover.h"
#include "server/identity.h"
#include "server/listening.h"
#include "server/listening_adopt.h"
#include "server/logs.h"
#include "server/process.h"
#include "server/screen.h"
#include "server/service.h"
#include "server/signals.h"
#include "server/sizing.h"
#include "server/supervisor.h"
#include "server/watching.h"
#include "site/store_shared.h"
#include "system/tcp_memory.h"
#include "system/uring_probe.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { LAST_LINES_MS = 10 * 1000 }; /* for the access logs, at the end */

enum { TCP_MEMORY_SHARE = 4 }; /* a quarter of what the host gives to TCP is for this server */

struct server {
    const struct profile *profile;
    const struct command_line *line; /* *borrowed*: a reload reads it again */
    struct settings *settings;       /* of the start: a reference */
    struct generation *generation;   /* a reload replaces it */
    enum backend backend;
    struct access_logs *logs; /* NULL: no site has one */
    struct watching watching;
    struct admin_live live;      /* for it */
    struct inherited *inherited; /* *borrowed* */
    struct listening listening;
    int *sockets;       /* of all workers */
    bool sockets_given; /* to the supervisor */
    struct handover handover;
    uint64_t descriptors; /* that the process may have open */
    struct sizes sizes;
    struct store_shared *shared;
    struct signals signals;
    struct service service;
    struct supervisor supervisor;
    double started; /* POSIX time in seconds */
};

/* --- Steps: 0, or a negative errno with *RET_PROBLEM set ------------------------------------ */

static int catch_signals(struct server *server, struct problem *ret_problem)
{
    return signals_open(&server->signals, ret_problem);
}

static int make_generation(struct server *server, struct problem *ret_problem)
{
    return generation_create(&server->generation, server->settings, NULL, ret_problem);
}

/* After close_inherited: it opens the roots. */
static int share_generation(struct server *server, struct problem *ret_problem)
{
    return generation_follow(server->generation, NULL, ret_problem);
}

/* After the files that options name have been read, which may be pipes of a shell (<(...)), and
 * before the server opens a descriptor that stays. */
static int close_inherited(struct server *server, struct problem *ret_problem)
{
    return descriptors_close_others(server->generation->settings, server->inherited,
                                    server->handover.parent_fd, ret_problem);
}

/* The logs of the server. RUNNING: it serves. */
static struct logs logs_of(struct server *server, bool running)
{
    return (struct logs){
        .access = &server->logs,
        .worker_count = server->sizes.threads,
        .tag = server->profile->name,
        .running = running,
    };
}

static int open_logs(struct server *server, struct problem *ret_problem)
{
    const struct logs logs = logs_of(server, false);
    return logs_open(&logs, server->generation->settings, ret_problem);
}

/* What auto means where both work; see README. */
enum { AUTO_BACKEND = BACKEND_EPOLL };

/* One probe for all workers. */
static int choose_backend(struct server *server, struct problem *ret_problem)
{
    const enum backend wanted = server->generation->settings->process.backend;
    server->backend = wanted == BACKEND_AUTO ? (enum backend)AUTO_BACKEND : wanted;
    int error = server->backend == BACKEND_IO_URING ? uring_probe(ret_problem) : 0;
    if (error && wanted == BACKEND_AUTO) {
        log_say("epoll is used because %s", ret_problem->what);
        server->backend = BACKEND_EPOLL;
        return 0;
    }
    if (error)
        problem_prefix(ret_problem, "cannot use --backend io_uring: ");
    return error;
}

static int choose_addresses(struct server *server, struct problem *ret_problem)
{
    return listening_choose(&server->listening, server->generation->settings, ret_problem);
}

static int find_sizes(struct server *server, struct problem *ret_problem)
{
    const struct process_settings *process = &server->generation->settings->process;
    server->descriptors = process_raise_descriptors();
    const struct sizing_limits limits = {
        .descriptors = server->descriptors,
        .listener_count = server->listening.socket_count,
        .site_count = server->generation->settings->site_count,
        .log_count = sizing_count_logs(server->generation->settings),
    };
    int error = sizing_find(process, &limits, &server->sizes, ret_problem);
    if (!error && server->sizes.connections_max < process->connections_max)
        log_write(LOG_LEVEL_WARNING,
                  "%u connections need more descriptors than the limit allows, so %u are the most; "
                  "raise it (ulimit -n)",
                  process->connections_max, server->sizes.connections_max);
    return error;
}

static int share_sites(struct server *server, struct problem *ret_problem)
{
    uint32_t workers = server->sizes.threads;
    const struct settings *settings = server->generation->settings;
    uint64_t cache_bytes = settings->process.cache_bytes;
    const struct store_shared_config config = {
        .store_count = workers,
        .paths_max = worker_cache_entries(cache_bytes / workers),
        .cache_bytes = cache_bytes,
    };
    server->shared = store_shared_create(&config);
    if (server->shared)
        return 0;
    problem_set_no_memory(ret_problem);
    return -ENOMEM;
}

static int become_user(struct server *server, struct problem *ret_problem)
{
    return identity_assume(server->generation->settings, server->generation->https, server->logs,
                           ret_problem);
}

static int open_service(struct server *server, struct problem *ret_problem)
{
    return service_open(&server->service, &server->generation->settings->process, environ,
                        ret_problem);
}

static int open_admin(struct server *server, struct problem *ret_problem)
{
    server->listening.inherited = server->inherited;
    return watching_open(&server->watching, server->settings, &server->listening, ret_problem);
}

/* Once the workers serve. */
static int start_admin(struct server *server, struct problem *ret_problem)
{
    const struct admin_source source = {
        .program = server->profile->name,
        .backend = backend_name(server->backend),
        .live = &server->live,
        .worker_count = server->supervisor.worker_count,
        .started = server->started,
    };
    watching_follow(&server->watching, server->generation);
    const int error =
        watching_start(&server->watching, &source, server->supervisor.workers, ret_problem);
    if (error)
        supervisor_drain(&server->supervisor);
    return error;
}

static int open_listeners(struct server *server, struct problem *ret_problem)
{
    int error = listening_open(&server->listening, server->generation->settings,
                               server->sizes.threads, &server->sockets, ret_problem);
    if (error)
        return error;
    listening_close_unused(server->inherited);
    server->handover.listening = &server->listening;
    server->handover.settings = server->settings;
    server->handover.admin = &server->watching.admin;
    server->handover.sockets = &server->sockets;
    server->handover.worker_count = server->sizes.threads;
    handover_receive(&server->handover, server->generation->https);
    return 0;
}

static int start(struct server *server, struct problem *ret_problem)
{
    const struct listening *listening = &server->listening;
    struct tcp_memory memory;
    tcp_memory_read(&memory);
    server->live = (struct admin_live){
        .connections_max = server->sizes.connections_max,
        .cache_bytes_max = server->settings->process.cache_bytes,
        .last_reload_s = clock_wall_us() / 1000000,
    };
    const struct worker_config config = {
        .profile = server->profile,
        .settings = server->generation->settings,
        .generation = server->generation,
        .hosts = server->generation->hosts,
        .shares = server->generation->shares,
        .shared = server->shared,
        .backend = server->backend,
        .listeners = server->sockets,
        .listener_count = listening->socket_count,
        .listener_origins = listening->socket_origins,
        .listener_shared = listening->socket_shared,
        .origins = listening->origins.items,
        .trusted = generation_trusted(server->generation),
        .tls = https_shared(server->generation->https),
        .logs = server->logs,
        .unsent = {.bytes = memory.pressure_bytes / TCP_MEMORY_SHARE,
                   .send_bytes_max = memory.send_bytes_max},
    };
    server->supervisor.settings = server->generation->settings;
    server->supervisor.signals = &server->signals;
    server->supervisor.service = &server->service;
    server->supervisor.watching = &server->watching;
    server->supervisor.live = &server->live;
    server->supervisor.https = server->generation->https;
    server->supervisor.logs = server->logs;
    server->supervisor.reload = (struct reload){
        .line = server->line,
        .started = server->settings,
        .generation = &server->generation,
        .logs = logs_of(server, true),
        .limits = {.connections_max = server->sizes.connections_max,
                   .cache_bytes_max = server->settings->process.cache_bytes,
                   .descriptors = server->descriptors,
                   .threads = server->sizes.threads,
                   .live = &server->live},
        .service = &server->service,
        .listening = &server->listening,
        .sockets = &server->sockets,
        .watching = &server->watching,
    };
    server->supervisor.handover = &server->handover;
    server->sockets_given = true;
    return supervisor_start(&server->supervisor, &config, &server->sizes, ret_problem);
}

/* --- The life of a server ------------------------------------------------------------------- */

/* Takes over what the process before this one leaves: it has let this one go. */
static void keep_files(struct server *server)
{
    listening_keep(&server->listening);
    const int error = admin_keep(server->watching.admin);
    if (error)
        log_write(LOG_LEVEL_WARNING, "the socket of --admin keeps its former mode and owner: %s",
                  strerror(-error));
}

/* Runs until the workers have ended. From then on signals end the process in the ordinary way,
 * and a disk that hangs does not keep it: then nothing is freed. */
static int run(struct server *server)
{
    struct screen screen = {
        .profile = server->profile,
        .settings = server->generation->settings,
        .listening = &server->listening,
        .admin = server->watching.admin,
        .fingerprint = https_fingerprint(server->generation->https),
        .threads = server->sizes.threads,
        .backend = server->backend,
    };
    struct metrics totals = {0};
    log_set_waiting(false);
    screen_show(&screen);
    handover_report_ready(&server->handover);
    keep_files(server);
    service_ready(&server->service);
    int status =
        supervisor_run(&server->supervisor) == 0 ? SERVER_STATUS_DONE : SERVER_STATUS_FAILED;
    listening_end(&server->listening);
    bool logged = access_logs_stop(server->logs, LAST_LINES_MS);
    logged = error_log_stop(LAST_LINES_MS) && logged;
    supervisor_count(&server->supervisor, &totals);
    log_set_waiting(true);
    screen.settings = server->generation->settings;
    screen_show_totals(&screen, &totals);
    service_close(&server->service);
    signals_release();
    if (supervisor_is_busy(&server->supervisor) || !store_shared_stop(server->shared) || !logged)
        _exit(status);
    return status;
}

/* The steps before the server serves. */
static int (*const steps[])(struct server *server, struct problem *ret_problem) = {
    make_generation, choose_addresses,
    close_inherited, share_generation,
    catch_signals,   choose_backend,
    find_sizes,      share_sites,
    open_logs,       open_admin,
    open_listeners,  become_user,
    open_service,    start,
    start_admin,
};

/* Closes the sockets of a server whose workers have not been made. */
static void close_sockets(const struct server *server)
{
    const unsigned count = server->sizes.threads * server->listening.socket_count;
    for (unsigned i = 0; server->sockets && !server->sockets_given && i < count; i++)
        close(server->sockets[i]);
}

/* Takes all steps. False: one failed, which is reported. */
static bool take_steps(struct server *server)
{
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct problem problem;
        if (steps[i](server, &problem) == 0)
            continue;
        log_problem(&problem);
        return false;
    }
    return true;
}

/* Finds out how to start a new version, and the process that this one is to replace. */
static int prepare_upgrade(struct handover *ret, const struct server_start *start,
                           struct problem *ret_problem)
{
    *ret = (struct handover){
        .upgrade = {.fd = -1},
        .parent_fd = upgrade_find_parent(start->inherited),
    };
    return upgrade_init(&ret->upgrade, start->line->argv, environ, ret_problem);
}

int server_serve(const struct server_start *start)
{
    struct server server = {
        .profile = start->profile,
        .line = start->line,
        .settings = settings_ref(start->settings),
        .inherited = start->inherited,
        .signals = *start->signals,
        .started = (double)clock_wall_us() / 1e6,
        .watching = WATCHING_INIT,
        .supervisor = {.done_fd = -1, .changed_fd = -1},
    };
    struct problem problem;
    int status = SERVER_STATUS_FAILED;
    if (prepare_upgrade(&server.handover, start, &problem) < 0)
        log_problem(&problem);
    else if (take_steps(&server))
        status = run(&server);
    service_close(&server.service);
    watching_end(&server.watching);
    supervisor_fini(&server.supervisor);
    close_sockets(&server);
    listening_end(&server.listening);
    if (!access_logs_stop(server.logs, LAST_LINES_MS) || !error_log_stop(LAST_LINES_MS))
        _exit(status);
    error_log_close();
    access_logs_destroy(server.logs);
    store_shared_destroy(server.shared);
    generation_unref(server.generation);
    settings_unref(server.settings);
    signals_close(&server.signals);
    handover_fini(&server.handover);
    free(server.sockets);
    return status;
}
